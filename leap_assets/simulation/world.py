"""The simulated world: what is delivered on a day, and what really happened on it.

`World` puts the parts together: it simulates event days, holds back late lines, adds defects. How players
come, play and pay is decided in the other modules; files are written elsewhere.
"""

from __future__ import annotations

import datetime
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

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
from leap_assets.simulation.streams import open_stream

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
    """What is delivered on a day, or a part of it.

    Attributes
    ----------
    date : date
        Delivery day.
    logs : mapping from log name to LogDay
        The logs asked for, in the order of ``LOGS``.
    truth : mapping from table name to columns
        What happened on the *event* day of the same date: registered, signon, player_session, transaction,
        position, contact_beat, level_attempt, ad, feature_use, client_event, churned, active and late, as far as
        the logs asked for tell of it; and delivered and defect, which are about this *delivery*. Empty when truth
        was not asked for.
        What happens in a match that runs past midnight belongs to the day on which the match starts.
    """

    date: datetime.date
    logs: Mapping[str, LogDay]
    truth: Mapping[str, Mapping[str, Column]]


@dataclass(eq=False)
class _Happened:
    """What happened on an event day, as far as the logs written so far needed it; what is large does not stay."""

    day: int
    players: Players
    play: Play | None = None
    purchases: Payments | None = None
    payments: Payments | None = None
    action: Action | None = None
    client: ClientEvents | None = None


@dataclass(frozen=True, eq=False)
class _Part:
    """The lines of one log of an event day, before lateness and defects; which come late; and their truth."""

    log: str
    table: Table
    late: facts.LateRows
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
        delivered: dict[str, LogDay] = {}
        told: dict[str, Mapping[str, Column]] = {}
        for part in self.parts(day, logs=logs, truth=truth):
            delivered |= part.logs
            told |= part.truth
        return DeliveryDay(day, delivered, told)

    def parts(
        self, day: datetime.date, *, logs: Iterable[str] = LOGS, truth: bool = True
    ) -> Iterator[DeliveryDay]:
        """Give what is delivered on a day one log at a time: put together, the parts are what `day` gives.

        A million players fill gigabytes with each of the large logs. Whoever lets go of a part before asking for
        the next one (a loop variable does not by itself) never has two of them in memory.

        Parameters
        ----------
        day, logs, truth
            As for `day`.

        Yields
        ------
        DeliveryDay
            One log and the truth about its lines; at last, with truth, what is told of the day and of all logs.

        Raises
        ------
        ValueError
            As `day`.
        """
        number = self._number(day)
        asked = tuple(logs)
        unknown = sorted(set(asked) - set(LOGS))
        if unknown:
            raise ValueError(f"logs must be among {', '.join(LOGS)}, got {unknown}")
        wanted = tuple(log for log in LOGS if log in asked)

        late = {log: self._collect_late(log, number, wanted) for log in wanted}
        late_rows: dict[str, facts.LateRows] = {}
        kinds: dict[str, NDArray[np.int64]] = {}
        good_rows: dict[str, int] = {}

        def deliver(part: _Part) -> DeliveryDay:
            log = part.log
            self._keep_late(number, part)
            late_rows[log] = part.late
            rows, kinds[log] = self._deliver(number, part, late.pop(log))
            good_rows[log] = rows.good_rows
            return DeliveryDay(day, {log: rows}, part.truth)

        happened = self._begin(number)
        # A loop variable would keep the lines of a log until those of the next are made.
        yield from map(deliver, self._simulate(happened, wanted, with_truth=truth))
        if truth:
            told = self._tell_day(happened, late_rows)
            told["delivered"] = facts.tell_delivered(good_rows)
            told["defect"] = facts.tell_defects(kinds, good_rows)
            yield DeliveryDay(day, {}, told)

    def tell(self, day: datetime.date) -> Mapping[str, Mapping[str, Column]]:
        """Give the truth of an event day whose delivery is not asked for: without delivered and defect.

        Raises
        ------
        ValueError
            For a day before the start date.
        """
        number = self._number(day)
        happened = self._begin(number)
        told: dict[str, Table] = {}
        late_rows: dict[str, facts.LateRows] = {}
        for part in self._simulate(happened, LOGS, with_truth=True):
            # Whoever asks for the truth of a day without its delivery is about to ask for the next one's late lines.
            self._keep_late(number, part)
            late_rows[part.log] = part.late
            told |= part.truth
        return told | self._tell_day(happened, late_rows)

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
                for part in self._simulate(self._begin(event_day), wanted, with_truth=False):
                    self._keep_late(event_day, part)
            tables.append(self._late_lines[event_day, log][day - event_day])
            self._late_lines.move_to_end((event_day, log))
        return tables

    def _keep_late(self, day: int, part: _Part) -> None:
        row, delay = part.late
        self._late_lines[day, part.log] = {
            days: compact(take_rows(part.table, row[delay == days])) for days in range(1, LATEST_DAYS + 1)
        }
        self._late_lines.move_to_end((day, part.log))
        while len(self._late_lines) > _LATE_DAYS_KEPT * len(LOGS):
            self._late_lines.popitem(last=False)

    def _deliver(self, day: int, part: _Part, late: list[Table]) -> tuple[LogDay, NDArray[np.int64]]:
        """Hold back late lines, add those of the days before, then the defects; its table is used up.

        Returns
        -------
        rows : LogDay
        kind : ndarray of int64
            Of each defect, position in ``DEFECT_KINDS``.
        """
        log, table = part.log, part.table
        on_time = np.ones(count_rows(table), dtype=bool)
        on_time[part.late[0]] = False
        good = int(np.count_nonzero(on_time)) + sum(count_rows(other) for other in late)
        rng = open_stream(self.config.seed, f"defects of {log}", day)
        copied, kind = draw_defects(rng, self.config, log, good)
        delivered: Table = {}
        for name in list(table):
            # One column at a time, so that a large log is never there twice.
            delivered[name] = stack(table.pop(name), on_time, [other[name] for other in late], copied)
        date = np.datetime64(self.config.start_date, "D") + np.timedelta64(day, "D")
        alter_copies(rng, log, delivered, good, kind, date)
        return LogDay(delivered, np.array(DEFECT_KINDS)[kind]), kind

    def _begin(self, day: int) -> _Happened:
        return _Happened(day, self._population.until(day))

    def _simulate(self, happened: _Happened, wanted: tuple[str, ...], *, with_truth: bool) -> Iterator[_Part]:
        """Make the lines of an event day and their truth: one log after the other, since each may fill the memory."""
        day = happened.day
        for log in wanted:
            self._go_on(happened, log)
            table = self._write(log, happened)
            rng = open_stream(self.config.seed, f"late {log}", day)
            late = draw_late_rows(rng, self.config, log, count_rows(table))
            truth = self._tell(log, happened, late) if with_truth else {}
            # What no later log needs goes, so that nothing but the table keeps its columns while it is used up.
            if log == "heartbeat":
                happened.action = None
            if log == "client":
                happened.client = None
            yield _Part(log, table, late, truth)
            # Nor is anything of this log to be kept while the next one is made.
            table.clear()
            del truth

    def _go_on(self, happened: _Happened, log: str) -> None:
        """Let happen what a log tells of, unless an earlier log has told of it."""
        if log in _PLAYED_LOGS and happened.play is None:
            happened.play = self._playbook.day(happened.day)
        play = happened.play
        if play is None:
            return
        if log in _MOVED_LOGS and happened.action is None:
            happened.action = act_day(self.config, play)
        if log in _PAID_LOGS and happened.purchases is None:
            happened.purchases = draw_purchases(self.config, self._catalogue, play)
        if log == "transaction" and happened.purchases is not None:
            happened.payments = self._pay(play, happened.purchases)
        if log == "client" and happened.purchases is not None:
            happened.client = self._report(play, happened.purchases)

    def _write(self, log: str, happened: _Happened) -> Table:
        """Write the lines of a log about what happened."""
        start_date, day, players = self.config.start_date, happened.day, happened.players
        play, action, payments, client = happened.play, happened.action, happened.payments, happened.client
        if log == "player":
            return lines.write_player_log(start_date, players, day)
        if log == "product":
            return lines.write_product_log(start_date, self._catalogue, day)
        if log == "transaction" and payments is not None:
            return lines.write_transaction_log(start_date, self._catalogue, players, payments, day)
        if log == "signons" and play is not None:
            return lines.write_signons_log(start_date, play)
        if log == "session" and play is not None and action is not None:
            return lines.write_session_log(start_date, play, action)
        if log == "heartbeat" and play is not None and action is not None:
            return lines.write_heartbeat_log(start_date, play, action)
        if log == "client" and play is not None and client is not None:
            return lines.write_client_log(start_date, self._catalogue, play, client)
        raise AssertionError(f"{log} was not simulated")

    def _tell(self, log: str, happened: _Happened, late: facts.LateRows) -> dict[str, Table]:
        """Tell the truth about the lines of a log."""
        start_date, day, players = self.config.start_date, happened.day, happened.players
        play, action, payments, client = happened.play, happened.action, happened.payments, happened.client
        if log == "player":
            return {"registered": facts.tell_registered(start_date, players, day, late)}
        if log == "transaction" and payments is not None:
            told = facts.tell_transactions(start_date, self._catalogue, players, payments, day, late)
            return {"transaction": told}
        if log == "signons" and play is not None:
            return {"signon": facts.tell_sign_ons(start_date, play, late)}
        if log == "session" and play is not None and action is not None:
            return {"player_session": facts.tell_player_sessions(start_date, play, action, late)}
        if log == "heartbeat" and play is not None and action is not None:
            return {
                "position": facts.tell_positions(start_date, play, action, late),
                "contact_beat": facts.tell_contact_beats(play, action),
            }
        if log == "client" and play is not None and client is not None:
            return {
                "level_attempt": facts.tell_level_attempts(start_date, play, client, late),
                "ad": facts.tell_ads(start_date, play, client, late),
                "feature_use": facts.tell_feature_uses(start_date, play, client, late),
                "client_event": facts.tell_client_events(start_date, self._catalogue, play, client, late),
            }
        return {}

    def _tell_day(self, happened: _Happened, late: facts.Late) -> dict[str, Table]:
        """Tell the truth that is about no log, or about all of them."""
        start_date, day = self.config.start_date, happened.day
        told = {"churned": facts.tell_churned(start_date, happened.players, day)}
        if happened.play is not None:
            told["active"] = facts.tell_active(happened.play)
        return told | {"late": facts.tell_late(start_date, day, late)}

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
