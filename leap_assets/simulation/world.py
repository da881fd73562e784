"""The simulated world: what is delivered on a day, and what really happened on it.

`World` puts the parts together: it simulates event days, holds back late lines, adds defects. How players
come, play and pay is decided in the other modules; files are written elsewhere.
"""

from __future__ import annotations

import datetime
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leap_assets.simulation import logs as lines
from leap_assets.simulation import truth as facts
from leap_assets.simulation.catalogue import Catalogue
from leap_assets.simulation.client import ClientEvents, draw_client_events
from leap_assets.simulation.coded import Column, Table, compact, count_rows, stack, take_rows
from leap_assets.simulation.config import WorldConfig
from leap_assets.simulation.dirt import DEFECT_KINDS, LATEST_DAYS, alter_copies, draw_defects, draw_late_rows
from leap_assets.simulation.levels import LOOK_BACK_DAYS, Wins, count_wins
from leap_assets.simulation.logs import LOGS, LogDay
from leap_assets.simulation.play import Action, Play, Playbook, act_day
from leap_assets.simulation.population import Players, Population
from leap_assets.simulation.purchases import (
    Payments,
    draw_follow_ups,
    draw_purchases,
    find_source_days,
    join_payments,
)
from leap_assets.simulation.streams import format_uuids, open_stream

_LATE_DAYS_KEPT = 8
# Event days whose late lines are remembered: the three that a delivery needs, and some for other orders of
# days.
_FOLLOW_UP_DAYS_KEPT = 1200
# Days whose coming renewals and refunds are remembered; yearly passes are renewed for three years, and so many
# serve a range of days without drawing twice.

_WIN_DAYS_KEPT = LOOK_BACK_DAYS + _LATE_DAYS_KEPT
# Days whose winnable level attempts are remembered: what a day and the late lines before it look back on.

_PLAYED_LOGS = frozenset(("signons", "session", "transaction", "heartbeat", "client"))
_PAID_LOGS = frozenset(("transaction", "client"))
_MOVED_LOGS = frozenset(("session", "heartbeat"))


@dataclass(frozen=True, eq=False)
class DeliveryDay:
    """What is delivered on a day.

    Attributes
    ----------
    date : date
        Delivery day.
    logs : mapping from log name to LogDay
        The logs asked for, in the order of ``LOGS``.
    truth : mapping from table name to columns
        What happened on the *event* day of the same date: registered, churned, active, signon, player_session,
        position, contact_beat, transaction, level_attempt, ad, feature_use, client_event and late, as far as the
        logs asked for tell of it; and delivered and defect, which are about this *delivery*. Empty when truth was
        not asked for.
        What happens in a match that runs past midnight belongs to the day on which the match starts.
    """

    date: datetime.date
    logs: Mapping[str, LogDay]
    truth: Mapping[str, Mapping[str, Column]]


@dataclass(frozen=True, eq=False)
class _Happened:
    day: int
    players: Players
    play: Play | None = None
    payments: Payments | None = None
    action: Action | None = None
    client: ClientEvents | None = None
    ids: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype="U36"))
    match_ids: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype="U36"))


@dataclass(frozen=True, eq=False)
class _EventDay:
    tables: dict[str, Table]
    late: facts.Late
    truth: dict[str, Table]


class World:
    """A world without end, of which any day can be asked for, in any order, always with the same answer.

    Parameters
    ----------
    config : WorldConfig

    Notes
    -----
    What is remembered between calls is bounded (registered players, late lines, winnable level attempts and
    matches over midnight of some days, coming renewals) and never changes an answer. An object must not be
    shared between threads.
    """

    def __init__(self, config: WorldConfig) -> None:
        self.config = config
        self._population = Population(config)
        self._playbook = Playbook(config, self._population)
        self._catalogue = Catalogue()
        self._late_lines: OrderedDict[tuple[int, str], dict[int, Table]] = OrderedDict()
        self._follow_ups: OrderedDict[int, Payments] = OrderedDict()
        self._wins: OrderedDict[int, Wins] = OrderedDict()

    def day(self, day: datetime.date, *, logs: Iterable[str] = LOGS, truth: bool = True) -> DeliveryDay:
        """Give what is delivered on a day.

        Parameters
        ----------
        day : date
            UTC day, not before ``config.start_date``.
        logs : iterable of str
            Logs wanted; work that no wanted log needs is left out, and a log's rows do not depend on the
            others.
        truth : bool
            Whether to tell the truth as well.

        Raises
        ------
        ValueError
            For a day before the start date, or an unknown log.
        """
        number = self._number(day)
        asked = tuple(logs)
        unknown = sorted(set(asked) - set(LOGS))
        if unknown:
            raise ValueError(f"logs must be among {', '.join(LOGS)}, got {unknown}")
        wanted = tuple(log for log in LOGS if log in asked)

        late = {log: self._collect_late(log, number, wanted) for log in wanted}
        today = self._simulate(number, wanted, with_truth=truth)
        self._keep_late(number, today)
        delivered, kinds = {}, {}
        for log in wanted:
            table, kinds[log] = self._deliver(
                log, number, today.tables.pop(log), today.late[log][0], late[log]
            )
            delivered[log] = LogDay(table, np.array(DEFECT_KINDS)[kinds[log]])
        if truth:
            first = {log: delivered[log].good_rows for log in wanted}
            today.truth["delivered"] = facts.tell_delivered(first)
            today.truth["defect"] = facts.tell_defects(kinds, first)
        return DeliveryDay(day, delivered, today.truth)

    def tell(self, day: datetime.date) -> Mapping[str, Mapping[str, Column]]:
        """Give the truth of an event day whose delivery is not asked for: without delivered and defect.

        Raises
        ------
        ValueError
            For a day before the start date.
        """
        number = self._number(day)
        told = self._simulate(number, LOGS, with_truth=True)
        # Whoever asks for the truth of a day without its delivery is about to ask for the next one's late lines.
        self._keep_late(number, told)
        return told.truth

    def _number(self, day: datetime.date) -> int:
        number = (day - self.config.start_date).days
        if number < 0:
            raise ValueError(f"day must not be before the start date {self.config.start_date}, got {day}")
        return number

    def _collect_late(self, log: str, day: int, wanted: tuple[str, ...]) -> list[Table]:
        """Give the late lines of a log that are delivered on a day number, oldest event day first."""
        tables = []
        for event_day in range(max(0, day - LATEST_DAYS), day):
            if (event_day, log) not in self._late_lines:
                self._keep_late(event_day, self._simulate(event_day, wanted, with_truth=False))
            tables.append(self._late_lines[event_day, log][day - event_day])
            self._late_lines.move_to_end((event_day, log))
        return tables

    def _keep_late(self, day: int, event_day: _EventDay) -> None:
        for log, (row, delay) in event_day.late.items():
            table = event_day.tables[log]
            self._late_lines[day, log] = {
                days: compact(take_rows(table, row[delay == days])) for days in range(1, LATEST_DAYS + 1)
            }
            self._late_lines.move_to_end((day, log))
        while len(self._late_lines) > _LATE_DAYS_KEPT * len(LOGS):
            self._late_lines.popitem(last=False)

    def _deliver(
        self, log: str, day: int, table: Table, late_rows: NDArray[np.int64], late: list[Table]
    ) -> tuple[Table, NDArray[np.int64]]:
        """Hold back late lines, add those of the days before, then the defects; ``table`` is used up."""
        on_time = np.ones(count_rows(table), dtype=bool)
        on_time[late_rows] = False
        good = int(np.count_nonzero(on_time)) + sum(count_rows(part) for part in late)
        rng = open_stream(self.config.seed, f"defects of {log}", day)
        copied, kind = draw_defects(rng, self.config, log, good)
        delivered: Table = {}
        for name in list(table):
            # One column at a time, so that a large log is never there twice.
            delivered[name] = stack(table.pop(name), on_time, [part[name] for part in late], copied)
        date = np.datetime64(self.config.start_date, "D") + np.timedelta64(day, "D")
        alter_copies(rng, log, delivered, good, kind, date)
        return delivered, kind

    def _simulate(self, day: int, wanted: tuple[str, ...], *, with_truth: bool) -> _EventDay:
        """Make the lines of an event day, before lateness and defects, and its truth."""
        happened = self._happen(day, wanted)
        tables = {log: self._write(log, happened) for log in wanted}
        late = {log: self._draw_late(log, day, count_rows(table)) for log, table in tables.items()}
        return _EventDay(tables, late, self._tell(happened, late) if with_truth else {})

    def _happen(self, day: int, wanted: tuple[str, ...]) -> _Happened:
        players = self._population.until(day)
        if not _PLAYED_LOGS & set(wanted):
            return _Happened(day, players)
        play = self._playbook.day(day)
        payments, client = None, None
        if _PAID_LOGS & set(wanted):
            purchases = draw_purchases(self.config, self._catalogue, play)
            payments = self._pay(play, purchases) if "transaction" in wanted else None
            client = self._report(play, purchases) if "client" in wanted else None
        return _Happened(
            day,
            players,
            play,
            payments,
            act_day(self.config, play) if _MOVED_LOGS & set(wanted) else None,
            client,
            players.ids(play.sign_ons.player),
            format_uuids(play.matches.raw_id),
        )

    def _write(self, log: str, happened: _Happened) -> Table:
        start_date, day, players = self.config.start_date, happened.day, happened.players
        play, action, ids, match_ids = happened.play, happened.action, happened.ids, happened.match_ids
        if log == "player":
            return lines.write_player_log(start_date, players, day)
        if log == "product":
            return lines.write_product_log(start_date, self._catalogue, day)
        if log == "transaction" and happened.payments is not None:
            return lines.write_transaction_log(start_date, self._catalogue, players, happened.payments, day)
        if log == "signons" and play is not None:
            return lines.write_signons_log(start_date, play, ids)
        if log == "session" and play is not None and action is not None:
            return lines.write_session_log(start_date, play, action, ids, match_ids)
        if log == "heartbeat" and play is not None and action is not None:
            return lines.write_heartbeat_log(start_date, play, action, ids, match_ids)
        if log == "client" and play is not None and happened.client is not None:
            return lines.write_client_log(start_date, self._catalogue, play, happened.client, ids, match_ids)
        raise AssertionError(f"{log} was not simulated")

    def _tell(self, happened: _Happened, late: facts.Late) -> dict[str, Table]:
        start_date, day, players = self.config.start_date, happened.day, happened.players
        play, action, ids, match_ids = happened.play, happened.action, happened.ids, happened.match_ids
        truth: dict[str, Table] = {}
        if "player" in late:
            truth["registered"] = facts.tell_registered(start_date, players, day, late["player"])
        truth["churned"] = facts.tell_churned(start_date, players, day)
        if play is not None:
            truth["active"] = facts.tell_active(play, ids)
        if play is not None and "signons" in late:
            truth["signon"] = facts.tell_sign_ons(start_date, play, ids, late["signons"])
        if play is not None and action is not None and "session" in late:
            truth["player_session"] = facts.tell_player_sessions(
                start_date, play, action, ids, match_ids, late["session"]
            )
        if play is not None and action is not None and "heartbeat" in late:
            truth["position"] = facts.tell_positions(
                start_date, play, action, ids, match_ids, late["heartbeat"]
            )
        if play is not None and action is not None:
            truth["contact_beat"] = facts.tell_contact_beats(play, action, ids, match_ids)
        if happened.payments is not None:
            truth["transaction"] = facts.tell_transactions(
                start_date, self._catalogue, players, happened.payments, day, late["transaction"]
            )
        if play is not None and happened.client is not None:
            events, late_rows = happened.client, late["client"]
            truth["level_attempt"] = facts.tell_level_attempts(
                start_date, play, events, ids, match_ids, late_rows
            )
            truth["ad"] = facts.tell_ads(start_date, play, events, ids, late_rows)
            truth["feature_use"] = facts.tell_feature_uses(start_date, play, events, ids, late_rows)
            truth["client_event"] = facts.tell_client_events(
                start_date, self._catalogue, play, events, ids, match_ids, late_rows
            )
        truth["late"] = facts.tell_late(start_date, day, late)
        return truth

    def _draw_late(self, log: str, day: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return draw_late_rows(open_stream(self.config.seed, f"late {log}", day), self.config, log, rows)

    def _report(self, play: Play, purchases: Payments) -> ClientEvents:
        """Give the client events of a day, whose levels follow from those of the days before."""
        wins_before = []
        for earlier in range(max(0, play.day - LOOK_BACK_DAYS + 1), play.day):
            if earlier not in self._wins:
                self._keep_wins(earlier, count_wins(self.config, self._playbook.day(earlier)))
            wins_before.append(self._wins[earlier])
        self._keep_wins(play.day, count_wins(self.config, play))
        return draw_client_events(self.config, play, purchases, wins_before)

    def _keep_wins(self, day: int, wins: Wins) -> None:
        self._wins[day] = wins
        self._wins.move_to_end(day)
        while len(self._wins) > _WIN_DAYS_KEPT:
            self._wins.popitem(last=False)

    def _pay(self, play: Play, purchases: Payments) -> Payments:
        """Give the payments of a day: its own purchases, and what is due from those of earlier days."""
        self._keep_follow_ups(play.day, purchases)
        parts = [purchases]
        for source in find_source_days(self.config.start_date, play.day):
            if source not in self._follow_ups:
                earlier = self._playbook.day(source)
                self._keep_follow_ups(source, draw_purchases(self.config, self._catalogue, earlier))
            follow_ups = self._follow_ups[source]
            parts.append(follow_ups.take(follow_ups.day == play.day))
        return join_payments(parts)

    def _keep_follow_ups(self, day: int, purchases: Payments) -> None:
        self._follow_ups[day] = draw_follow_ups(self.config, self._catalogue, purchases, day)
        self._follow_ups.move_to_end(day)
        while len(self._follow_ups) > _FOLLOW_UP_DAYS_KEPT:
            self._follow_ups.popitem(last=False)
