"""One trial: load files or read settings, and judge what came of it.

A file is judged on its own, also when several are loaded at once: every line that `oracle` finds is valid or rejected,
once, under its number; a rejected one is kept with a reason, a message and its text; a good one is valid.
"""

import collections
import contextlib
import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import duckdb
import pytest

from leap_assets.landing.contracts import CONTRACTS
from leap_assets.landing.files import LandingError
from leap_assets.landing.ingestion import create_raw_tables, load_deliveries
from leap_assets.resources import world_of
from leap_assets.settings import SettingsError, load_settings
from leap_assets_tests.fuzz.inputs import DAY, Delivered

START = dt.date(2025, 1, 1)
RATES = {"USD": dt.date(2000, 1, 1), "EUR": dt.date(2000, 1, 1)}
WRONG_DAY_LINES = 10


class FindingError(AssertionError):
    """Something that Leap does with an input and must not do."""


class Trials:
    """A warehouse and a landing folder for many trials.

    `counts` adds up files, refused files, lines, valid lines and rejected lines.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.landing = folder / "landing"
        self.counts: collections.Counter[str] = collections.Counter()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def close(self) -> None:
        """Close the warehouse; the next trial opens an empty one."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def try_files(self, files: Sequence[Delivered]) -> None:
        """Load files of one log in one delivery and judge each.

        Raises
        ------
        FindingError
            With what is wrong.
        """
        if not self._connection:
            self._connection = duckdb.connect(config={"threads": 1})
            self._connection.execute("set TimeZone = 'UTC'")
            self._connection.execute("set enable_progress_bar = false")
            create_raw_tables(self._connection)
        folder = self.landing / files[0].log / DAY.isoformat()
        shutil.rmtree(self.landing, ignore_errors=True)
        folder.mkdir(parents=True)
        paths = {folder / f"{nth}{file.name}": file for nth, file in enumerate(files)}
        for path, file in paths.items():
            path.write_bytes(file.data)
        try:
            self._load(paths)
        except FindingError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise FindingError(f"{type(error).__name__}: {error}"[:1500]) from error

    def _load(self, paths: Mapping[Path, Delivered]) -> None:
        assert self._connection
        log = next(iter(paths.values())).log
        before = self._everything(log) if len(paths) == 1 else None
        try:
            (loaded,) = load_deliveries(
                self._connection, self.landing, [DAY], logs=[log], start_date=START, rates=RATES
            )
        except LandingError as error:
            self._judge_refusal(str(error), paths)
            if before is not None and self._everything(log) != before:
                raise FindingError("a refused delivery changed the warehouse") from error
            if rest := {path: file for path, file in paths.items() if str(path) not in str(error)}:
                path_was_named = len(rest) < len(paths)
                for refused in set(paths) - set(rest):
                    refused.unlink()
                if path_was_named:
                    self._load(rest)
                    return
                raise FindingError(f"a refusal names no file: {error}") from error
            return
        expected = sum(len(file.lines) for file in paths.values() if file.lines is not None)
        if all(file.lines is not None for file in paths.values()) and loaded.received != expected:
            raise FindingError(f"{loaded.received} lines received, but there are {expected}")
        if loaded.received != loaded.valid + loaded.rejected:
            raise FindingError(f"the books do not balance: {loaded}")
        self.counts.update(
            files=len(paths), lines=loaded.received, valid=loaded.valid, rejected=loaded.rejected
        )
        self._judge_lines(log, paths)

    def _everything(self, log: str) -> list[object]:
        assert self._connection
        tables = (CONTRACTS[log].table, "rejected_line", "delivery")
        queries = [f"select count(*), max(rowid) from leap_raw.{table}" for table in tables]
        return [self._connection.execute(query).fetchall() for query in queries]

    def _judge_refusal(self, message: str, paths: Mapping[Path, Delivered]) -> None:
        refused = [file for path, file in paths.items() if str(path) in message]
        if "nothing was loaded" not in message:
            raise FindingError(f"a refusal does not say that nothing was loaded: {message}")
        if not any(
            word in message
            for word in (
                "Replace",
                "Rename",
                "rename",
                "Move",
                "Its header must",
                "It must have",
                "Decompress",
                "Save it",
                "Let the user",
            )
        ):
            raise FindingError(f"a refusal has no remedy: {message}")
        for file in refused:
            is_other_day = "belongs to another day" in message and (
                file.lines is None or len(file.lines) >= WRONG_DAY_LINES
            )
            if not file.may_refuse and not is_other_day:
                raise FindingError(f"a readable file is refused: {message}")
        self.counts.update(refused=len(refused))

    def _judge_lines(self, log: str, paths: Mapping[Path, Delivered]) -> None:
        assert self._connection
        valid = collections.defaultdict(list)
        for source, number in self._connection.execute(
            f"select source_file, line_number from leap_raw.{CONTRACTS[log].table}"
        ).fetchall():
            valid[source].append(number)
        rejected = collections.defaultdict(dict)
        count: collections.Counter[str] = collections.Counter()
        for source, number, *rest in self._connection.execute(
            "select source_file, line_number, reason, message, raw_line from leap_raw.rejected_line where log = ?",
            [log],
        ).fetchall():
            rejected[source][number] = rest
            count[source] += 1
        known = set()
        for path, file in paths.items():
            source = f"{log}/{DAY}/{path.name}"
            known.add(source)
            _judge_file(file, valid[source], rejected[source], count[source])
        if strangers := (set(valid) | set(rejected)) - known:
            raise FindingError(f"lines of files that do not exist: {strangers}")


def _judge_file(
    file: Delivered, valid: Sequence[int], rejected: Mapping[int, Sequence[str | None]], n_rejected: int
) -> None:
    numbers = sorted([*valid, *rejected])
    if len(valid) != len(set(valid)) or n_rejected != len(rejected) or set(valid) & set(rejected):
        raise FindingError("a line is there twice")
    for number, (reason, message, raw_line) in rejected.items():
        if not reason or message is None or raw_line is None:
            raise FindingError(
                f"rejected line {number} lacks its reason, message or text: {reason}, {message}, {raw_line!r}"
            )
    if file.lines is None:
        return
    if numbers != sorted(number for number, _ in file.lines):
        raise FindingError(f"lines {numbers}, but the file has {[number for number, _ in file.lines]}")
    is_parquet = file.name.endswith(".parquet")
    for number, text in file.lines:
        if number in rejected:
            reason, message, raw_line = rejected[number]
            if is_parquet:
                json.loads(raw_line or "")
            elif raw_line != shown(text):
                raise FindingError(f"line {number} is kept as {raw_line!r}, but is {text!r}")
            if text in file.good:
                raise FindingError(f"good line {number} is rejected: {reason}, {message}: {text!r}")


def shown(line: bytes) -> str:
    """A line as text: bytes that are not UTF-8 make all unprintable ones (and quotes, backslashes) \\xHH."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        plain = set(range(32, 127)) - set(b"\\'\"")
        return "".join(chr(byte) if byte in plain else f"\\x{byte:02X}" for byte in line)


def try_settings(environ: Mapping[str, str]) -> bool:
    """Read settings and what follows from them; whether they were accepted.

    Raises
    ------
    FindingError
        For any error but a SettingsError that names a variable, and for a secret that is shown.
    """
    try:
        settings = load_settings(environ)
        world_of(settings)
        shown_texts = [repr(settings), str(world_of(settings)), str(settings.written_path)]
        is_accepted = True
    except SettingsError as error:
        shown_texts, is_accepted = [str(error)], False
        if "LEAP_" not in str(error):
            raise FindingError(f"a refusal names no variable: {error}") from error
    except Exception as error:
        raise FindingError(f"{type(error).__name__}: {error}"[:500]) from error
    secret = environ.get("LEAP_ALERT_WEBHOOK", "").strip()
    if len(secret) > 12 and any(secret in text or repr(secret)[1:-1] in text for text in shown_texts):
        raise FindingError("the address of LEAP_ALERT_WEBHOOK is shown")
    if any(len(text) > 3000 for text in shown_texts if not is_accepted):
        raise FindingError("a message repeats a value of any length")
    return is_accepted


@contextlib.contextmanager
def odd_sizes(random: Random) -> Iterator[None]:
    """Blocks and batches of other sizes than usual, so that small files meet their edges."""
    with pytest.MonkeyPatch.context() as patch:
        if random.random() < 0.6:
            patch.setattr("leap_assets.landing.records.BLOCK_BYTES", random.choice([64, 100, 1000]))
            patch.setattr("leap_assets.landing.relations.BATCH_LINES", random.choice([1, 3, 100]))
            patch.setattr("leap_assets.landing.ingestion.REREAD_LINES", random.choice([1, 15, 1000]))
            patch.setattr("leap_assets.landing.ingestion.STREAMED_LINES", random.choice([1, 15, 1000]))
        yield


@contextlib.contextmanager
def open_trials() -> Iterator[Trials]:
    """Trials in a temporary folder."""
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        contextlib.closing(Trials(Path(folder))) as trials,
    ):
        yield trials
