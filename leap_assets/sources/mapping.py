"""The SELECTs of a mapped source: checked against the contracts, and run over the records of one file after another.

A SELECT is somebody's SQL: it runs on a database of its own in memory, which reaches no file and no other database.
What comes out is handed over as Arrow batches a day; files are written in `taking_in.py`.
"""

import dataclasses
import datetime as dt
import difflib
import itertools
import json
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from leap_assets.landing.contracts import CONTRACTS, Column, Contract
from leap_assets.landing.hashing import TEXT_PREFIX, KeyedHash
from leap_assets.landing.relations import DELIVERED, IS_CSV_DOUBLE, UNREADABLE, parquet_value
from leap_assets.landing.validation import (
    Value,
    can_fit,
    hashed_id_sql,
    quote_identifier,
    quote_literal,
    time_sql,
)
from leap_assets.sources.declaration import (
    PERSONAL_PROPERTY,
    PLAYER,
    SKIP,
    MappedSource,
    Select,
    SourceError,
)
from leap_assets.sources.delivered import DELIMITERS, RecordFile, open_records
from leap_assets.sources.fields import (
    FieldPath,
    NamedFields,
    closest,
    find_named_fields,
    listed,
    looks_like_record,
    path_sql,
    syntax_nodes,
)

MEMORY_LIMIT = "320MB"
# of the records of one file and what the SELECTs make of them; what goes beyond is kept on disk
BATCH_ROWS = 50_000
PREPARE_LIMIT_S = 60.0
# for a SELECT over no record, and over one of nothing
TABLE_FUNCTIONS = ("unnest", "range", "generate_series", "json_each", "json_tree", "repeat")
# of all others some change the database (enable_logging), and some look around in it
SIZED_FUNCTIONS = ("repeat", "lpad", "rpad", "list_resize", "array_resize", "range", "generate_series")
LARGEST_SIZE = 1_000_000
# characters or members of the one value that they make: DuckDB makes it at once, unbounded and not to be interrupted
REASON_CHARS = 500
LINE_NUMBER, LINE_NUMBERS, SOURCE_FILE = "line_number", "line_numbers", "source_file"
_LINEAGE_TYPES = {LINE_NUMBER: "BIGINT", LINE_NUMBERS: "BIGINT[]", SOURCE_FILE: "VARCHAR"}
NULL_TYPE = "NULL"
ERASED = "leap_erased_player"
# table of the hashed ids that are left out
UNREADABLE_SCHEMA = pa.schema(
    [(UNREADABLE, pa.large_string()), (DELIVERED[0], pa.string()), (DELIVERED[1], pa.int64())]
)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A SELECT that was checked: its SQL, the contract's columns that it returns with their types, and its lineage.

    `lines` is SQL of the delivered lines that a row is made of, as a list; None when the SELECT does not tell.
    """

    select: Select
    contract: Contract
    sql: str
    columns: Mapping[str, str]
    lines: str | None
    is_plain: bool
    personal: tuple[str, ...] = ()
    hashing: KeyedHash | None = None
    fields: NamedFields = dataclasses.field(default_factory=NamedFields)

    @property
    def table(self) -> str:
        """Name of the table of what came out."""
        return f"mapped_{self.contract.log}"


@dataclasses.dataclass(frozen=True)
class Counts:
    """What became of the records of a file: `mapped` are rows by log, `ignored` is None when it is not known."""

    records: int
    unreadable: int
    mapped: Mapping[str, int]
    ignored: int | None


class Mapper:
    """Runs the SELECTs of a source over files, one at a time.

    Parameters
    ----------
    source : MappedSource
    work_dir : Path
        Folder for what does not fit into memory; made when it does not exist.
    hashing : KeyedHash, optional
        What hashes the personal columns; must be there when the source has some.
    erased : collection of str
        Hashed ids of players whose rows are left out.

    Raises
    ------
    SourceError
        When a SELECT cannot be used; the message names the file, the line and the remedy.
    """

    def __init__(
        self,
        source: MappedSource,
        work_dir: Path,
        *,
        hashing: KeyedHash | None = None,
        erased: Collection[str] = (),
    ) -> None:
        if source.is_private and hashing is None:
            raise ValueError("the source has personal columns, which cannot be written without a key")
        work_dir.mkdir(parents=True, exist_ok=True)
        # delivered values may spill into it
        work_dir.chmod(0o700)
        self._source = source
        self._work_dir = work_dir
        self._file: RecordFile | None = None
        # whether `limit` left out records of the file that was mapped last
        self.is_cut = False
        self._connection = duckdb.connect(
            # one thread: rows come out in the order of the records
            config={
                "threads": 1,
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": str(work_dir / "spilled"),
            }
        )
        try:
            connection = self._connection
            connection.execute("set TimeZone = 'UTC'")
            # no table of Python's
            connection.execute("set python_enable_replacements = false")
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
            self._clear()
            self.prepared = [prepare(connection, source, select, hashing) for select in source.selects]
            self._hashing, self._is_erasing = hashing, bool(erased)
            connection.execute(
                f"create temp table {ERASED} as select unnest(?::varchar[]) as id", [[*erased]]
            )
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "Mapper":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def map(self, file: RecordFile, *, limit: int | None = None) -> Counts:
        """Read the records of a file and run every SELECT over them.

        Parameters
        ----------
        file : RecordFile
        limit : int, optional
            Only the first so many records.

        Raises
        ------
        SourceError
            When the file cannot be read, or a SELECT fails on what is in it.
        """
        self._clear()
        self._file = file
        self._read(file, limit)
        named: list[str] | None = []
        for one in self.prepared:
            try:
                self._connection.execute(f"create or replace temp table {one.table} as {one.sql}")
            except duckdb.Error as error:
                said = _failed(one.select, file, self._as_written(one, error))
                raise SourceError(said) from (None if file.is_private else error)
            if one.lines is None:
                named = None
            elif named is not None:
                named.append(f"select unnest({one.lines}) as line_number from {one.table}")
        records, unreadable = self._rows("select count(*), count(*) - count(record) from read_record")[0]
        if named is not None:
            self._connection.execute(
                "create or replace temp table named_line as select distinct line_number from "
                f"({' union all '.join(named)})"
            )
        self._knows_ignored = named is not None
        ignored = self._rows(f"select count(*) from {_IGNORED}")[0][0] if named is not None else None
        mapped = {
            one.contract.log: self._rows(f"select count(*) from {one.table}")[0][0] for one in self.prepared
        }
        return Counts(records, unreadable, mapped, ignored)

    def _as_written(self, one: Prepared, error: duckdb.Error) -> duckdb.Error:
        """The error of a SELECT as it stands in its file, whose lines are those that somebody can mend."""
        if one.is_plain:
            try:
                self._connection.execute(f"create or replace temp table {one.table} as {one.select.sql}")
            except duckdb.Error as of_file:
                return of_file
        return error

    def days(self) -> list[dt.date]:
        """UTC days of the rows of the file, in order; of logs whose lines have a time."""
        found: set[dt.date] = set()
        for one in self.prepared:
            if (day := _day_sql(one)) is not None:
                found.update(
                    row[0] for row in self._rows(f"select distinct {day} from {one.table}") if row[0]
                )
        return sorted(found)

    def rows(self, one: Prepared, days: "Days") -> Iterator[tuple[dt.date, pa.RecordBatch]]:
        """What a SELECT made of the file, in batches of one day, all batches of a day behind each other."""
        file = self._file
        assert file is not None  # noqa: S101
        columns = [
            f"{_stored(name, kind, one)} as {quote_identifier(name)}" for name, kind in one.columns.items()
        ]
        columns.append(f"{quote_literal(file.name)} as {DELIVERED[0]}")
        columns.append(f"{f'list_min({one.lines})' if one.lines else 'null::bigint'} as {DELIVERED[1]}")
        # rows of one line in the order they came in; those of an aggregate have none
        order = (
            "day, rowid"
            if one.is_plain
            else f"day, {DELIVERED[1]}, {', '.join(map(quote_identifier, one.columns))}"
        )
        sql = f"select {', '.join(columns)}, {days.sql(_day_sql(one))} as day, rowid from {one.table}"
        if self._is_erasing:
            sql = erased_sql(f"({sql})", [*one.columns], one.personal)
        reader = self._connection.execute(
            f"select * exclude (rowid) from ({sql}) order by {order}", _parameters(one)
        ).to_arrow_reader(BATCH_ROWS)
        for batch in reader:
            day = batch.column("day").cast(pa.int32()).to_numpy(zero_copy_only=False)
            starts = np.concatenate([[0], np.flatnonzero(np.diff(day)) + 1, [len(day)]]).tolist()
            values = batch.drop_columns(["day"])
            for start, end in itertools.pairwise(starts):
                if end > start:
                    yield _EPOCH + dt.timedelta(days=int(day[start])), values.slice(start, end - start)

    def unreadable(self) -> Iterator[pa.RecordBatch]:
        """Records of the file that could not be read, as they were or, of a private source, as hashes of that."""
        file = self._file
        assert file is not None  # noqa: S101
        rows = self._connection.execute(
            f"""select line_number, text, damaged, coalesce(rtrim(text, {LINE_END}), damaged::varchar)
            from read_record where record is null order by line_number"""
        )
        while part := rows.fetchmany(1000):
            lines = [row[0] for row in part]
            if self._hashing:
                hashing = self._hashing
                kept = [
                    TEXT_PREFIX
                    + hashing.of(((damaged if text is None else text.encode()) or b"").rstrip(b"\r\n"))
                    for _, text, damaged, _ in part
                ]
            else:
                kept = [row[3] or "(the file was cut off here)" for row in part]
            columns = [pa.array(kept, pa.large_string()), pa.array([file.name] * len(part)), pa.array(lines)]
            yield pa.RecordBatch.from_arrays(columns, schema=UNREADABLE_SCHEMA)

    def ignored(self, limit: int) -> list[tuple[int, str]]:
        """The first records that no SELECT returned, with their line numbers."""
        if not self._knows_ignored:
            return []
        return self._rows(
            f"select line_number, record::varchar from {_IGNORED} order by line_number limit {limit}"
        )

    def preview(self, one: Prepared, limit: int) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Names and the first rows, as text, of what a SELECT made of the file."""
        names = list(one.columns)
        shown = ", ".join(f"{_stored(name, kind, one)}::varchar" for name, kind in one.columns.items())
        sql = f"select {shown} from {one.table} order by rowid limit {limit}"
        return names, self._connection.execute(sql, _parameters(one)).fetchall()

    def missing_fields(self) -> dict[FieldPath, str | None]:
        """Fields that SELECTs name and no record of the file has, each with one that it may be meant to be."""
        paths = sorted(
            {path for one in self.prepared for path in one.fields.paths if '"' not in "".join(path)}
        )
        if not paths:
            return {}
        counts = ", ".join(f"count(json_type(record, {quote_literal(path_sql(path))}))" for path in paths)
        found = self._rows(f"select count(record), {counts} from read_record")[0]
        if not found[0]:
            return {}
        missing = [path for path, count in zip(paths, found[1:], strict=True) if not count]
        beside: dict[FieldPath, list[str]] = {}
        for parent in {path[:-1] for path in missing}:
            keys = f"json_keys(record, {quote_literal(path_sql(parent))})"
            rows = self._rows(f"select distinct unnest({keys}) from read_record where record is not null")
            beside[parent] = [name for (name,) in rows]
        return {path: closest(path[-1], beside[path[:-1]]) for path in missing}

    def erased(self, one: Prepared) -> int:
        """Rows of erased players that a SELECT made of the file, which `rows` leaves out."""
        if not self._is_erasing or PLAYER not in one.columns or PLAYER not in one.personal:
            return 0
        player = _stored(PLAYER, one.columns[PLAYER], one)
        sql = f"select count(*) from {one.table} where {player} in (select id from {ERASED})"
        return int(self._connection.execute(sql, _parameters(one)).fetchall()[0][0])

    def _clear(self) -> None:
        connection = self._connection
        for one in getattr(self, "prepared", ()):
            connection.execute(f"drop table if exists {one.table}")
        connection.execute("drop table if exists named_line")
        connection.execute(
            "create or replace temp table read_record (line_number bigint, record json, text varchar, damaged blob)"
        )
        _create_delivered(connection, "")

    def _read(self, file: RecordFile, limit: int | None) -> None:
        connection = self._connection
        self.is_cut = False
        _create_delivered(connection, file.name)
        errors: list[Exception] = []
        with open_records(file, self._work_dir) as records:
            if records.columns is not None:
                _refuse_other_columns(file, records.columns, self.prepared)

            def batches() -> Iterator[pa.RecordBatch]:
                left = limit
                try:
                    for batch in records.batches:
                        if left is not None:
                            self.is_cut = self.is_cut or len(batch) > left
                            batch = batch.slice(0, left)
                            left -= len(batch)
                        yield batch
                        if self.is_cut:
                            return
                except Exception as error:
                    errors.append(error)
                    raise

            connection.register(
                "landed_records", pa.RecordBatchReader.from_batches(records.schema, batches())
            )
            try:
                connection.execute(
                    f"""insert into read_record
                    select
                        line_number, record, case when record is null then text end,
                        case when record is null then damaged end
                    from (
                        select {records.line} as line_number, {records.record} as record,
                            {records.text} as text, {records.damaged} as damaged
                        from {records.relation}
                    )"""
                )
            except duckdb.Error:
                if errors:
                    raise errors[0] from None
                raise
            finally:
                connection.unregister("landed_records")

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql).fetchall()


@dataclasses.dataclass(frozen=True)
class Days:
    """To which delivery day a row of a file goes.

    By its own UTC day when that lies from `first` to `last`; earlier ones go to `low`, later ones and those without
    a time to `high`, where the contract rejects them. `fixed` is the one day of a file whose path names it.
    """

    first: dt.date
    last: dt.date
    low: dt.date
    high: dt.date
    fixed: dt.date | None = None

    @classmethod
    def of(
        cls, found: Sequence[dt.date], start_date: dt.date, today: dt.date, fixed: dt.date | None
    ) -> "Days":
        """The rule for a file whose rows have the days `found`.

        Days outside the warehouse are bad clocks when the file has others: their rows go to its first or last good
        day. A file that has no other keeps its days.
        """
        good = [day for day in found if start_date <= day <= today]
        if good:
            return cls(start_date, today, good[0], good[-1], fixed)
        high = fixed or (found[-1] if found else start_date)
        return cls(dt.date.min, dt.date.max, high, high, fixed)

    def sql(self, day: str | None) -> str:
        """SQL of the delivery day over that of a row's own day."""
        if self.fixed or day is None:
            return f"date '{self.fixed or self.high}'"
        if self.first == dt.date.min:
            return f"coalesce({day}, date '{self.high}')"
        return (
            f"case when {day} < date '{self.first}' then date '{self.low}' when {day} <= date "
            f"'{self.last}' then {day} "
            f"else date '{self.high}' end"
        )


LINE_END = "chr(13) || chr(10)"
_EPOCH = dt.date(1970, 1, 1)
_IGNORED = "read_record anti join named_line using (line_number) where record is not null"


def _refuse_other_columns(file: RecordFile, columns: Sequence[str], prepared: Sequence[Prepared]) -> None:
    """Refuse a file of which no column has a name that a SELECT names: every value would be null without a word."""
    named = sorted({path[0] for one in prepared for path in one.fields.paths})
    if not columns or not named or set(named) & set(columns) or any(one.fields.is_open for one in prepared):
        return
    is_csv = file.format in DELIMITERS
    is_record = is_csv and looks_like_record(columns)
    # a line that may be a record of a person is not repeated
    shown = "" if is_record and file.is_private else f" ({listed(columns)})"
    pattern = f'"*{"".join(PurePath(file.name).suffixes[-2:])}"'
    meant = [(name, near) for name in named if (near := closest(name, columns))]
    if meant and not is_record:
        near = ", ".join(f"{other} for {name}" for name, other in meant[:3])
        remedy = f"Did you mean {near}? Names must be written in the same case. Mend the SELECTs"
    elif is_csv:
        said = "looks like a record" if is_record else "may be a record"
        remedy = (
            f"The first line {said}. If the file has no header, name its {len(columns)} columns in source.toml, in "
            f'their order: [columns], {pattern} = ["...", "..."]. If it has one, mend the SELECTs'
        )
    else:
        remedy = "Mend the SELECTs"
    place = f"{file.path} ({file.member})" if file.member else str(file.path)
    raise SourceError(
        f"{place}: none of its columns{shown} is a field that the SELECTs name ({listed(named)}). {remedy}; or, when "
        f'the file is no log, write [format], "{file.name}" = "{SKIP}".'
    )


def _create_delivered(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute(
        f"""create or replace temp view delivered as
        select {quote_literal(name)} as source_file, line_number, record from read_record where record is not null"""
    )


def _day_sql(one: Prepared) -> str | None:
    """SQL of a row's own UTC day, None for a log whose lines have no time."""
    name = one.contract.time
    if name is None:
        return None
    column = next(column for column in one.contract.columns if column.name == name)
    value = parquet_value(column, one.columns[name], _landed(name, one.columns[name], one))
    if value.is_text:
        value = Value(f"nullif({value.sql}, '')", is_text=True)
    day = f"({time_sql(one.contract, value)})::date"
    # what no calendar of Python has is a bad clock, too
    return f"case when {day} between date '0001-01-01' and date '9999-12-31' then {day} end"


def _landed(name: str, kind: str, one: Prepared) -> str:
    """SQL of a value as it is written to landing/: JSON of anything but properties as the text in it."""
    column = next(column for column in one.contract.columns if column.name == name)
    sql = quote_identifier(name)
    if kind == "JSON":
        return f"{sql}::varchar" if column.type == "object" else f"({sql} ->> '$')"
    if column.type == "object" and kind.startswith(("STRUCT", "MAP")):
        return f"to_json({sql})::varchar"
    return f"{sql}::varchar" if kind == "UUID" or kind.startswith("ENUM") else sql


def _stored(name: str, kind: str, one: Prepared) -> str:
    """SQL of a value as it is written to landing/, a personal one as its hash."""
    sql, hashing = _landed(name, kind, one), one.hashing
    if hashing is None:
        return sql
    if name in one.personal:
        column = next(column for column in one.contract.columns if column.name == name)
        text = f"({sql})::varchar"
        # the hash of 17.0 is another one than that of 17
        is_id = column.type == "id"
        return hashing.sql(hashed_id_sql(text, IS_CSV_DOUBLE) if is_id else f"nullif({text}, '')")
    if name == "properties":
        for member in (column for column in one.personal if column.startswith(PERSONAL_PROPERTY)):
            sql = _with_hashed_member(sql, member.removeprefix(PERSONAL_PROPERTY), hashing)
    return sql


def _with_hashed_member(properties: str, name: str, hashing: KeyedHash) -> str:
    """SQL of properties in which a member is its hash. What is no JSON object may hold it anywhere: all is hashed."""
    value = f"(p ->> {quote_literal(f'$.{name}')})"
    patch = f"json_object({quote_literal(name)}, {hashing.sql(value)})"
    whole = f"{quote_literal(TEXT_PREFIX)} || {hashing.sql('p')}"
    # as a list of one, so that the properties are worked out once
    return f"""list_transform([{properties}], lambda p: case
        when p is null then null
        when not json_valid(p) or json_type(p) <> 'OBJECT' then {whole}
        when {value} is null then p
        else json_merge_patch(p, {patch})::varchar
    end)[1]"""


def _parameters(one: Prepared) -> Mapping[str, bytes] | None:
    """Parameters of a statement with all columns of a SELECT."""
    return one.hashing.parameters if one.hashing else None


def erased_sql(relation: str, columns: Collection[str], personal: Collection[str]) -> str:
    """SELECT of the rows of a relation, those of erased players left out.

    Where another personal column names one, in a row of somebody else, it becomes null.
    """
    is_erased = f"in (select id from {ERASED})"
    replaced = [
        f"case when {column} {is_erased} then null else {column} end as {column}"
        for column in map(quote_identifier, (name for name in personal if name in columns and name != PLAYER))
    ]
    members = [name for name in personal if name.startswith(PERSONAL_PROPERTY) and "properties" in columns]
    sql = "properties"
    for name in (name.removeprefix(PERSONAL_PROPERTY) for name in members):
        patch = quote_literal(json.dumps({name: None}))
        # once more for each: what was patched before is patched again
        value = f"try_cast({sql} as json) ->> {quote_literal(f'$.{name}')}"
        sql = f"case when ({value}) {is_erased} then json_merge_patch({sql}, {patch})::varchar else {sql} end"
    if members:
        replaced.append(f"{sql} as properties")
    shown = f"* replace ({', '.join(replaced)})" if replaced else "*"
    is_own = (
        f"where coalesce({PLAYER} not {is_erased}, true)" if PLAYER in columns and PLAYER in personal else ""
    )
    return f"select {shown} from {relation} {is_own}"


def names_erased_sql(columns: Collection[str], personal: Collection[str]) -> tuple[str, str]:
    """SQL of whether a row is one of an erased player, and of whether it names one elsewhere; null is no."""
    named = [quote_identifier(name) for name in personal if name in columns and name != PLAYER]
    for name in personal:
        if name.startswith(PERSONAL_PROPERTY) and "properties" in columns:
            member = quote_literal(f"$.{name.removeprefix(PERSONAL_PROPERTY)}")
            named.append(f"(try_cast(properties as json) ->> {member})")
    is_own = f"{PLAYER} in (select id from {ERASED})" if PLAYER in columns and PLAYER in personal else "false"
    is_named = " or ".join(f"coalesce({sql} in (select id from {ERASED}), false)" for sql in named)
    return is_own, is_named or "false"


def prepare(
    connection: duckdb.DuckDBPyConnection,
    source: MappedSource,
    select: Select,
    hashing: KeyedHash | None = None,
) -> Prepared:
    """Check a SELECT on a database that has an empty `delivered`.

    Raises
    ------
    SourceError
        With the file, the line where there is one, and the remedy.
    """
    try:
        return _prepare(connection, source, select, hashing)
    except RecursionError:
        raise SourceError(
            f"{select.path}: it is nested too deeply. Take parentheses out, or make `with` clauses of its parts."
        ) from None


def _prepare(
    connection: duckdb.DuckDBPyConnection,
    source: MappedSource,
    select: Select,
    hashing: KeyedHash | None,
) -> Prepared:
    contract = CONTRACTS[select.log]
    tree = _parse(connection, select)
    _refuse_sizes(select, tree)
    types = _describe(connection, select, select.sql)
    _refuse_bare_arrows(connection, select)
    # DuckDB calls a bare null an INTEGER in the end
    types |= dict.fromkeys(_nulls(tree) & set(types), NULL_TYPE)
    _refuse_columns(select, contract, types, _list_of_columns(select, tree))
    sql, is_plain = select.sql, False
    if not set(types) & {LINE_NUMBER, LINE_NUMBERS} and (told := _tell_lines(connection, tree, types)):
        sql, is_plain = told, True
        types = {**types, LINE_NUMBER: "BIGINT"}
    lines = None
    if LINE_NUMBERS in types:
        lines = LINE_NUMBERS
    elif LINE_NUMBER in types:
        lines = f"[{LINE_NUMBER}]"
    own = {name: kind for name, kind in types.items() if name in contract.names and kind != NULL_TYPE}
    personal = source.personal.get(select.log, ())
    is_used = any(name.partition(".")[0] in own for name in personal)
    fields = find_named_fields(tree)
    return Prepared(
        select, contract, sql, own, lines, is_plain, personal, hashing if is_used else None, fields
    )


def _parse(connection: duckdb.DuckDBPyConnection, select: Select) -> dict[str, Any]:
    """The syntax tree of the one SELECT in a mapping."""
    tree = json.loads(
        connection.execute("select json_serialize_sql(?::varchar)", [select.sql]).fetchall()[0][0]
    )
    if tree["error"]:
        if tree.get("error_type") == "parser":
            position = int(tree.get("position") or 0)
            line = select.sql.count("\n", 0, position) + 1
            raise SourceError(
                f"{select.path}, line {line}: this is no SQL of DuckDB: {_short(tree['error_message'])}. "
                f"Mend the line: {_quoted_line(select.sql, line)}"
            )
        raise SourceError(
            f"{select.path}: it must be one SELECT over `delivered` (source_file, line_number, record). Write that "
            "alone: a mapping changes nothing and has no settings."
        )
    if not tree["statements"]:
        raise SourceError(
            f"{select.path}: there is no SQL in it. Write one SELECT over `delivered` (source_file, line_number, "
            "record), or take the file away."
        )
    if len(tree["statements"]) != 1:
        raise SourceError(
            f"{select.path}: it has {len(tree['statements'])} statements. It must be one SELECT over `delivered` "
            "(source_file, line_number, record): take the others out, or make them `with` clauses of it."
        )
    for name in _table_functions(tree):
        if name.lower() not in TABLE_FUNCTIONS:
            raise SourceError(
                f"{_where(select, name) or select.path}: {name} is no function that a mapping reads from. "
                f"{_ONE_RELATION} Beside it, there are the functions {', '.join(TABLE_FUNCTIONS)}: take {name} out."
            )
    return dict(tree)


def _refuse_sizes(select: Select, tree: Mapping[str, Any]) -> None:
    """Refuse a value that is made to a size, given as a number, that no value of a log has."""
    # those in a FROM clause make row after row, which can be interrupted
    rows = {id(node["function"]) for node in syntax_nodes(tree) if node.get("type") == "TABLE_FUNCTION"}
    for node in syntax_nodes(tree):
        name = str(node.get("function_name", "")).lower()
        # of a range of three, the numbers say nothing of its size
        is_stepped = name in ("range", "generate_series") and len(node["children"]) > 2
        if name not in SIZED_FUNCTIONS or is_stepped or id(node) in rows:
            continue
        for argument in node["children"]:
            while argument["type"] == "OPERATOR_CAST":
                argument = argument["child"]
            size = argument.get("value")
            size = size["value"] if isinstance(size, dict) and not size["is_null"] else None
            if isinstance(size, int) and size > LARGEST_SIZE:
                line = _line_at(select, argument)
                raise SourceError(
                    f"{select.path}, line {line}: {name} up to {size} makes a value that is too large: there may be "
                    f"{LARGEST_SIZE} characters or members. Write a smaller number: {_quoted_line(select.sql, line)}"
                )


def _table_functions(tree: Mapping[str, Any]) -> Iterator[str]:
    """Names of the functions in the FROM clauses of a syntax tree."""
    for node in syntax_nodes(tree):
        if node.get("type") == "TABLE_FUNCTION" and "function" in node:
            yield str(node["function"]["function_name"])


def _nulls(tree: Mapping[str, Any]) -> set[str]:
    """Names of the columns that are nothing but null."""
    listed = tree["statements"][0]["node"].get("select_list", [])
    return {one["alias"] for one in listed if one["class"] == "CONSTANT" and one["value"]["is_null"]}


def _describe(connection: duckdb.DuckDBPyConnection, select: Select, sql: str) -> dict[str, str]:
    """Columns of a SELECT with their types."""
    try:
        # first of all: only what is executed tells the line of a fault
        _run(connection, select, sql)
        relation = connection.sql(sql)
        columns, types = relation.columns, [str(kind) for kind in relation.types]
    except duckdb.Error as error:
        raise SourceError(_refused(select, error)) from error
    for name in columns:
        if columns.count(name) > 1:
            raise SourceError(
                f"{select.path}: it returns the column {name} more than once. Take one of them out."
            )
    return dict(zip(columns, types, strict=True))


def _run(connection: duckdb.DuckDBPyConnection, select: Select, sql: str) -> None:
    """Run a SELECT to its end, which must come soon, and keep nothing of what it returns."""
    over = threading.Event()

    def stop() -> None:
        # an interruption between two batches of rows is forgotten: the loop looks for itself
        over.set()
        connection.interrupt()

    timer = threading.Timer(PREPARE_LIMIT_S, stop)
    timer.daemon = True
    timer.start()
    try:
        result = connection.execute(sql)
        while not over.is_set() and result.fetchmany(BATCH_ROWS):
            pass
    except duckdb.Error:
        if not over.is_set():
            raise
    finally:
        timer.cancel()
    if over.is_set():
        raise SourceError(
            f"{select.path}: it runs for more than {PREPARE_LIMIT_S:g} s over a single record. Look for a recursion "
            "without an end, or for a range or join that is too large, and mend it."
        )


def _refuse_bare_arrows(connection: duckdb.DuckDBPyConnection, select: Select) -> None:
    """Refuse `a and record->>'$.x'`: to DuckDB it is `(a and record)->>'$.x'`, which fails only over a record."""
    connection.execute("insert into read_record (line_number, record) values (1, '{}')")
    try:
        _run(connection, select, select.sql)
    except duckdb.Error as error:
        # what else fails on a record of nothing may do on others
        if _BARE_ARROW.search(str(error)):
            raise SourceError(_refused(select, error)) from error
    finally:
        connection.execute("delete from read_record")


_BARE_ARROW = re.compile(
    r"from source column record\b|Malformed JSON|argument types '\W+\(.*JSON|json_extract\w*\(BOOLEAN"
)
_PARENTHESES = "Put record->>'$.name' into parentheses beside an operator: (record->>'$.name') is not null"


def _refused(select: Select, error: duckdb.Error) -> str:
    """The refusal of a SELECT that DuckDB does not take."""
    text = str(error)
    reason = re.split(r"\n\s*\n?LINE \d+:", text)[0].strip().replace("\n", " ")
    # dozens of them
    reason = _short(reason.partition("\tCandidate functions")[0].strip())
    found = re.search(r"LINE (\d+):", text)
    if found is None:
        remedy = f" {_PARENTHESES}." if _BARE_ARROW.search(text) else ""
        if "disabled by configuration" in reason:
            return _refused_file(select, reason)
        return f"{select.path}: DuckDB refuses it: {reason}{remedy or ' Mend the SELECT.'}"
    line = int(found[1])
    remedy = f"Mend the line: {_quoted_line(select.sql, line)}"
    if _BARE_ARROW.search(text):
        reason, remedy = f"{reason.rstrip('.')}.", f"{_PARENTHESES}. {remedy}"
    elif "disabled by configuration" in reason:
        remedy = f"{_ONE_RELATION} {remedy}"
    elif "Catalog Error: Table" in reason or ("does not exist" in reason and "Table" in reason):
        remedy = f"The one relation is `delivered` (source_file, line_number, record). {remedy}"
    elif "not found in FROM clause" in reason:
        known = "`delivered` has source_file, line_number and record"
        remedy = f"{known}; a value of the record is record->>'$.name'. {remedy}"
    return f"{select.path}, line {line}: {reason} {remedy}"


_ONE_RELATION = (
    "A mapping reads nothing but `delivered` (source_file, line_number, record), which has the records of every "
    "delivered file, one after the other."
)


def _refused_file(select: Select, reason: str) -> str:
    """The refusal of a SELECT that names a file, of which DuckDB tells no line."""
    name = re.search(r'file "([^"]+)"', reason)
    lines = select.sql.splitlines()
    line = next((n for n, text in enumerate(lines, 1) if name and name[1] in text), None)
    where = f"{select.path}, line {line}" if line else f"{select.path}"
    mend = f" Write `from delivered` in this line: {_quoted_line(select.sql, line)}" if line else ""
    return f"{where}: {reason.rstrip('.')}. {_ONE_RELATION}{mend}"


def _short(reason: str) -> str:
    """What DuckDB says, without the rest of a long text that it quotes."""
    return reason if len(reason) <= REASON_CHARS else f"{reason[:REASON_CHARS]}..."


def _quoted_line(sql: str, line: int) -> str:
    lines = sql.splitlines()
    return f"`{lines[line - 1].strip()[:120]}`" if line <= len(lines) else "(at the end)"


def _refuse_columns(select: Select, contract: Contract, types: Mapping[str, str], listed: str) -> None:
    columns = {column.name: column for column in contract.columns}
    for name, kind in types.items():
        where = _where(select, name) or listed
        if name in _LINEAGE_TYPES:
            if kind != _LINEAGE_TYPES[name] and not (kind == "INTEGER" and name == LINE_NUMBER):
                raise SourceError(
                    f"{where}: {name} is {kind}, but must be {_LINEAGE_TYPES[name]}: the number of "
                    "the delivered line as it "
                    "is in `delivered`, or list(line_number) as line_numbers."
                )
        elif name not in columns:
            raise SourceError(f"{where}: {_unknown(contract, name)}")
        elif kind != NULL_TYPE and not can_fit(columns[name], parquet_value(columns[name], kind, name)):
            raise SourceError(
                f"{where}: {name} is {kind}, which can never be {_WORDS[columns[name].type]}. "
                f"{_fit_remedy(columns[name], kind)}"
            )
        elif kind == NULL_TYPE and columns[name].required:
            raise SourceError(
                f"{where}: {name} is always null, but every line of the log {contract.log} must have "
                "one. Give it a value."
            )
    if missing := [
        column.name for column in contract.columns if column.required and column.name not in types
    ]:
        near = "; ".join(
            f"{column.name} is: {column.meaning}" for column in contract.columns if column.name in missing
        )
        raise SourceError(
            f"{listed}: it does not return {', '.join(missing)}, which every line of the log "
            f"{contract.log} must "
            f"have. Add {'it' if len(missing) == 1 else 'them'} to the SELECT ({near})."
        )


def _unknown(contract: Contract, name: str) -> str:
    near = difflib.get_close_matches(name.lower(), contract.names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    if name in [column.name for column in contract.properties]:
        hint = f" It belongs into properties: json_object('{name}', ...) as properties."
    return (
        f"{name} is no column of the log {contract.log}.{hint} Its columns are "
        f"{', '.join(contract.names)}; rename it with `as`, or take it out."
    )


def _fit_remedy(column: Column, kind: str) -> str:
    if column.type == "timestamp" and kind.rstrip("T") in ("BIGIN", "HUGEIN", "INTEGER", "DOUBLE", "UBIGIN"):
        return (
            "Seconds since 1970 become a time by to_timestamp(x), milliseconds by epoch_ms(x), microseconds by "
            "make_timestamp(x)."
        )
    if column.type in ("id", "text"):
        return "Cast it to varchar if that is its text, or take a value out of it."
    if column.type == "object":
        return "Make it an object: json_object('name', value, ...), or a struct."
    return f"Cast it with try_cast(... as {column.sql_type}), or give its text."


_WORDS = {
    "id": "an id",
    "text": "a text",
    "integer": "a whole number",
    "decimal": "an amount",
    "micros": "an amount",
    "duration": "a number of seconds",
    "object": "an object",
    "double": "a number",
    "boolean": "true or false",
    "timestamp": "a time",
    "date": "a day",
}


def _list_of_columns(select: Select, tree: Mapping[str, Any]) -> str:
    """The file, and the line in which the list of columns of its outermost SELECT starts; a union has none."""
    listed = tree["statements"][0]["node"].get("select_list", [])
    if not listed:
        return str(select.path)
    return f"{select.path}, line {_line_at(select, listed[0])}"


def _line_at(select: Select, node: Mapping[str, Any]) -> int:
    """The line of a mapping in which a node of its syntax tree begins; places are counted in bytes."""
    return select.sql.encode().count(b"\n", 0, node["query_location"]) + 1


def _where(select: Select, name: str) -> str | None:
    """The file, and the line of a mapping in which a column gets its name; None when the text does not have it."""
    lines = re.sub(r"--.*", "", select.sql).splitlines()
    word = re.escape(name)
    for form in (rf"\bas\s+\"?{word}\b", rf"\b{word}\b"):
        for number, line in enumerate(lines, 1):
            if re.search(form, line, flags=re.IGNORECASE):
                return f"{select.path}, line {number}"
    return None


def _failed(select: Select, file: RecordFile, error: duckdb.Error) -> str:
    """What to say about a SELECT that failed on the values of a file."""
    text = str(error)
    reason = _short(re.split(r"\n\s*\n?LINE \d+:", text)[0].strip().replace("\n", " "))
    if file.is_private:
        # it quotes the value
        reason = f"{reason.partition(':')[0]} (of which value is not repeated, because the source has personal data)"
    found = re.search(r"LINE (\d+):", text)
    where = f"{select.path}, line {found[1]}" if found else f"{select.path}"
    remedy = "Mend the SELECT"
    if _BARE_ARROW.search(text):
        remedy = _PARENTHESES
    elif "format specifier" in text:
        remedy = "Use try_strptime, which gives null where the form does not fit"
    elif isinstance(error, duckdb.ConversionException):
        remedy = "Use try_cast, or leave the value as it is: a line whose value does not fit is then rejected by itself"
    return f"{where}: it fails on {file.name}: {reason}. {remedy}."


def _tell_lines(
    connection: duckdb.DuckDBPyConnection, tree: Mapping[str, Any], types: Mapping[str, str]
) -> str | None:
    """The SELECT with the number of the delivered line as one more column; None when that cannot be told.

    It can where each row comes from one record: one SELECT from `delivered` that groups, aggregates and unites
    nothing. Whether the number may stand beside the other columns is left to DuckDB, which refuses it in an aggregate.
    """
    node = dict(tree["statements"][0]["node"])
    if (
        node["type"] != "SELECT_NODE"
        or node["group_sets"]
        or node["aggregate_handling"] != "STANDARD_HANDLING"
    ):
        return None
    if any(modifier["type"] == "DISTINCT_MODIFIER" for modifier in node["modifiers"]):
        return None
    if "delivered" in json.dumps(node["cte_map"]) or (name := _relation_name(node["from_table"])) is None:
        return None
    number = f"select {quote_identifier(name)}.{LINE_NUMBER} as {LINE_NUMBER}"
    asked = json.loads(connection.execute("select json_serialize_sql(?::varchar)", [number]).fetchall()[0][0])
    node["select_list"] = node["select_list"] + asked["statements"][0]["node"]["select_list"]
    whole = {**tree, "statements": [{**tree["statements"][0], "node": node}]}
    try:
        sql = str(
            connection.execute("select json_deserialize_sql(?::json)", [json.dumps(whole)]).fetchall()[0][0]
        )
        relation = connection.sql(sql)
    except duckdb.Error:
        return None
    # the same columns and one more: the tree became the SQL that it came from
    return sql if relation.columns == [*types, LINE_NUMBER] else None


def _relation_name(table: Mapping[str, Any]) -> str | None:
    """How a FROM clause calls `delivered`; None when it is not there exactly once, or behind a subquery."""
    if table["type"] == "BASE_TABLE":
        return (table["alias"] or table["table_name"]) if table["table_name"].lower() == "delivered" else None
    if table["type"] != "JOIN" or json.dumps(table).lower().count('"table_name": "delivered"') != 1:
        return None
    return _relation_name(table["left"]) or _relation_name(table["right"])
