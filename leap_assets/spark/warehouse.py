"""The warehouse on a Spark cluster, as the resource that assets ask; the DuckDB file is a copy of what people see."""

import contextlib
import datetime as dt
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import dagster as dg
import duckdb
import pyarrow as pa
from pydantic import PrivateAttr

from leap_assets.landing.files import list_files
from leap_assets.landing.hashing import KeyedHash
from leap_assets.landing.ingestion import Loaded
from leap_assets.landing.thresholds import Finding, Thresholds, check_thresholds
from leap_assets.partitions import Window
from leap_assets.resources import Warehouse, check_recorded
from leap_assets.settings import SPARK, Settings, SettingsError
from leap_assets.simulated_day import DayWriter
from leap_assets.spark import detection, loading, mirror
from leap_assets.spark.session import connect, errors_explained, place_of
from leap_assets.spark.tables import read_world, record_world, types_of
from leap_assets.warehouse.counts import DAY_COLUMNS, as_metadata
from leap_assets.warehouse.match_day import Rule

WRITTEN = pa.schema(
    [("day", pa.date32()), ("kind", pa.string()), ("name", pa.string()), ("number", pa.int64())]
)


class SparkWarehouse(Warehouse):
    """Tables on a Spark cluster; the run's turn to write them is that of the data folder."""

    remote: str
    landing_uri: str = ""
    _session: Any = PrivateAttr(default=None)
    _is_brought: bool = PrivateAttr(default=False)

    @classmethod
    def from_settings(cls, settings: Settings, **more: Any) -> Self:
        """The warehouse of an installation.

        Without `remote` in `more`, the address is read from the environment when a run starts: the UI shows what a
        resource is made with, and an address may have a token.

        Raises
        ------
        SettingsError
            When the packages of the extra `spark` are not installed.
        """
        if lacking := [name for name in ("pyspark", "dbt.adapters.spark") if not _is_installed(name)]:
            raise SettingsError(
                f"LEAP_ENGINE={SPARK} needs packages that are not installed here ({', '.join(lacking)}): "
                'pip install --editable ".[spark]".'
            )
        own = {"remote": dg.EnvVar("SPARK_REMOTE"), "landing_uri": settings.landing_uri}
        return super().from_settings(settings, **{**own, **more})

    @property
    def session(self) -> Any:
        """The run's session, opened when the first step asks.

        Raises
        ------
        SparkError
            When the cluster cannot be used.
        WrongWorldError
            When its tables were made with other settings.
        """
        if self._session is None:
            session = connect(self.remote)
            try:
                with errors_explained(self.remote):
                    if (recorded := read_world(session)) is None:
                        record_world(session, self.world)
                    else:
                        check_recorded(recorded, self.world, f"The schemas leap_* of {place_of(self.remote)}")
            except BaseException:
                session.stop()
                raise
            self._session = session
        return self._session

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the session, then let the next run in."""
        try:
            if self._session is not None:
                # a server that has gone has no session to close
                with contextlib.suppress(Exception):
                    self._session.stop()
                self._session = None
        finally:
            super().teardown_after_execution(context)

    @contextlib.contextmanager
    def errors_explained(self) -> Iterator[None]:
        """Also what Spark raises becomes an error that says what to do."""
        with super().errors_explained(), errors_explained(self.remote):
            yield

    def simulate(
        self, writer: DayWriter, days: Window
    ) -> Iterator[tuple[dt.date, dict[str, int], dict[str, int]]]:
        """A day a task; the workers write into the data folder, which they see under the same path."""
        all_days = list(days)

        def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for number in batch["id"].to_pylist():
                    lines, told = writer.write(all_days[number])
                    rows = [
                        {"day": all_days[number], "kind": kind, "name": name, "number": rows}
                        for kind, counts in (("lines", lines), ("told", told))
                        for name, rows in counts.items()
                    ]
                    # a day of nothing is one that was written, too
                    rows.append({"day": all_days[number], "kind": "", "name": "", "number": 0})
                    yield pa.RecordBatch.from_pylist(rows, schema=WRITTEN)

        with self.errors_explained():
            rows = (
                self.session.range(0, len(all_days), 1, len(all_days))
                .mapInArrow(write, types_of(WRITTEN))
                .collect()
            )
        for day in all_days:
            own = [row for row in rows if row.day == day]
            lines, told = (
                {row.name: row.number for row in own if row.kind == kind} for kind in ("lines", "told")
            )
            yield day, lines, told

    def load(
        self,
        landing_dir: Path,
        days: Sequence[dt.date],
        *,
        logs: Sequence[str],
        start_date: dt.date,
        rates: Mapping[str, dt.date],
        session_max_hours: float,
        hashing: KeyedHash | None,
        event_types: Sequence[str],
        thresholds: Thresholds,
        expected_logs: Sequence[str],
        say: Callable[[str], None],
    ) -> tuple[list[Loaded], list[Finding]]:
        """A file a task: see `leap_assets.spark.loading`."""
        contents = {}
        with self.errors_explained():
            files = {}
            for log in logs:
                if self.landing_uri:
                    files[log], contents[log] = loading.list_uri_files(
                        self.session, self.landing_uri, log, days
                    )
                else:
                    files[log] = list_files(landing_dir, log, days)
            loaded = loading.load_deliveries(
                self.session,
                files,
                days,
                start_date=start_date,
                rates=rates,
                session_max_hours=session_max_hours,
                hashing=hashing,
                event_types=event_types,
                memory_limit=self.memory_limit or "1GB",
                contents=contents,
                say=say,
            )
            return loaded, check_thresholds(self._query, days, expected_logs, thresholds)

    def _query(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        return [tuple(row) for row in self.session.sql(sql, args=list(values)).collect()]

    def replace_conflicts(self, window: Window, rule: Rule) -> dict[str, dict[dt.date, int]]:
        """Detect the conflicts of some event days: see `leap_assets.spark.detection`."""
        with self.errors_explained():
            return detection.replace_conflicts(self.session, window, rule)

    def count_rows(
        self, tables: Sequence[tuple[str, str]], days: Window
    ) -> dict[tuple[str, str], dict[str | None, dict[str, int]]]:
        """Row counts as metadata, all tables in one query."""
        with self.errors_explained():
            there = {
                (schema, row.tableName)
                for schema in {schema for schema, _ in tables}
                for row in self.session.sql(f"show tables in {schema}").collect()
            }
            found = {table: self._day_column(*table) for table in tables if table in there}
            if not found:
                return {}
            rows = self.session.sql(
                " union all ".join(
                    f"select '{schema}' as schema_name, '{table}' as table_name, {day or 'cast(null as date)'} as day, "
                    f"count(*) as number from {schema}.{table} {f'group by {day}' if day else ''}"
                    for (schema, table), day in found.items()
                )
            ).collect()
        counts: dict[tuple[str, str], dict[str | None, dict[str, int]]] = {}
        for key, day_column in found.items():
            by_day = {row.day: row.number for row in rows if (row.schema_name, row.table_name) == key}
            total = sum(by_day.values())
            counts[key] = as_metadata(total, by_day if day_column else None, days)
        return counts

    def _day_column(self, schema: str, table: str) -> str:
        names = self.session.table(f"{schema}.{table}").columns
        return next((name for name in DAY_COLUMNS if name in names), "")

    @contextlib.contextmanager
    def shown(self, window: Window) -> Iterator[duckdb.DuckDBPyConnection]:
        """The copy in the DuckDB file, brought up to date once a run."""
        with self.get_connection() as connection:
            if not self._is_brought:
                mirror.bring(self.session, connection, window)
                self._is_brought = True
            yield connection

    def keep(self, connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
        """Write a small table of the copy to the cluster."""
        with self.errors_explained():
            mirror.put_back(self.session, connection, f"{schema}.{table}")


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
