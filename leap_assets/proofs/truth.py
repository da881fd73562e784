"""The truth's files, `truth/<event day>/<table>.parquet`: what they hold, and how they are written and read.

Written by the step that simulates, read by proofs alone. What is true is decided in `leap_assets.simulation.truth`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leap_assets.simulation import Coded
from leap_assets.simulation.coded import are_uuids
from leap_assets.simulation.streams import spell_uuids

_DELIVERED_ON = ("delivered_on", "date", "UTC day on which the line is delivered")
_PLAYER = ("player_id", "text", "The player")
_MATCH = ("session_id", "text", "The match")
_AT = ("at", "timestamp", "When (UTC)")
TABLES: Mapping[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "registered": (
        "One row per registration of the day, with what only the simulator knows about the player.",
        (
            _PLAYER,
            _AT,
            ("country", "text", "Country of the registration"),
            ("platform", "text", "Platform of the registration"),
            ("experiment_group", "text", "Group of the experiment"),
            ("habit", "text", "daily, weekday or cyclical"),
            ("spender_class", "text", "none, minnow, dolphin or whale"),
            _DELIVERED_ON,
        ),
    ),
    "churned": (
        "One row per player for whom the day is the last on which play is possible.",
        (_PLAYER, ("last_day", "date", "That day")),
    ),
    "active": (
        "One row per player with a player-session that starts on the day.",
        (
            _PLAYER,
            ("player_sessions", "bigint", "Player-sessions"),
            ("play_s", "bigint", "Their length in seconds"),
        ),
    ),
    "signon": ("One row per sign-on of the day.", (_PLAYER, _AT, _DELIVERED_ON)),
    "player_session": (
        "One row per player-session whose match starts on the day.",
        (
            _MATCH,
            _PLAYER,
            ("team_id", "text", "The player's team in the match"),
            ("started_at", "timestamp", "Start (UTC)"),
            ("length_s", "bigint", "Length in seconds"),
            ("country", "text", "Country played from"),
            ("kills", "bigint", "Opponents killed"),
            ("deaths", "bigint", "Times killed"),
            _DELIVERED_ON,
        ),
    ),
    "position": (
        "One row per beat of each player-session whose match starts on the day.",
        (
            _MATCH,
            _PLAYER,
            ("team_id", "text", "The player's team in the match"),
            ("beat", "bigint", "Beats since the match start"),
            ("at", "timestamp", "Logged time (UTC), clock jitter included"),
            ("x", "double", "Position"),
            ("y", "double", "Position"),
            ("z", "double", "Position"),
            _DELIVERED_ON,
        ),
    ),
    "contact_beat": (
        "One row per beat and pair of opponents within LEAP_SIM_ENCOUNTER_DISTANCE: who met whom.",
        (
            _MATCH,
            ("player_1_id", "text", "The player whose id comes first"),
            ("player_2_id", "text", "The opponent"),
            ("team_1_id", "text", "Team of the first"),
            ("team_2_id", "text", "Team of the second"),
            ("beat", "bigint", "Beats since the match start"),
            ("distance", "double", "Distance of the two"),
        ),
    ),
    "transaction": (
        "One row per purchase, renewal or refund of the day.",
        (
            ("transaction_id", "text", "The payment"),
            _PLAYER,
            _AT,
            ("purchase_item", "text", "The item"),
            ("price", "bigint", "Hundredths of the currency, negative for a refund"),
            ("currency", "text", "Currency of the price"),
            ("kind", "text", "purchase, renewal or refund"),
            ("origin_id", "text", "The purchase that this renews or refunds, or itself"),
            _DELIVERED_ON,
        ),
    ),
    "level_attempt": (
        "One row per level attempt of the player-sessions whose match starts on the day.",
        (
            _PLAYER,
            _MATCH,
            ("level", "bigint", "The level"),
            ("started_at", "timestamp", "Start (UTC)"),
            ("outcome", "text", "complete, fail or abandoned"),
            _DELIVERED_ON,
            ("result_delivered_on", "date", "UTC day on which the result is delivered; null if abandoned"),
        ),
    ),
    "ad": (
        "One row per advertisement watched in a match that starts on the day.",
        (
            _PLAYER,
            _AT,
            ("ad_type", "text", "Kind of ad"),
            ("revenue", "bigint", "Millionths of a USD"),
            _DELIVERED_ON,
        ),
    ),
    "feature_use": (
        "One row per use of a feature in a match that starts on the day.",
        (_PLAYER, _AT, ("feature", "text", "The feature"), _DELIVERED_ON),
    ),
    "client_event": (
        "One row per client event of the matches that start on the day.",
        (
            _PLAYER,
            _MATCH,
            ("event_type", "text", "Type of the event"),
            _AT,
            ("level", "bigint", "Of a level event, else 0"),
            ("price", "bigint", "Of a purchase, in hundredths of the currency, else 0"),
            ("currency", "text", "Of a purchase"),
            _DELIVERED_ON,
        ),
    ),
    "late": (
        "One row per line of the day that is delivered late.",
        (
            ("log", "text", "The log"),
            ("row", "bigint", "Row of the log's day, before lateness"),
            _DELIVERED_ON,
        ),
    ),
    "delivered": (
        "One row per log of the day's delivery: its good lines, late ones included.",
        (("log", "text", "The log"), ("lines", "bigint", "Good lines")),
    ),
    "defect": (
        "One row per line that was added to the day's delivery as a defect.",
        (
            ("log", "text", "The log"),
            ("kind", "text", "What is wrong with it"),
            ("row", "bigint", "Row of the delivery"),
        ),
    ),
}
# name -> what a row is, columns as (name, type, meaning)

OF_DELIVERY = ("delivered", "defect")
# tables about the day's delivery; all others are about the event day


class MissingTruthError(Exception):
    """What is true cannot be said; the message says why, and what to do about a day whose truth is not there."""


def truth_path(truth_dir: Path, day: dt.date, table: str) -> Path:
    """File of a table of an event day."""
    return truth_dir / day.isoformat() / f"{table}.parquet"


def has_truth(truth_dir: Path, day: dt.date, tables: Sequence[str]) -> bool:
    """Whether the files of some tables of a day are there."""
    return all(truth_path(truth_dir, day, table).exists() for table in tables)


def write_truth(
    truth_dir: Path, day: dt.date, truth: Mapping[str, Mapping[str, Any]], tables: Sequence[str]
) -> dict[str, int]:
    """Write some tables of a day, each put in place by rename.

    Parameters
    ----------
    truth_dir : Path
    day : date
        Event day.
    truth : mapping from table to columns
        As `World` tells it; what it does not tell is not written.
    tables : sequence of str
        Tables wanted.

    Returns
    -------
    dict
        Rows written, by table.
    """
    rows = {}
    for name in tables:
        if name not in truth:
            continue
        columns = pa.table({column: _to_arrow(values) for column, values in truth[name].items()})
        path = truth_path(truth_dir, day, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        try:
            pq.write_table(columns, partial, compression="zstd")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        rows[name] = len(columns)
    return rows


def _to_arrow(values: Any) -> pa.Array:
    if isinstance(values, Coded):
        codes = pa.array(values.codes, mask=values.codes < 0)
        # without a Python object each: a table has tens of thousands of ids, but few other texts
        texts = (
            spell_uuids(values.keys).view("S36")[:, 0]
            if are_uuids(values.keys)
            else values.keys.astype(object)
        )
        return pa.DictionaryArray.from_arrays(codes, pa.array(texts, pa.string()))
    return pa.array(values)


def read_truth(truth_dir: Path, day: dt.date, table: str, columns: Sequence[str]) -> dict[str, Any]:
    """Read columns of a table: texts as `Coded`, times as int64 microseconds, days as int64 days since 1970.

    Raises
    ------
    FileNotFoundError
        When the day has no such file.
    """
    read = pq.read_table(truth_path(truth_dir, day, table), columns=list(columns), use_threads=False)
    return {name: _to_numpy(read[name].combine_chunks()) for name in columns}


def _to_numpy(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_dictionary(column.type):
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        return Coded(codes, np.asarray(column.dictionary.to_pylist(), dtype=np.str_))
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    if pa.types.is_date32(column.type):
        return column.cast(pa.int32()).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return column.to_numpy(zero_copy_only=False)
