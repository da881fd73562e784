"""The dbt project's seeds as Python reads them: checked value by value, so that dbt cannot read them otherwise.

People edit these files in spreadsheets, which save other delimiters, dates and decimal signs. Whatever dbt would refuse
without naming the line, or misread, is refused here. What the values are used for lives elsewhere.
"""

import csv
import dataclasses
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from leap_assets.landing.files import LandingError

RATES, COUNTRIES, INTERNAL = "exchange_rates.csv", "countries.csv", "internal_accounts.csv"
# What spreadsheets write in place of commas.
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
# The column is decimal(18, 10).
RATE_FORM = r"[0-9]{1,8}(\.[0-9]{1,10})?"


class SeedError(LandingError):
    """A seed that cannot be used; the message names the file, the line and the remedy. Nothing was written."""


@dataclasses.dataclass(frozen=True)
class Rate:
    """Value of one unit of a currency in USD from a day on."""

    currency: str
    valid_from: dt.date
    rate: Decimal


@dataclasses.dataclass(frozen=True)
class Seeds:
    """All seeds of the dbt project."""

    rates: tuple[Rate, ...]
    countries: Mapping[str, str]
    internal: frozenset[str]

    @property
    def rated_from(self) -> dict[str, dt.date]:
        """First day with an exchange rate, by currency."""
        return _rated_from(self.rates)


def read_seeds(folder: Path) -> Seeds:
    """Read and check all seeds of a folder.

    Raises
    ------
    SeedError
        For the first value that cannot be used.
    """
    countries = _read(folder / COUNTRIES, ("code", "name"), ("code",), {"code": _is_country})
    internal = _read(folder / INTERNAL, ("player_id",), ("player_id",), {})
    return Seeds(
        rates=read_exchange_rates(folder / RATES),
        countries={row["code"]: row["name"] for row in countries},
        internal=frozenset(row["player_id"] for row in internal),
    )


def read_exchange_rates(path: Path) -> tuple[Rate, ...]:
    """Read and check the seed of exchange rates.

    Raises
    ------
    SeedError
        For the first value that cannot be used.
    """
    rows = _read(
        path,
        ("currency", "valid_from", "rate"),
        ("currency", "valid_from"),
        {"currency": _is_currency, "valid_from": _is_day, "rate": _is_rate},
    )
    return tuple(
        Rate(row["currency"], dt.date.fromisoformat(row["valid_from"]), Decimal(row["rate"])) for row in rows
    )


def read_rates(seed: Path) -> dict[str, dt.date]:
    """First day with an exchange rate, by currency, from the seed exchange_rates.

    Raises
    ------
    SeedError
        For the first value that cannot be used.
    """
    return _rated_from(read_exchange_rates(seed))


def _rated_from(rates: Sequence[Rate]) -> dict[str, dt.date]:
    first: dict[str, dt.date] = {}
    for rate in rates:
        first[rate.currency] = min(rate.valid_from, first.get(rate.currency, rate.valid_from))
    return first


def _is_currency(value: str) -> str | None:
    return (
        None if re.fullmatch("[A-Z]{3}", value) else "is no ISO 4217 code: write three capitals such as EUR"
    )


def _is_country(value: str) -> str | None:
    return None if re.fullmatch("[A-Z]{2}", value) else "is no ISO 3166 code: write two capitals such as DE"


def _is_day(value: str) -> str | None:
    # fromisoformat also reads 20000101 and 2000-W01-1, which dbt does not
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            dt.date.fromisoformat(value)
        except ValueError:
            return "is no day of the calendar"
        return None
    return "is no day: write it as 2000-01-31"


def _is_rate(value: str) -> str | None:
    if "," in value:
        return "has a decimal comma: write a point, as in 1.0825"
    if not re.fullmatch(RATE_FORM, value):
        return "is no rate: write a number above 0 such as 1.0825, with at most 8 digits before the point and 10 behind"
    return None if Decimal(value) > 0 else "is not above 0"


def _read(
    path: Path,
    columns: Sequence[str],
    key: Sequence[str],
    checks: Mapping[str, Callable[[str], str | None]],
) -> list[dict[str, str]]:
    """The rows of a seed, each with all its columns; refuses the first that dbt could not read as it is meant."""
    rows: list[dict[str, str]] = []
    lines: dict[tuple[str, ...], int] = {}
    for number, fields in _records(path, columns):
        if len(fields) != len(columns):
            raise _wrong(
                path, number, f"it has {len(fields)} fields, not {len(columns)} ({', '.join(columns)})"
            )
        row = dict(zip(columns, fields, strict=True))
        for name, value in row.items():
            if value != value.strip():
                raise _wrong(path, number, f"{name} {value!r} has blanks around it: take them away")
            if value.startswith("'") and value.endswith("'"):
                # DuckDB takes them for the quotes of the file
                raise _wrong(path, number, f"{name} {value} has single quotes around it: take them away")
            # dbt reads the word as no value
            if value.lower() in ("", "null"):
                raise _wrong(path, number, f"{name} is missing: fill it in, or take the line away")
            if name in checks and (said := checks[name](value)):
                raise _wrong(path, number, f"{name} {value!r} {said}")
        of_key = tuple(row[name] for name in key)
        if (first := lines.setdefault(of_key, number)) != number:
            raise _wrong(
                path,
                number,
                f"it says again what {' and '.join(key)} of line {first} are: keep one of the two",
            )
        rows.append(row)
    return rows


def _records(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Records behind the header with the numbers of their lines."""
    try:
        # as dbt does: a mark of the byte order is no part of the text
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(path, None, "it is not UTF-8: save it as CSV with the encoding UTF-8") from error
    except OSError as error:
        raise SeedError(
            f"{path} cannot be read ({error.strerror or error}). Restore it; nothing was loaded."
        ) from error
    # read_text has made line feeds of all line ends, as dbt does
    reader = csv.reader(io.StringIO(text), strict=True)
    is_headed = False
    try:
        for fields in reader:
            if not fields:
                # dbt makes a row without values of it
                raise _wrong(path, reader.line_num, "it is empty: take it away")
            if not is_headed:
                _check_header(path, reader.line_num, fields, columns)
                is_headed = True
            else:
                yield reader.line_num, fields
    except csv.Error as error:
        raise _wrong(
            path, reader.line_num, f"it is no record of a CSV file ({error}): mend its quotes"
        ) from error
    if not is_headed:
        raise _wrong(path, None, f"it is empty: its first line must be {','.join(columns)}")


def _check_header(path: Path, number: int, header: Sequence[str], columns: Sequence[str]) -> None:
    if tuple(header) == tuple(columns):
        return
    wanted = ",".join(columns)
    for sign, name in DELIMITERS.items():
        if len(header) == 1 and sign in header[0]:
            raise _wrong(path, number, f"its fields are separated by {name}: save it as CSV with commas")
    raise _wrong(path, number, f"it is {','.join(header)[:200]!r}, but the header must be {wanted}")


def _wrong(path: Path, line: int | None, said: str) -> SeedError:
    where = f"{path}, line {line}" if line else str(path)
    return SeedError(f"{where}: {said}. Nothing was loaded.")
