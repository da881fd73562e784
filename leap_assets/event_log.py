"""Dagster's event log in its stock SQLite files, written in batches: a fraction of the time for the days of a range.

Stock storage opens five connections and commits four times for every materialised partition, 12 to 16 ms each; this
subclass stores the partitions of a step together. Files, rows and readers are the stock ones: take the
`event_log_storage` block out of dagster.yaml and everything goes on as before. Builds on parts of Dagster that are
not public; `leap_assets_tests/test_event_log.py` fails when an upgrade changes them.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster._core.events import ASSET_EVENTS, BATCH_WRITABLE_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from sqlalchemy.exc import OperationalError

BATCH_SIZE = 1000
# events held back at most; a step's are written before its success is, so a killed run loses none of a finished step
_UNWRITABLE = re.compile(
    "disk I/O error|database or disk is full|readonly database|unable to open database file"
)
# what SQLite says of a disk that is full or may not be written; a lock that lasts too long is none of these


class UnwritableHistoryError(Exception):
    """The history of runs cannot be written; the message says what to do."""


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Stock storage but for `store_event_batch`: two transactions a batch instead of four an event."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Dagster looks this up at every event; runs that this process starts inherit it
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(BATCH_SIZE))
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

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event as stock storage does."""
        with self._explained():
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store the events of one run together: its own file, then the index over all runs."""
        with self._explained():
            self._store_together(events)

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
        entries = [(event, event.dagster_event) for event in events]
        kinds = {inner.event_type if inner else None for _, inner in entries}
        if not kinds <= BATCH_WRITABLE_EVENTS or len({event.run_id for event in events}) != 1:
            super().store_event_batch(events)
            return
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        with self.index_connection() as connection:
            insert = SqlEventLogStorageTable.insert().returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            ids: Sequence[int] = connection.execute(insert, rows).scalars().all()
            stored = list(zip(entries, ids, strict=True))
            of_assets = [
                (event, inner, id_)
                for (event, inner), id_ in stored
                if inner and inner.event_type in ASSET_EVENTS
            ]
            if of_assets:
                self._store_asset_event_tags(
                    connection, [event for event, _, _ in of_assets], [id_ for _, _, id_ in of_assets]
                )
            # the table of assets holds the latest event alone: one update per asset and kind
            latest = {(inner.asset_key, inner.event_type): (event, id_) for event, inner, id_ in of_assets}
            for event, id_ in latest.values():
                self._store_asset_event(connection, event, id_)
        # checks open a connection of their own, and the one above holds the file's lock
        for (event, inner), id_ in stored:
            if inner and inner.event_type not in ASSET_EVENTS:
                self.store_asset_check_event(event, id_)
