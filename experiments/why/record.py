"""The days of EVs of a finished run: simulated once more, with these EVs watched.

The run is repeated from its scenario and seed, the equilibrium included, and its tables are compared with those of
the run: what is told is what happened, to the last bit, at either resolution, over days, with totals alone too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.days import DayOfAgents, simulate_days
from agents.trip_table import TripTable
from agents.watch import WatchedDay, WatchedDecision
from cosim.coupling import day_ahead, solve_equilibrium_day
from cosim.errors import ConfigError
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.session import Session
from cosim.results import Run, load_run
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.run.many_days import joined

OF_REPLICATIONS = {"bands"}
"""Tables of the agents that are made of several days."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trip:
    """One trip: its row in the table of trips as it ended, the decision at its departure, the session on the way."""

    row: TripTable
    """Of one trip."""
    decision: WatchedDecision
    session: Session | None
    """None before it has begun, or if there is none."""

    def __getitem__(self, column: str) -> Any:
        """Return a value of the row."""
        return getattr(self.row, column)[0].item()

    @property
    def is_stranded(self) -> bool:
        """Whether the battery reaches neither the charge point nor the end."""
        return bool(self.row.is_stranded[0])

    @property
    def station_s(self) -> int:
        """Second of arrival at the station, or at the destination if there is no stop."""
        return int(self["departure_s"] + self["drive_s"] - self["after_s"])

    def is_under_way(self, now_s: int) -> bool:
        """Tell whether the EV has set out, and not arrived before *now_s*."""
        return not self.is_stranded and not 0 <= self["arrival_s"] < now_s


@dataclass(frozen=True, kw_only=True, eq=False)
class EvDay:
    """The day of an EV of a run."""

    scenario: Scenario
    ahead: DayAhead
    ev: int
    lived: WatchedDay
    trip_before: Trip | None
    """The trip under way as the day began."""
    trips: tuple[Trip, ...]
    """The trips begun on the day."""

    @property
    def day(self) -> int:
        """Number of the day, from 1."""
        return self.lived.day

    @property
    def planned(self) -> int:
        """Number of trips planned for the day."""
        return int(self.lived.trips.ev.size) - (self.trip_before is not None)

    @property
    def begun(self) -> tuple[Trip, ...]:
        """The trips on which the EV was that day, the one that began before included."""
        return self.trips if self.trip_before is None else (self.trip_before, *self.trips)

    @property
    def battery(self) -> Battery:
        """The EV's battery."""
        return self.lived.evs.battery.select(np.int64(self.lived.place))

    @property
    def behaviour(self) -> ChargingBehaviour:
        """When its driver charges."""
        return self.lived.evs.behaviour.select(np.int64(self.lived.place))

    def own(self, attribute: str) -> Any:
        """Return an attribute of the EV."""
        return getattr(self.lived.evs, attribute)[self.lived.place].item()


@dataclass(frozen=True, kw_only=True, eq=False)
class Rerun:
    """The days of a run, simulated once more."""

    scenario: Scenario
    ahead: DayAhead
    days: tuple[DayOfAgents, ...]

    def ev_day(self, ev: int, day: int) -> EvDay:
        """Return a day of an EV that was watched."""
        trips, lived = self.trips(ev), self.days[day - 1].watched[ev]
        departure_s = lived.trips.departure_s
        own = {int(departure_s[row]) for row in lived.decisions}
        begun = [int(second) for second in departure_s[lived.trips.has_begun]]
        earlier = [trips[second] for second in begun if second not in own]
        return EvDay(
            scenario=self.scenario,
            ahead=self.ahead,
            ev=ev,
            lived=lived,
            trip_before=earlier[0] if earlier else None,
            trips=tuple(trips[second] for second in begun if second in own),
        )

    def trips(self, ev: int) -> dict[int, Trip]:
        """Return all trips of an EV by their departure, as the last day that knows of each has left them."""
        decisions: dict[int, WatchedDecision] = {}
        rows: dict[int, TripTable] = {}
        sessions: dict[int, Session] = {}
        for day in self.days:
            lived = day.watched[ev]
            departure_s = lived.trips.departure_s
            for place in np.flatnonzero(lived.trips.has_begun).tolist():
                rows[int(departure_s[place])] = lived.trips.select(np.array([place]))
            decisions |= {int(departure_s[place]): made for place, made in lived.decisions.items()}
            sessions |= {session.arrival_s: session for session in lived.sessions}
        return {second: _trip(row, decisions[second], sessions) for second, row in rows.items()}


def _trip(row: TripTable, decision: WatchedDecision, sessions: Mapping[int, Session]) -> Trip:
    """Return a trip with the session that began as it reached its station."""
    station_s = int((row.departure_s + row.drive_s - row.after_s)[0])
    return Trip(row=row, decision=decision, session=sessions.get(station_s) if row.charges[0] else None)


def find_ev_day(directory: Path, ev: int, day: int | None = None) -> EvDay:
    """Return a day of an EV of the run in *directory*, the last one if none is named; it takes as long as the run.

    Raises ConfigError if there is no such run, EV or day, or if the run does not repeat.
    """
    run = load_run(directory)
    if problems := _problems(run, ev, day):
        raise ConfigError(str(directory), problems)
    again = rerun(run, [ev])
    return again.ev_day(ev, again.scenario.config.days if day is None else day)


def rerun(run: Run, evs: Iterable[int]) -> Rerun:
    """Simulate the agents' days of a run once more, watching EVs; ConfigError if other tables come of it."""
    scenario = load_scenario(run.directory / "scenario.toml")
    ahead = day_ahead(scenario, solve_equilibrium_day(scenario))
    difference = _other_size(run, ahead)
    days: tuple[DayOfAgents, ...] = ()
    if not difference:
        days = tuple(simulate_days(scenario, ahead, scenario.config.seed, watched=evs))
        difference = _difference(run, days)
    if difference:
        reasons = "another version of the program or its libraries, another machine, or a change made by hand"
        problem = f"simulated again from its scenario.toml, {difference} (because of {reasons})"
        raise ConfigError(str(run.directory), [f"{problem}; run the scenario again"])
    return Rerun(scenario=scenario, ahead=ahead, days=days)


def _other_size(run: Run, ahead: DayAhead) -> str:
    """Say whether the scenario has other EVs or days than the run; nothing if not."""
    for what, now in (("evs", ahead.n_ev), ("days", ahead.days)):
        if now != run.summary[what]:
            return f"there are {now} {what}, and not {run.summary[what]}"
    return ""


def _difference(run: Run, days: tuple[DayOfAgents, ...]) -> str:
    """Say in what the tables of the days differ from those of the run; nothing if they are the same."""
    tables = joined(days)
    if missing := tables.keys() ^ (set(run.agents.names) - OF_REPLICATIONS):
        return f"the agents do not write the same tables ({', '.join(sorted(missing))})"
    for name, frame in tables.items():
        kept = run.agents.read(name)
        if list(kept.columns) != list(frame.columns) or len(kept) != len(frame):
            return f"table '{name}' has other columns or rows"
        for column in frame:
            if not frame[column].equals(kept[column]):
                return f"table '{name}' has other values of {column}"
    return ""


def _problems(run: Run, ev: int, day: int | None) -> list[str]:
    if not run.agents:
        return ["holds no agents; run the scenario with --model both, or --model agents"]
    n_ev, days, problems = int(run.summary["evs"]), int(run.summary["days"]), []
    if not 1 <= ev <= n_ev:
        problems.append(f"there is no EV {ev}; the EVs are numbered 1 to {n_ev}")
    if day is not None and not 1 <= day <= days:
        there = f"the days are numbered 1 to {days}" if days > 1 else "the run is of day 1 alone"
        problems.append(f"there is no day {day}; {there}")
    return problems
