"""A few random histories of accidents with a fixed seed that cover every kind, and the machinery that plays them."""

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from leap_assets_tests.chaos.drive import Player, Workshop, statement_in_flight
from leap_assets_tests.chaos.events import (
    ALL_TAGS,
    KINDS,
    Event,
    Scenario,
    draw_scenarios,
    draw_short_mode,
    rarest_first,
)

SEED = 6
SHORT = draw_short_mode(SEED)


def test_the_short_mode_has_every_kind_and_the_long_one_can_have_it():
    assert sorted(tag for scenario in SHORT for tag in set(scenario.tags()) if tag in KINDS) == sorted(KINDS)
    assert {tag for scenario in SHORT for tag in scenario.tags()} == set(ALL_TAGS)
    assert {tag for scenario in draw_scenarios(100, SEED) for tag in scenario.tags()} == set(ALL_TAGS)


def test_a_recorded_sequence_is_read_back():
    for scenario in draw_scenarios(20, SEED):
        # pairs of days come back as lists, which mean the same
        assert json.loads(Scenario.from_json(scenario.to_json()).to_json()) == json.loads(scenario.to_json())


def test_the_rarest_kind_comes_first():
    pool = [Scenario(True, (Event("day"),)), Scenario(True, (Event("late"), Event("empty")))]
    assert rarest_first(pool, Counter(day=5)) is pool[1]
    assert rarest_first(pool, Counter(late=5, empty=5)) is pool[0]


def test_a_statement_counts_as_in_flight_from_delete_to_commit(tmp_path):
    def entry(name: str, sql: str = "") -> str:
        data = {"node_info": {"node_name": "fact_session"}, "sql": sql}
        return json.dumps({"data": data, "info": {"name": name}}) + "\n"

    log = tmp_path / "tmp" / "dbt-1-stage" / "dbt.log"
    log.parent.mkdir(parents=True)
    log.write_text(entry("SQLQuery", "/* dbt */\ndelete from x; insert into x") + '{"half')
    assert statement_in_flight(tmp_path) == "fact_session"
    log.write_text(log.read_text().removesuffix('{"half') + entry("SQLCommit"))
    assert statement_in_flight(tmp_path) is None


@pytest.fixture(scope="module")
def workshop():
    # pytest's own folders are closed to others, and one of the accidents is about permissions
    folder = Path(tempfile.mkdtemp(prefix="leap-chaos-"))
    yield Workshop(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SHORT)))
def test_after_any_accidents_the_warehouse_is_that_of_a_fresh_build(workshop, number):
    played = Player(workshop, f"short-{number}", SHORT[number]).play()
    assert played.failure is None, f"{played.failure}\nafter {played.diary}"
    assert played.counted, played.diary
