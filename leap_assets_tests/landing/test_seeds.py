"""Seeds that people saved with a spreadsheet: read as they are meant, or refused with file, line and remedy."""

import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from dbt_common.clients import agate_helper

from leap_assets.landing.seeds import (
    COUNTRIES,
    INTERNAL,
    RATES,
    SeedError,
    read_exchange_rates,
    read_rates,
    read_seeds,
)
from leap_assets.resources import DBT_PROJECT_DIR

HEADER = "currency,valid_from,rate"


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    shutil.copytree(DBT_PROJECT_DIR / "seeds", tmp_path / "seeds")
    return tmp_path / "seeds"


def test_the_seeds_of_the_project_are_read_as_they_are(seeds):
    read = read_seeds(seeds)
    assert read.countries["DE"] == "Germany"
    assert read.rated_from["EUR"] == dt.date(2000, 1, 1)
    assert len(read.internal) == 4


def test_a_currency_has_rates_from_the_first_row_of_the_seed_on(tmp_path):
    seed = tmp_path / RATES
    seed.write_text(f"{HEADER}\nEUR,2025-03-01,2\nEUR,2025-01-01,1\nEUR,2025-02-01,3\nUSD,2024-01-01,1\n")
    assert read_rates(seed) == {"EUR": dt.date(2025, 1, 1), "USD": dt.date(2024, 1, 1)}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_mark_of_the_byte_order_and_any_line_end_are_read_alike_by_all(tmp_path, mark, end):
    seed = tmp_path / RATES
    seed.write_bytes((mark + end.join([HEADER, '"EUR",2000-01-01,1.0825', "USD,2000-01-01,1", ""])).encode())
    expected = [("EUR", dt.date(2000, 1, 1), Decimal("1.0825")), ("USD", dt.date(2000, 1, 1), Decimal(1))]
    assert [(rate.currency, rate.valid_from, rate.rate) for rate in read_exchange_rates(seed)] == expected
    # as dbt does it on either engine
    with duckdb.connect() as connection:
        connection.execute("create table seed (currency varchar, valid_from date, rate decimal(18, 10))")
        connection.execute(f"copy seed from '{seed}' (format csv, header true, delimiter ',')")
        assert connection.execute("from seed").fetchall() == expected
    rows = agate_helper.from_csv(str(seed), text_columns=HEADER.split(",")).rows
    assert [tuple(row) for row in rows] == [("EUR", "2000-01-01", "1.0825"), ("USD", "2000-01-01", "1")]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            "currency;valid_from;rate\nEUR;2000-01-01;1.08\n",
            1,
            "separated by semicolons: save it as CSV with commas",
        ),
        ("currency\tvalid_from\trate\nEUR\t2000-01-01\t1.08\n", 1, "separated by tabs"),
        (f"{HEADER}\nEUR,01.01.2000,1.08\n", 2, "valid_from '01.01.2000' is no day: write it as 2000-01-31"),
        (f"{HEADER}\nEUR,1/1/2000,1.08\n", 2, "'1/1/2000' is no day"),
        (f"{HEADER}\nEUR,20000101,1.08\n", 2, "'20000101' is no day"),
        (f"{HEADER}\nEUR,2000-02-30,1.08\n", 2, "'2000-02-30' is no day of the calendar"),
        (f'{HEADER}\nUSD,2000-01-01,1\nEUR,2000-01-01,"1,08"\n', 3, "rate '1,08' has a decimal comma"),
        (f"{HEADER}\nEUR,2000-01-01,1,08\n", 2, "it has 4 fields, not 3"),
        (f"{HEADER}\nEUR,2000-01-01,1e-3\n", 2, "rate '1e-3' is no rate"),
        (f"{HEADER}\nEUR,2000-01-01,123456789\n", 2, "at most 8 digits before the point"),
        (f"{HEADER}\nEUR,2000-01-01,0\n", 2, "rate '0' is not above 0"),
        (f"{HEADER}\nEUR,2000-01-01,-1\n", 2, "rate '-1' is no rate"),
        (f"{HEADER}\nEUR,2000-01-01,NaN\n", 2, "rate 'NaN' is no rate"),
        (f"{HEADER}\nEUR,2000-01-01,\n", 2, "rate is missing"),
        (f"{HEADER}\nEUR,2000-01-01,null\n", 2, "rate is missing"),
        (f"{HEADER}\neur,2000-01-01,1.08\n", 2, "currency 'eur' is no ISO 4217 code"),
        (f"{HEADER}\nEUR ,2000-01-01,1.08\n", 2, "currency 'EUR ' has blanks around it"),
        (f"{HEADER}\n'EUR',2000-01-01,1.08\n", 2, "has single quotes around it"),
        (f"{HEADER}\nEUR,2000-01-01,1.08\n\nUSD,2000-01-01,1\n", 3, "it is empty: take it away"),
        (
            f"{HEADER}\nEUR,2000-01-01,1.08\nEUR,2000-01-01,1.09\n",
            3,
            "what currency and valid_from of line 2 are",
        ),
        ("currency,rate\nEUR,1.08\n", 1, "the header must be currency,valid_from,rate"),
        (f'{HEADER}\nEUR,2000-01-01,"1.08\n', 2, "mend its quotes"),
        ("", None, "its first line must be currency,valid_from,rate"),
    ],
)
def test_what_dbt_would_misread_is_refused_with_line_and_remedy(seeds, text, line, said):
    path = seeds / RATES
    path.write_text(text)
    with pytest.raises(SeedError) as refusal:
        read_seeds(seeds)
    where = f"{path}, line {line}: " if line else f"{path}: "
    assert str(refusal.value).startswith(where)
    assert said in str(refusal.value)
    assert str(refusal.value).endswith("Nothing was loaded.")


@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        (INTERNAL, "player_id\na\nb\na\n", 4, "what player_id of line 2 are"),
        (INTERNAL, "player_id\na\n b\n", 3, "player_id ' b' has blanks around it"),
        (INTERNAL, "player_id\na\n\n", 3, "it is empty"),
        (INTERNAL, "player\na\n", 1, "the header must be player_id"),
        (COUNTRIES, "code,name\nde,Germany\n", 2, "code 'de' is no ISO 3166 code"),
        (COUNTRIES, "code,name\nDE,Germany\nDE,Deutschland\n", 3, "what code of line 2 are"),
        (COUNTRIES, "code;name\nDE;Germany\n", 1, "separated by semicolons"),
    ],
)
def test_the_other_seeds_are_checked_alike(seeds, name, text, line, said):
    (seeds / name).write_text(text)
    with pytest.raises(SeedError) as refusal:
        read_seeds(seeds)
    assert f"{name}, line {line}: " in str(refusal.value)
    assert said in str(refusal.value)


def test_a_seed_in_another_encoding_or_without_a_file_is_refused(seeds):
    (seeds / COUNTRIES).write_bytes("code,name\nCI,Côte d'Ivoire\n".encode("latin-1"))
    with pytest.raises(SeedError, match="save it as CSV with the encoding UTF-8"):
        read_seeds(seeds)
    (seeds / COUNTRIES).unlink()
    with pytest.raises(SeedError, match="Restore it; nothing was loaded"):
        read_seeds(seeds)


def test_no_test_account_is_a_seed_too(seeds):
    (seeds / INTERNAL).write_text("player_id\n")
    assert read_seeds(seeds).internal == frozenset()
