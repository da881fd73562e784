"""Dagster's event log in its stock SQLite files, written with less ceremony: a fraction of the time for every event.

Stock storage builds an engine for each of its connections, opens up to five of them an event, and waits for the disk
at every commit and close. Here an event takes one transaction in its run's file and one in the index, the partitions
of a step are stored together, and nothing waits for the disk. Files and readers are the stock ones: take the
`event_log_storage` block out of dagster.yaml and everything goes on as before. Builds on parts of Dagster that are not
public; `leap_assets_tests/test_event_log.py` fails when an upgrade changes them.
"""

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    BATCH_WRITABLE_EVENTS,
    EVENT_TYPE_TO_PIPELINE_RUN_STATUS,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

BATCH_SIZE = 1000
# events held back at most; a step's are written before its success is, so a killed run loses none of a finished step
ENGINES = 16
# files whose engines are kept: a run has its own and the index, the UI reads those of many
MIRRORED = ASSET_EVENTS | ASSET_CHECK_EVENTS | set(EVENT_TYPE_TO_PIPELINE_RUN_STATUS)
# kinds of events that the index over all runs has, too
_UNWRITABLE = re.compile(
    "disk I/O error|database or disk is full|readonly database|unable to open database file"
)
# what SQLite says of a disk that is full or may not be written; a lock that lasts too long is none of these


class UnwritableHistoryError(Exception):
    """The history of runs cannot be written; the message says what to do."""


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Stock storage but for how it connects and how many transactions it makes of the events of a run."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Dagster looks this up at every event; runs that this process starts inherit it
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(BATCH_SIZE))
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        self._joined = threading.local()
        self._idle: dict[str, sqlite3.Connection] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "BatchedSqliteEventLogStorage":
        """Build the storage that dagster.yaml names; the stock method names its own class."""
        return cls(inst_data=inst_data, **config_value)

    def run_connection(self, run_id: str | None = None) -> Any:
        """Open a run's own file; one that retention has removed meanwhile is made anew, not taken for complete."""
        if run_id and not os.path.exists(self.path_for_shard(run_id)):  # noqa: PTH110 - the stock method gives a text
            self._initialized_dbs.discard(run_id)
        return super().run_connection(run_id)

    def index_connection(self) -> Any:
        """Open the index over all runs, or take part in the transaction that this thread has open there."""
        if (joined := getattr(self._joined, "connection", None)) is not None:
            return contextlib.nullcontext(joined)
        return super().index_connection()

    @contextlib.contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """As the stock method, but an engine a file, which knows the statements that it has compiled before."""
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            if len(self._engines) >= ENGINES:
                self._engines.clear()
            self._engines[shard] = engine = sqlalchemy.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=NullPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
            sqlalchemy.event.listen(engine, "connect", _without_waiting_for_the_disk)
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table, which the stock method looks up at every event; a table never goes."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Close what is open."""
        super().dispose()
        with self._db_lock:
            for connection in self._idle.values():
                connection.close()
            self._idle.clear()

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event as stock storage does."""
        with self._explained():
            self._store_together([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store the events of one run together: its own file, then the index over all runs."""
        kinds = {event.dagster_event_type for event in events}
        with self._explained():
            if kinds <= BATCH_WRITABLE_EVENTS and len({event.run_id for event in events}) == 1:
                self._store_together(events)
            else:
                super().store_event_batch(events)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if said := _UNWRITABLE.search(str(error)):
                raise UnwritableHistoryError(
                    f"The history of runs in {self._base_dir} could not be written: {said[0]}. Free space on its disk, "
                    "raise the quota or the limit of file sizes (ulimit -f), or give the user that runs Leap the right "
                    "to write it; then run the days of this run again."
                ) from error
            raise

    def _store_together(self, events: Sequence[EventLogEntry]) -> None:
        run_id = events[0].run_id
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        self._keep_open(INDEX_SHARD_NAME, run_id)
        # the live log of the UI waits for a change of this file, and the events are in its write-ahead log
        os.utime(self.path_for_shard(run_id))
        kept = [number for number, event in enumerate(events) if event.dagster_event_type in MIRRORED]
        if not kept:
            return
        with self.index_connection() as connection:
            insert = SqlEventLogStorageTable.insert().returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            ids: Sequence[int] = connection.execute(insert, [rows[n] for n in kept]).scalars().all()
            self._joined.connection = connection
            try:
                self._store_in_index(connection, [events[n] for n in kept], ids)
            finally:
                self._joined.connection = None

    def _store_in_index(
        self, connection: Connection, events: Sequence[EventLogEntry], ids: Sequence[int]
    ) -> None:
        stored = list(zip(events, ids, strict=True))
        of_assets = [(event, id_) for event, id_ in stored if event.dagster_event_type in ASSET_EVENTS]
        if of_assets:
            self._store_asset_event_tags(connection, *zip(*of_assets, strict=True))
        # the table of assets holds the latest event alone: one update per asset and kind
        latest = {
            (event.get_dagster_event().asset_key, event.dagster_event_type): (event, id_)
            for event, id_ in of_assets
        }
        for event, id_ in latest.values():
            self._store_asset_event(connection, event, id_)
        for event, id_ in stored:
            if event.dagster_event_type in ASSET_CHECK_EVENTS:
                # opens the index by itself, and gets the connection of here
                self.store_asset_check_event(event, id_)

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        """Plan a check once, whatever days the run has: a check of Leap is evaluated once a run, without a day.

        The stock method writes a plan for each day, and no evaluation ever takes the place of one.
        """
        planned = event.get_dagster_event()
        data: Any = planned.event_specific_data
        once = AssetCheckEvaluationPlanned(asset_key=data.asset_key, check_name=data.check_name)
        event = event._replace(dagster_event=planned._replace(event_specific_data=once))
        super()._store_asset_check_evaluation_planned(event, event_id)

    def _keep_open(self, *shards: str) -> None:
        """Keep an idle connection to the index and to the file of the run that is written.

        When the last connection to a file is closed, SQLite brings its write-ahead log into the file and waits for
        the disk: at every event, if each closes what it has opened.
        """
        with self._db_lock:
            for shard in [shard for shard in self._idle if shard not in shards]:
                self._idle.pop(shard).close()
            for shard in shards:
                if shard not in self._idle:
                    self._idle[shard] = sqlite3.connect(self.path_for_shard(shard), check_same_thread=False)
                    # only a connection that has read counts
                    self._idle[shard].execute("select 1 from event_logs limit 1").fetchall()


def _without_waiting_for_the_disk(connection: sqlite3.Connection, _: Any) -> None:
    """With a write-ahead log, a power cut may then cost the last events, and never harms the file.

    The death of a process costs nothing.
    """
    connection.execute("pragma synchronous = normal")
