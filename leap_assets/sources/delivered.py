"""Delivered files: which there are in a folder, and their records as Arrow tables, whatever their format.

A file of the folder is one or, in a zip archive, several files of records. Which bytes are a record is decided in
`landing.records`; what a record means is decided by the SELECTs of the source.
"""

import contextlib
import dataclasses
import fnmatch
import hashlib
import io
import json
import lzma
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from leap_assets.landing.files import (
    COMPRESSIONS,
    UNFINISHED,
    Compression,
    LandingError,
    TextError,
    is_text,
    unreadable,
    unreadable_folder,
)
from leap_assets.landing.files import FORMATS as LANDED_FORMATS
from leap_assets.landing.records import (
    SCHEMA,
    csv_schema,
    field_names,
    is_array,
    read_csv_header,
    read_csv_records,
    read_records,
    with_fields,
)
from leap_assets.landing.validation import quote_identifier, quote_literal
from leap_assets.sources.declaration import SKIP, MappedSource, SourceError

ENDINGS: dict[str, str] = {**LANDED_FORMATS, ".tsv": "tsv", ".ssv": "ssv"}
DELIMITERS = {"csv": ",", "tsv": "\t", "ssv": ";"}
ARCHIVE = ".zip"
PLACE = "the folder of delivered files"
EXACT_DOUBLE = 2**53
# beyond it, a double no longer has each whole number
HASH_BYTES = 4 * 1024 * 1024
PARQUET_ROWS = 50_000
# of a batch; a row of JSON is a few hundred bytes


@dataclasses.dataclass(frozen=True)
class Listing:
    """How a file looks from outside; a file of the same listing has the same content."""

    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, path: Path) -> "Listing":
        """The listing of a file.

        Raises
        ------
        OSError
            When it is gone.
        """
        stat = path.stat()
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclasses.dataclass(frozen=True)
class Delivered:
    """What the folder holds: files by their path in it, those that are left alone, and sentences about both."""

    files: dict[str, Path]
    unfinished: tuple[str, ...]
    problems: tuple[str, ...]


def list_delivered(folder: Path) -> Delivered:
    """Files of a folder and the folders in it, in the order of their paths. Hidden ones are no deliveries."""
    files: dict[str, Path] = {}
    unfinished: list[str] = []
    problems: list[str] = []

    def tell(error: OSError) -> None:
        # os.walk leaves out what it cannot list without a word
        if not isinstance(error, FileNotFoundError):
            problems.append(
                str(unreadable_folder(Path(error.filename), error)).replace("; nothing was loaded", "")
            )

    for where, folders, names in os.walk(folder, onerror=tell):
        for name in folders:
            if (Path(where) / name).is_symlink() and not name.startswith("."):
                problems.append(
                    f"{Path(where) / name} is a link to a folder, which is not followed: copy the files."
                )
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(where) / name
            if name.startswith("."):
                continue
            relative = path.relative_to(folder).as_posix()
            if path.suffix.lower() in UNFINISHED:
                # named in messages alone
                unfinished.append(relative if is_text(relative) else ascii(relative)[1:-1])
            elif not is_text(str(path)):
                problems.append(f"{str(path)!a} has a name that is not UTF-8. Rename it.")
            elif not _is_file(path):
                problems.append(
                    f"{path} is not a file: it leads nowhere, or is a pipe or a device. Take it away."
                )
            else:
                files[relative] = path
    return Delivered(dict(sorted(files.items())), tuple(sorted(unfinished)), tuple(problems))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        # in a folder that may be listed, but not entered: it is refused when it is opened
        return True


def hash_content(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises
    ------
    SourceError
        When it may not be read.
    """
    digest = hashlib.sha256()
    try:
        file = path.open("rb")
    except PermissionError as error:
        raise SourceError(
            f"{path} cannot be read (permission denied). Let the user that Leap runs as read it, or move it out of "
            f"{PLACE}."
        ) from error
    with file:
        while block := file.read(HASH_BYTES):
            digest.update(block)
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class RecordFile:
    """A file of records: a delivered file, or a member of a delivered archive.

    `columns` are the declared names of the columns of a CSV file without a header.
    """

    name: str
    path: Path
    format: str
    compression: Compression | None
    member: str | None = None
    is_private: bool = False
    columns: tuple[str, ...] | None = None

    @property
    def place(self) -> str:
        """Where the file lies, as messages call it."""
        return PLACE

    def open(self) -> pa.NativeFile:
        """Open the (decompressed) bytes for reading.

        Raises
        ------
        LandingError
            When they cannot be opened.
        """
        try:
            if self.member is None:
                return pa.input_stream(str(self.path), compression=self.compression)
            return pa.input_stream(_Member(self.path, self.member), compression=self.compression)
        except _UNREADABLE as error:
            raise unreadable(self, error) from error


_UNREADABLE = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    lzma.LZMAError,
    ValueError,
    RuntimeError,
    pa.ArrowException,
)
# RuntimeError is what zipfile raises for an archive with a password, ValueError for names that are no text


class _Member(io.RawIOBase):
    """A member of an archive, whose every fault is an OSError."""

    def __init__(self, archive: Path, member: str) -> None:
        self._archive = zipfile.ZipFile(archive)
        self._file: IO[bytes] = self._archive.open(member)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._file.read(size)
        except _UNREADABLE as error:
            raise OSError(str(error) or type(error).__name__) from error

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._archive.close()
        super().close()


def record_files(source: MappedSource, relative: str, path: Path) -> list[RecordFile]:
    """The files of records in a delivered file: itself, or the members of an archive; none of those to skip.

    Raises
    ------
    SourceError
        For an ending that Leap does not read, or a damaged archive.
    """
    if path.stat().st_size == 0:
        # nothing was delivered, in whatever format
        return []
    if path.suffix.lower() != ARCHIVE:
        file = _record_file(source, relative, path, None)
        return [] if file is None else [file]
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info.filename for info in archive.infolist() if not info.is_dir()]
    except _UNREADABLE as error:
        raise SourceError(
            f"{path} cannot be read ({error}). Replace it with a complete copy, or move it out of {PLACE}."
        ) from error
    # what the archivers of macOS add
    members = [
        name for name in members if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    ]
    if twice := next((name for name in members if members.count(name) > 1), None):
        # only the last of them can be asked for
        raise SourceError(
            f"{path} has more than one member {twice!r}. Pack it again, each file under a name of its own: put that "
            f"in its place, or move it out of {PLACE}."
        )
    files = [_record_file(source, f"{relative}/{member}", path, member) for member in sorted(members)]
    return [file for file in files if file is not None]


def _record_file(source: MappedSource, name: str, path: Path, member: str | None) -> RecordFile | None:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    ending = (suffixes[-2:-1] if compression else suffixes[-1:]) or [""]
    form = next(
        (form for pattern, form in source.formats if fnmatch.fnmatch(name, pattern)), ENDINGS.get(ending[0])
    )
    if form is None:
        raise SourceError(
            f"{path.parent / name if member else path} is not a file that Leap reads: its name must end in "
            f"{', '.join(ENDINGS)} or {ARCHIVE}, with {' or '.join(COMPRESSIONS)} behind it when "
            "compressed. Rename it, "
            f'say in {source.folder / "source.toml"} what it is ([format], such as "*{ending[0] or Path(name).name}" = '
            f'"ndjson", or "{SKIP}" when it is no log), or move it out of {PLACE}.'
        )
    if form == SKIP:
        return None
    if form == "parquet" and compression:
        raise SourceError(f"{path}: Parquet files carry their own compression. Decompress it first.")
    columns = next(
        (names for pattern, names in source.columns if form in DELIMITERS and fnmatch.fnmatch(name, pattern)),
        None,
    )
    return RecordFile(name, path, form, compression, member, source.is_private, columns)


@dataclasses.dataclass(frozen=True)
class Records:
    """The records of a file on their way into DuckDB: batches of a schema, and the SQL that makes of a row a record.

    DuckDB sees the batches as `landed_records`. `relation` is SQL over it; `record` is SQL over that of the record as
    JSON, null for one that cannot be read, `line` that of its number. `text` and `damaged` are SQL of what one that
    cannot be read looked like. `columns` are the names that every record has, None where each has its own.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    record: str
    relation: str = "landed_records"
    line: str = "line_number"
    text: str = "text"
    damaged: str = "damaged"
    columns: tuple[str, ...] | None = None


BATCH_LINES = 10_000
_LINE = "leap line number"
# a column of a Parquet file that has this name gets another
_LINE_END = "chr(13) || chr(10)"


@contextlib.contextmanager
def open_records(file: RecordFile, work_dir: Path) -> Iterator[Records]:
    """The records of a file, to be read once inside the context.

    Raises
    ------
    SourceError
        When the bytes cannot be read; also while they are.
    """
    try:
        if file.format == "parquet":
            with _parquet_file(file, work_dir) as parquet, pq.ParquetFile(parquet) as opened:
                yield _parquet_records(file, opened)
        elif file.format in DELIMITERS:
            yield _csv_records(file)
        else:
            tables = _json_tables(file)
            record = f"case when starts_with(ltrim(text), '{{') then try_cast(rtrim(text, {_LINE_END}) as json) end"
            yield Records(SCHEMA, _batches(tables), record)
    except LandingError as error:
        raise _refused(file, error) from None
    except (OSError, pa.ArrowException, duckdb.Error) as error:
        # DuckDB's when it does not know a type of Arrow's, or a value has no text
        raise _refused(file, unreadable(file, error)) from (None if file.is_private else error)


def _refused(file: RecordFile, error: LandingError) -> SourceError:
    if file.is_private and not isinstance(error, TextError):
        # a reader may quote what it stumbled over
        error = unreadable(file, ValueError("why is not repeated, because the source has personal data"))
    return SourceError(str(error).replace(str(file.path), _shown(file)).replace("; nothing was loaded", ""))


def _shown(file: RecordFile) -> str:
    return f"{file.path} ({file.member})" if file.member else str(file.path)


def _batches(tables: Iterator[pa.Table]) -> Iterator[pa.RecordBatch]:
    for table in tables:
        yield from table.to_batches(max_chunksize=BATCH_LINES)


def _json_tables(file: RecordFile) -> Iterator[pa.Table]:
    if file.format == "json" and not is_array(file):
        with file.open() as stream:
            # a member of an archive cannot tell its size, by which all would be read at once
            data = b"".join(iter(lambda: stream.read(HASH_BYTES), b""))
        try:
            text = data.decode("utf-8-sig")
            json.loads(text)
        except (ValueError, RecursionError):
            # not one object over several lines: one a line
            yield from read_records(file)
        else:
            yield pa.table({"line_number": [1], "text": [text], "damaged": [None]}, schema=SCHEMA)
        return
    yield from read_records(file)


def _csv_records(file: RecordFile) -> Records:
    delimiter = DELIMITERS[file.format]
    header = read_csv_header(file, delimiter)
    if file.columns is not None and tuple(header) == file.columns:
        raise SourceError(
            f"{_shown(file)} has a header, with the names that [columns] of source.toml has for files without one. "
            "Take the pattern out, or make it fit files without a header alone."
        )
    if len(header) == 1 and (
        other := next((form for form, sign in DELIMITERS.items() if sign in header[0]), None)
    ):
        # the first line may be a record when there is no header
        quoted = "" if file.is_private else f": {header[0][:80]!r}"
        raise SourceError(
            f"{_shown(file)} is read as {file.format}, but its first line looks like {other}{quoted}. Say so "
            f'in source.toml: [format], "*{Path(file.name).suffix}" = "{other}".'
        )
    names: list[str] = []
    for number, name in enumerate(file.columns or header, 1):
        unique = name or f"column_{number}"
        while unique in names:
            unique += "_2"
        names.append(unique)
    lines = read_csv_records(file, len(names), delimiter, has_header=file.columns is None)
    tables = (with_fields(table, len(names), delimiter) for table in lines)
    fields = field_names(len(names))
    members = ", ".join(
        f"{quote_literal(name)}, nullif({field}, '')" for name, field in zip(names, fields, strict=True)
    )
    record = f"case when {fields[0]} is not null then json_object({members}) end" if fields else "null"
    return Records(csv_schema(len(names)), _batches(tables), record, columns=tuple(names))


@contextlib.contextmanager
def _parquet_file(file: RecordFile, work_dir: Path) -> Iterator[Path | IO[bytes]]:
    if file.member is None:
        yield file.path
        return
    # the end of a Parquet file is read first: a member has to be unpacked, into a file that has no name to stay behind
    with file.open() as stream, tempfile.TemporaryFile(dir=work_dir) as copy:
        while block := stream.read(HASH_BYTES):
            copy.write(block)
        copy.seek(0)
        yield copy


def _parquet_member(name: str, kind: pa.DataType) -> str:
    """SQL of the value of a Parquet column in a record: a whole number without a point, whatever its type.

    Programs that know no null in whole numbers (pandas) write ids as doubles, and 17.0 would be another id than 17.
    """
    value = f"landed.{quote_identifier(name)}"
    if not pa.types.is_floating(kind):
        return value
    whole = f"case when abs({value}) <= {EXACT_DOUBLE} and {value} = trunc({value}) then {value}::bigint end"
    return f"coalesce(to_json({whole}), to_json({value}))"


def _parquet_records(file: RecordFile, opened: pq.ParquetFile) -> Records:
    schema = opened.schema_arrow.remove_metadata()
    if not schema.names:
        raise SourceError(
            f"{_shown(file)} has no columns. Replace it with a complete copy, or move it out of {PLACE}."
        )
    names: list[str] = []
    taken = {_LINE}
    for number, name in enumerate(cast(list[str], schema.names)):
        # members of an object have only to be told apart, whatever their case
        unique = name or f"column_{number + 1}"
        while unique.lower() in taken:
            unique += f"_{number}"
        taken.add(unique.lower())
        names.append(unique)
    fields = [pa.field(name, field.type) for name, field in zip(names, schema, strict=True)]
    described = pa.schema([pa.field(_LINE, pa.int64()), *fields])

    def batches() -> Iterator[pa.RecordBatch]:
        line = 1
        for batch in opened.iter_batches(PARQUET_ROWS):
            numbers = pa.array(range(line, line + len(batch)), pa.int64())
            line += len(batch)
            yield pa.RecordBatch.from_arrays([numbers, *batch.columns], schema=described)

    members = ", ".join(
        f"{quote_identifier(name)} := {_parquet_member(name, field.type)}"
        for name, field in zip(names, schema, strict=True)
    )
    return Records(
        described,
        batches(),
        f"to_json(struct_pack({members}))",
        relation="landed_records as landed",
        line=quote_identifier(_LINE),
        text="null::varchar",
        damaged="null::blob",
        columns=tuple(names),
    )
