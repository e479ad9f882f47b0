"""One EV's day, found in a finished run: what is on record, and the decisions replayed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.news import Delivery
from agents.plans import DayPlan
from agents.replay import Decision, Outcome, Replay
from agents.replay_days import ReplayedDay, replay_days
from cosim.errors import ConfigError
from cosim.ev.battery import Battery
from cosim.messages import BROADCASTS
from cosim.periods import SECONDS_PER_DAY
from cosim.results import Run, load_run
from cosim.scenario import DayAhead, Scenario, load_scenario


@dataclass(frozen=True)
class EvDay:
    """The day of an EV of a run."""

    run: Run
    replay: Replay
    lived: ReplayedDay

    @property
    def scenario(self) -> Scenario:
        """What the run was made of."""
        return self.replay.world

    @property
    def day(self) -> int:
        """Number of the day, from 1."""
        return self.lived.day

    @property
    def plan(self) -> DayPlan:
        """What the EV intended."""
        return self.lived.plan

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided, trip by trip."""
        return self.lived.decisions

    @property
    def battery(self) -> Battery:
        """The EV's battery."""
        return self.plan.battery

    @property
    def is_recorded(self) -> bool:
        """Whether the run kept trips one by one."""
        return keeps_trips(self.run)

    @property
    def news(self) -> list[Delivery]:
        """What was broadcast on this day to drivers like this one."""
        begin_s, last = (self.day - 1) * SECONDS_PER_DAY, self.day == self.scenario.config.days
        end_s = begin_s + (1 + last) * SECONDS_PER_DAY
        everything = self.replay.archive.news(self.plan.ev)
        return [news for news in everything if begin_s <= news.message.sent_s < end_s]


def find_ev_day(directory: Path, ev: int, day: int | None = None) -> EvDay:
    """Return a day of an EV of the run in *directory*, the last one if none is named.

    Raises ConfigError if there is no such run, EV or day, or if the run did not keep what a replay needs.
    """
    run = load_run(directory)
    if problems := _problems(run, ev, day):
        raise ConfigError(str(directory), problems)
    replay = replay_of(run)
    if _opening_is_not_known(replay):
        problem = "no driver was told when a period opened, and mail is late or lost"
        raise ConfigError(str(directory), [f"{problem}: which link times were in force is in no table"])
    wanted = replay.world.config.days if day is None else day
    lived = next(one for one in days_of(run, replay, ev) if one.day == wanted)
    return EvDay(run=run, replay=replay, lived=lived)


def replay_of(run: Run) -> Replay:
    """Return what replays the days of any EV of a run."""
    scenario = load_scenario(run.directory / "scenario.toml")
    ahead = _known_the_day_before(run, scenario)
    messages = run.agents.read("messages", [("kind", "in", list(BROADCASTS))])
    return Replay(scenario, ahead, int(run.manifest["seed"]), messages, run.agents.links)


def days_of(run: Run, replay: Replay, ev: int) -> Iterator[ReplayedDay]:
    """Yield the days of an EV, as far as the run has kept what came of its trips."""
    return replay_days(replay, ev, _OnRecord(run, ev).outcome if keeps_trips(run) else None)


def keeps_trips(run: Run) -> bool:
    """Tell whether the run kept trips one by one."""
    return "trips" in run.agents.names


def _problems(run: Run, ev: int, day: int | None) -> list[str]:
    if not run.agents:
        return ["holds no agents; run the scenario with --model both, or --model agents"]
    kept = {"published_cny_per_kwh": run.agents.prices, "effective_min": run.agents.links}
    if "session_kwh" not in run.summary or any(column not in frame for column, frame in kept.items()):
        return ["was made by an earlier version, which did not keep what the replay needs; run it again"]
    n_ev, days, problems = int(run.summary["evs"]), int(run.summary["days"]), []
    if not 1 <= ev <= n_ev:
        problems.append(f"there is no EV {ev}; the EVs are numbered 1 to {n_ev}")
    if day is not None and not 1 <= day <= days:
        there = f"the days are numbered 1 to {days}" if days > 1 else "the run is of day 1 alone"
        problems.append(f"there is no day {day}; {there}")
    return problems


def _opening_is_not_known(replay: Replay) -> bool:
    """Tell whether periods may have been opened late, with nobody to hear of it."""
    rules = replay.world.config.messages
    return not replay.archive.opened() and (rules.delay_s > 0 or rules.loss_probability > 0)


def _known_the_day_before(run: Run, scenario: Scenario) -> DayAhead:
    """Return what drivers knew of the day ahead: published prices, and the mean session; nothing else is replayed."""
    session_kwh = float(run.summary["session_kwh"])
    today = run.agents.prices.query("day == 1")
    shape = (scenario.periods.count, len(scenario.stations))
    paths = scenario.with_sessions(session_kwh)
    price = today.published_cny_per_kwh.to_numpy().reshape(shape)
    return DayAhead(
        days=scenario.config.days,
        n_ev=int(run.summary["evs"]),
        session_kwh=session_kwh,
        paths=paths,
        link_time_min=np.zeros((shape[0], len(paths.network.links))),
        car_path_veh_h=np.zeros((shape[0], paths.count)),
        station_load_kw=np.zeros(shape),
        tariff_cny_per_kwh=today.tariff_cny_per_kwh.to_numpy().reshape(shape)[:, 0],
        nodal_price_cny_per_kwh=np.zeros(shape),
        charging_price_cny_per_kwh=price,
        share_drawn_on_arrival=0.0,
    )


class _OnRecord:
    """What the tables of trips and sessions say of one EV."""

    def __init__(self, run: Run, ev: int) -> None:
        """Read them."""
        self.days = int(run.summary["days"])
        trips, sessions = (run.agents.read(table, [("ev", "==", ev)]) for table in ("trips", "sessions"))
        planned = np.minimum(trips.day, self.days)  # what outlasts the last day is booked to the next
        keys = zip(planned.tolist(), trips.trip.tolist(), strict=True)
        self._arrival_s = dict(zip(keys, trips.arrival_s.tolist(), strict=True))
        self._session: dict[int, Any] = {row.arrival_s: row for row in sessions.itertuples()}
        """By the second of arrival."""

    def outcome(self, day: int, made: Decision) -> Outcome:
        """Return what came of a trip."""
        arrival_s = self._arrival_s[day, made.plan.trip]
        session = self._session.get(made.station_s) if made.fast.chosen else None
        if session is None:
            return Outcome(arrival_s=arrival_s)
        over = session.end_s >= 0
        if arrival_s < 0 and over:
            arrival_s = self._later_s(session.end_s + made.route.after_s)
        return Outcome(
            arrival_s=arrival_s,
            plugged_s=int(session.start_s),
            charge_s=int(session.end_s - session.start_s) if over else 0,
            fast_kwh=float(session.energy_kwh),
            paid_cny=float(session.paid_cny),
        )

    def _later_s(self, arrival_s: int) -> int:
        """Return an arrival of more than a day later, of which the table of trips does not know; -1 for never."""
        return int(arrival_s) if arrival_s < (self.days + 1) * SECONDS_PER_DAY else -1
