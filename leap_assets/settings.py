"""Every setting of Leap: its name, meaning, unit, default and check. The only reader of the environment.

`load_settings()` turns `LEAP_*` variables into one frozen, validated object; a wrong value is refused with a
message that names the variable, the value and the remedy. Paths that follow from a setting are properties here.
What the settings are used for lives elsewhere: this module imports nothing of Leap but the world's own knobs.
"""

import dataclasses
import datetime as dt
import difflib
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leap_assets.simulation.config import WorldConfig

SIMULATOR = "simulator"
LANDING = "landing"
DUCKDB, SPARK = "duckdb", "spark"
ALL_LOGS = ("player", "product", "signons", "session", "transaction", "heartbeat", "client")
SIMULATION_PREFIX = "LEAP_SIM_"
SHOWN_CHARS = 300
# of a value in a message
PROJECT_DIR = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """A setting that cannot be used; the message names the variable, the value and the remedy."""


def _text(value: str) -> str:
    return value


def _integer(value: str) -> int:
    return int(value)


def _number(value: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _day(value: str) -> dt.date:
    return dt.date.fromisoformat(value)


def _path(value: str) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError:
        # ~name of nobody
        raise ValueError from None


def _flag(value: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[value.lower()]


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # a name that is too long for one of a file
        return False


def _is_share(value: float) -> bool:
    return 0 <= value <= 1


def _setting(
    variable: str,
    default: Any,
    read: Callable[[str], Any],
    form: str,
    meaning: str,
    accepts: Callable[[Any], bool] = lambda value: True,
    *,
    is_secret: bool = False,
) -> Any:
    """One field of `Settings`: where it is read, how, what form it must have and what it means.

    A secret is shown by nothing that Leap writes: no message, no log, no representation of the settings.
    """
    metadata = {"variable": variable, "read": read, "form": form, "meaning": meaning, "accepts": accepts}
    return dataclasses.field(
        default=default, repr=not is_secret, metadata=metadata | {"is_secret": is_secret}
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one Leap installation, all optional in the environment.

    Attributes carry their unit in the name where the type does not say it; `describe_settings()` lists all.
    """

    data_dir: Path = _setting(
        "LEAP_DATA_DIR",
        Path("data"),
        _path,
        "a folder",
        "Where landing files, the warehouse and the published file live",
    )
    source: str = _setting(
        "LEAP_SOURCE",
        SIMULATOR,
        _text,
        f"'{SIMULATOR}', '{LANDING}' or the name of a mapped source",
        "Who fills landing/: `simulator`, `landing` (somebody else, with files that follow the contracts), or the "
        "mapped source of this name, a folder of `sources/`",
        # whether a source of this name exists is known when all settings are
        lambda value: re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", value) is not None,
    )
    sources_dir: Path = _setting(
        "LEAP_SOURCES_DIR",
        Path("sources"),
        _path,
        "a folder",
        "Folder of the mapped sources, seen from the project's folder",
    )
    engine: str = _setting(
        "LEAP_ENGINE",
        DUCKDB,
        _text,
        f"'{DUCKDB}' or '{SPARK}'",
        "Where the tables are: the DuckDB file of the data folder, or a Spark cluster (docs/spark.md)",
        lambda value: value in (DUCKDB, SPARK),
    )
    spark_remote: str = _setting(
        "SPARK_REMOTE",
        "",
        _text,
        "an address such as sc://spark.example:15002",
        f"Spark Connect server of LEAP_ENGINE={SPARK}",
        is_secret=True,
    )
    landing_uri: str = _setting(
        "LEAP_LANDING_URI",
        "",
        _text,
        "an address such as s3a://bucket/landing",
        f"Where the cluster reads the delivered files of LEAP_SOURCE={LANDING} with LEAP_ENGINE={SPARK}; empty: "
        "`landing` in the data folder, under the same path on every worker",
        lambda value: re.fullmatch(r"[a-z][a-z0-9+.-]*://?[^\s?#]+", value) is not None,
    )
    delivered: Path | None = _setting(
        "LEAP_DELIVERED_DIR",
        None,
        _path,
        "a folder",
        "Folder of the files that a mapped source reads; empty: `delivered` in the data folder",
    )
    start_date: dt.date = _setting(
        "LEAP_START_DATE",
        dt.date(2025, 1, 1),
        _day,
        "a day such as 2025-01-01",
        "First UTC day of the warehouse; events before it are rejected as out_of_window",
    )
    seed: int = _setting(
        "LEAP_SEED",
        42,
        _integer,
        "a whole number from 0",
        "Seed of the simulated world",
        lambda value: value >= 0,
    )
    initial_players: int = _setting(
        "LEAP_INITIAL_PLAYERS",
        1000,
        _integer,
        "a whole number from 0",
        "Players of the simulated world on its first day",
        lambda value: value >= 0,
    )
    heartbeat_s: float = _setting(
        "LEAP_HEARTBEAT_S",
        30.0,
        _number,
        "a number of seconds above 0",
        "Seconds between two heartbeats of a player: the length of a beat",
        # a beat is counted in whole microseconds
        lambda value: value >= 1e-6 and (value * 1e6).is_integer(),
    )
    conflict_distance: float = _setting(
        "LEAP_CONFLICT_DISTANCE",
        30.0,
        _number,
        "a number from 0, in the unit of the positions",
        "Two teams (or opposing players) at most this far apart are close",
        lambda value: value >= 0,
    )
    conflict_cooldown_s: float = _setting(
        "LEAP_CONFLICT_COOLDOWN_S",
        60.0,
        _number,
        "a number of seconds from 0",
        "A new conflict starts when the pair's previous close beat is more than this ago",
        lambda value: value >= 0,
    )
    session_max_hours: float = _setting(
        "LEAP_SESSION_MAX_HOURS",
        24.0,
        _number,
        "a number of hours above 0, at most 744, that is a whole number of seconds",
        "A longer session is rejected as out_of_window; the days that a run rewrites follow it. Changing it needs "
        "`make rebuild`",
        # 31 days; no more, because a run rewrites all days that a session may reach
        lambda value: 0 < value <= 744 and (value * 3600).is_integer(),
    )
    currency: str = _setting(
        "LEAP_CURRENCY",
        "USD",
        _text,
        "a currency code of the seed exchange_rates such as USD",
        "Currency in which amounts are reported",
        lambda value: re.fullmatch("[A-Z]{3}", value) is not None,
    )
    alert_webhook: str = _setting(
        "LEAP_ALERT_WEBHOOK",
        "",
        _text,
        "an http(s) address, or empty",
        "Address that receives a JSON message when a step of the daily job fails; empty: none",
        lambda value: re.fullmatch(r"(https?://[!-~]+)?", value) is not None,
        is_secret=True,
    )
    hash_key: str = _setting(
        "LEAP_HASH_KEY",
        "",
        _text,
        "a secret of at least 16 characters, or empty",
        "Key of the hashes that stand for the personal columns of a mapped source; another one makes other hashes",
        lambda value: not value or len(value) >= 16,
        is_secret=True,
    )
    lock_timeout_s: float = _setting(
        "LEAP_LOCK_TIMEOUT_S",
        6 * 3600.0,
        _number,
        "a number of seconds above 0",
        "How long a run waits for another run that is writing before it gives up",
        lambda value: value > 0,
    )
    memory_limit: str = _setting(
        "LEAP_MEMORY_LIMIT",
        "400MB",
        _text,
        "an amount such as 400MB or 4GB",
        "Memory that DuckDB takes in a run before it works on disk; Python and dbt need some 700 MB beside it",
        lambda value: re.fullmatch(r"[1-9][0-9]{0,8} ?[MGT]i?B", value) is not None,
    )
    logs: tuple[str, ...] = _setting(
        "LEAP_LOGS",
        ALL_LOGS,
        _names,
        f"names among {', '.join(ALL_LOGS)}, with commas",
        "Logs that the source has; what the others would tell is taken from client events where it can be",
        lambda value: bool(value) and set(value) <= set(ALL_LOGS),
    )
    own_event_types: tuple[str, ...] = _setting(
        "LEAP_EVENT_TYPES",
        (),
        _names,
        "names of event types, with commas",
        "Types of client events that the source has beside Leap's own, with `LEAP_SOURCE=landing`; a mapped source "
        "declares them in its source.toml",
    )
    strict: bool = _setting(
        "LEAP_STRICT",
        False,
        _flag,
        "1 or 0",
        "Whether a missed threshold stops the run: nothing of its days, or of its whole range, is built or published",
    )
    min_events: int = _setting(
        "LEAP_CHECK_MIN_EVENTS",
        1,
        _integer,
        "a whole number from 0",
        "Threshold: client events that a delivery day must have",
        lambda value: value >= 0,
    )
    event_types: tuple[str, ...] = _setting(
        "LEAP_CHECK_EVENT_TYPES",
        ("session_start", "session_end"),
        _names,
        "names of event types, with commas",
        "Threshold: types of client events that a delivery day must have",
    )
    max_null_share: float = _setting(
        "LEAP_CHECK_NULL_SHARE",
        0.5,
        _number,
        "a share from 0 to 1",
        "Threshold: share of lines that may lack an optional, but usual value",
        _is_share,
    )
    max_rejected_share: float = _setting(
        "LEAP_CHECK_REJECTED_SHARE",
        0.05,
        _number,
        "a share from 0 to 1",
        "Threshold: share of lines that may be rejected",
        _is_share,
    )
    max_future_share: float = _setting(
        "LEAP_CHECK_FUTURE_SHARE",
        0.01,
        _number,
        "a share from 0 to 1",
        "Threshold: share of lines that may be over an hour ahead of their delivery day",
        _is_share,
    )
    max_price_factor: float = _setting(
        "LEAP_CHECK_PRICE_FACTOR",
        10.0,
        _number,
        "a number from 1",
        "Threshold: a price this many times the median of its product and currency is an outlier",
        lambda value: value >= 1,
    )
    proofs: bool = _setting(
        "LEAP_PROOFS",
        True,
        _flag,
        "1 or 0",
        "Whether each run of the simulated world keeps its truth and proves the marts by it; no run of another source",
    )
    keep_runs: int = _setting(
        "LEAP_KEEP_RUNS",
        30,
        _integer,
        "a whole number from 0",
        "Runs whose events and step logs the history keeps; of older ones what the state of a day rests upon; 0: all",
        lambda value: value >= 0,
    )
    rebuild: bool = _setting(
        "LEAP_REBUILD",
        False,
        _flag,
        "1 or 0",
        "Set by `make rebuild`: the run builds a new warehouse file beside the old one and replaces it at the end",
    )
    simulation: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """A mapped source has the logs that it has a SELECT for; one without any is refused when it is read."""
        if self.is_mapped and self.logs == ALL_LOGS and (logs := self._mapped_logs()):
            object.__setattr__(self, "logs", logs)

    def _mapped_logs(self) -> tuple[str, ...]:
        if not _is_dir(self.source_dir):
            return ()
        return tuple(log for log in ALL_LOGS if (self.source_dir / f"{log}.sql").is_file())

    @property
    def is_mapped(self) -> bool:
        """Whether the source is a folder of mappings."""
        return self.source not in (SIMULATOR, LANDING)

    @property
    def source_dir(self) -> Path:
        """Folder of the mapped source."""
        return PROJECT_DIR / self.sources_dir / self.source

    @property
    def delivered_dir(self) -> Path:
        """Folder of the files that a mapped source reads."""
        return self.delivered or self.data_dir / "delivered"

    @property
    def erased_path(self) -> Path:
        """List of the players that were erased, hashed ids, one a line."""
        return self.data_dir / "erased_players.txt"

    @property
    def session_max_s(self) -> int:
        """Seconds that a session may last."""
        return round(self.session_max_hours * 3600)

    @property
    def landing_dir(self) -> Path:
        """Folder of the delivered files, `<log>/<YYYY-MM-DD>/*`."""
        return self.data_dir / "landing"

    @property
    def truth_dir(self) -> Path:
        """Folder of the simulated world's truth, `<YYYY-MM-DD>/<table>.parquet`; read by proofs alone."""
        return self.data_dir / "truth"

    @property
    def warehouse_path(self) -> Path:
        """The one DuckDB file of the warehouse."""
        return self.data_dir / "leap.duckdb"

    @property
    def written_path(self) -> Path:
        """The DuckDB file that a run writes: the warehouse, or the new one beside it during a rebuild."""
        return self.data_dir / "leap.rebuilt.duckdb" if self.rebuild else self.warehouse_path

    @property
    def published_path(self) -> Path:
        """The read-only copy for people and tools."""
        return self.data_dir / "published" / "leap.duckdb"

    @property
    def world(self) -> WorldConfig:
        """Configuration of the simulated world."""
        return WorldConfig(
            seed=self.seed,
            start_date=self.start_date,
            initial_players=self.initial_players,
            heartbeat_s=self.heartbeat_s,
            **self.simulation,
        )


def _fields() -> dict[str, dataclasses.Field[Any]]:
    """Map from variable name to the field of `Settings` that it sets."""
    return {f.metadata["variable"]: f for f in dataclasses.fields(Settings) if "variable" in f.metadata}


def _simulation_fields() -> dict[str, dataclasses.Field[Any]]:
    """Map from variable name to the knob of the simulated world that it sets; those above come first."""
    own = {"seed", "start_date", "initial_players", "heartbeat_s"}
    return {
        f"{SIMULATION_PREFIX}{f.name.upper()}": f
        for f in dataclasses.fields(WorldConfig)
        if f.name not in own
    }


def _read_simulation(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, field in _simulation_fields().items():
        if not (text := environ.get(variable, "").strip()):
            continue
        read = {int: _integer, float: _number, dt.date: _day}[type(field.default)]
        try:
            values[field.name] = read(text)
        except ValueError:
            kind = "a whole number" if read is _integer else "a day" if read is _day else "a number"
            raise SettingsError(
                f"{variable}={_quoted(text)} cannot be used: it must be {kind}. "
                f"Unset it for the default {field.default}."
            ) from None
    return values


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read, check and freeze the settings.

    Parameters
    ----------
    environ : mapping, optional
        Variables by name; the process environment when left out. An empty value counts as unset.

    Raises
    ------
    SettingsError
        For a value that cannot be used, or a `LEAP_*` variable that does not exist (a typing error that
        would otherwise be ignored in silence).
    """
    environ = os.environ if environ is None else environ
    fields, simulation_fields = _fields(), _simulation_fields()
    for variable in environ:
        if variable.startswith("LEAP_") and variable not in fields and variable not in simulation_fields:
            near = difflib.get_close_matches(variable, [*fields, *simulation_fields], n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise SettingsError(
                f"{_shortened(variable)} is not a setting of Leap. {hint}See the table in README.md."
            )
    values: dict[str, Any] = {}
    for variable, field in fields.items():
        if not (text := environ.get(variable, "").strip()):
            continue
        try:
            value = field.metadata["read"](text)
            accepted = field.metadata["accepts"](value)
        except (ValueError, KeyError, OverflowError):
            accepted = False
        if not accepted:
            shown = "***" if field.metadata["is_secret"] else _quoted(text)
            raise SettingsError(
                f"{variable}={shown} cannot be used: it must be {field.metadata['form']}. "
                f"Unset it for the default {_shown(field.default)}."
            )
        values[field.name] = value
    settings = Settings(**values, simulation=_read_simulation(environ))
    if settings.is_mapped:
        _check_mapped(settings, is_given="logs" in values)
        if settings.own_event_types:
            raise SettingsError(
                f"LEAP_EVENT_TYPES cannot be set with LEAP_SOURCE={settings.source}: the event types of a mapped "
                f"source are declared in {settings.source_dir / 'source.toml'}, [events.<type>]. Unset "
                "LEAP_EVENT_TYPES."
            )
    _check_engine(settings)
    try:
        # made here only to be checked
        _ = settings.world
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"The simulated world cannot be made: {_shortened(str(error))}. Its settings are LEAP_SEED, "
            f"LEAP_INITIAL_PLAYERS, LEAP_HEARTBEAT_S and {SIMULATION_PREFIX}*."
        ) from None
    data_dir = settings.data_dir.absolute()
    if found := re.search("[?#]", str(data_dir)):
        # DuckDB and dbt-duckdb read what follows as that of an address: the one would put its write-ahead log into
        # another folder, the other would take another name for that of the database
        raise SettingsError(
            f"LEAP_DATA_DIR={_quoted(str(data_dir))} cannot be used: DuckDB and dbt misread a path with {found[0]}. "
            "Choose another folder."
        )
    delivered = settings.delivered and settings.delivered.absolute()
    return dataclasses.replace(settings, data_dir=data_dir, delivered=delivered)


def has_dagster_home() -> bool:
    """Whether Dagster is told where the history of runs is; else dagster.yaml in the working directory says so."""
    return bool(os.environ.get("DAGSTER_HOME"))


def has_start_date() -> bool:
    """Whether the first day of the warehouse was chosen; else it is the default, which may be no day of the data."""
    return bool(os.environ.get("LEAP_START_DATE"))


def list_sources(sources_dir: Path) -> list[str]:
    """Names of the mapped sources in a folder: of the folders in it that have a declaration."""
    return sorted(path.parent.name for path in sources_dir.glob("*/source.toml"))


def _check_mapped(settings: Settings, *, is_given: bool) -> None:
    """Refuse a mapped source that does not exist, and logs beside those that it has."""
    folder = settings.source_dir
    if not _is_dir(folder):
        known = [SIMULATOR, LANDING, *(list_sources(folder.parent) if _is_dir(folder.parent) else ())]
        near = difflib.get_close_matches(settings.source, known, n=1)
        raise SettingsError(
            f"LEAP_SOURCE={_quoted(settings.source)} cannot be used: it must be '{SIMULATOR}' or '{LANDING}', or the "
            f"name of a folder in {folder.parent} ({', '.join(known[2:]) or 'there is none yet'}). "
            f"{f'Did you mean {near[0]}? ' if near else ''}Unset it for the default {SIMULATOR}."
        )
    if is_given:
        raise SettingsError(
            f"LEAP_LOGS cannot be set with LEAP_SOURCE={settings.source}: the logs of a mapped source are those that "
            f"{folder} has a .sql file for. Unset LEAP_LOGS."
        )


def _check_engine(settings: Settings) -> None:
    """Refuse an engine without its server, or what only the other engine has."""
    if settings.engine == SPARK and not re.fullmatch(r"sc://[^/:;\s]+(:\d+)?(/.*)?", settings.spark_remote):
        raise SettingsError(
            f"LEAP_ENGINE={SPARK} needs SPARK_REMOTE, the address of a Spark Connect server such as "
            "sc://spark.example:15002. Set it, or unset LEAP_ENGINE."
        )
    if settings.engine == SPARK and settings.rebuild:
        raise SettingsError(
            f"LEAP_REBUILD cannot be used with LEAP_ENGINE={SPARK}, which has no second set of tables to build beside "
            "the first. Run the days again: each partition is replaced (docs/spark.md)."
        )
    if settings.landing_uri and (settings.engine, settings.source) != (SPARK, LANDING):
        raise SettingsError(
            f"LEAP_LANDING_URI is read with LEAP_ENGINE={SPARK} and LEAP_SOURCE={LANDING} alone. Unset it."
        )


def _quoted(text: str) -> str:
    return _shortened(repr(text))


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."


def _shown(default: object) -> str:
    """A default as it would be written in the environment."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(int(default))
    return ",".join(default) if isinstance(default, tuple) else str(default)


def describe_settings() -> list[tuple[str, str, str]]:
    """Rows (variable, default, meaning) of every setting, for the README and for people who ask."""
    rows = [(name, _shown(f.default), f.metadata["meaning"]) for name, f in _fields().items()]
    return rows + [(name, str(f.default), f.metadata["help"]) for name, f in _simulation_fields().items()]
