"""The days of EVs of a finished run: the run is simulated again, with these EVs watched.

First all tables of the run must be those that it wrote, by the hashes of its manifest. Then it is repeated from its
scenario and seed, the equilibrium included, and the agents' tables must be bit-identical to those of the run: at either
resolution, over many days, and where the run recorded totals alone.
"""

from collections.abc import Collection, Iterable, Mapping
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
from cosim.files import Permission
from cosim.results import Run, load_run
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.manifest import table_hashes, versions
from experiments.run.many_days import joined

REPLICATION_TABLES = {"bands"}
"""Tables of the agents that are made of several replications."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trip:
    """One trip: its row of the table of trips at its end, the decision at its departure, the session on the way."""

    row: TripTable
    """Table with one row."""
    watched: WatchedDecision
    session: Session | None
    """None before the session has begun, or without one."""

    def __getitem__(self, column: str) -> Any:
        """Return a value of the row."""
        return getattr(self.row, column)[0].item()

    @property
    def is_stranded(self) -> bool:
        """Whether the battery reaches neither the charging stop nor the end."""
        return bool(self.row.is_stranded[0])

    @property
    def stop_arrival_s(self) -> int:
        """Second of arrival at the station, or at the destination if there is no stop."""
        return int(self["departure_s"] + self["drive_s"] - self["station_to_destination_s"])

    def is_under_way(self, now_s: int) -> bool:
        """Whether the EV has departed, and not arrived before *now_s*."""
        return not self.is_stranded and not 0 <= self["arrival_s"] < now_s


@dataclass(frozen=True, kw_only=True, eq=False)
class EvDay:
    """The day of an EV of a run."""

    scenario: Scenario
    day_ahead: DayAhead
    ev: int
    recording: WatchedDay
    carried_over_trip: Trip | None
    """Trip under way as the day began."""
    trips: tuple[Trip, ...]
    """Trips begun on the day."""

    @property
    def day(self) -> int:
        """Number of the day, from 1."""
        return self.recording.day

    @property
    def planned(self) -> int:
        """Number of trips planned for the day."""
        return int(self.recording.trips.ev.size) - (self.carried_over_trip is not None)

    @property
    def begun(self) -> tuple[Trip, ...]:
        """Trips under way on the day, the carried-over one included."""
        return self.trips if self.carried_over_trip is None else (self.carried_over_trip, *self.trips)

    @property
    def battery(self) -> Battery:
        """Battery of the EV."""
        return self.recording.evs.battery.select(np.int64(self.recording.index))

    @property
    def behaviour(self) -> ChargingBehaviour:
        """Charging behaviour of its driver."""
        return self.recording.evs.behaviour.select(np.int64(self.recording.index))

    def attribute(self, attribute: str) -> Any:
        """Return an attribute of the EV (a field of ``EVAttributes``)."""
        return getattr(self.recording.evs, attribute)[self.recording.index].item()


@dataclass(frozen=True, kw_only=True, eq=False)
class Rerun:
    """The days of a run, simulated again."""

    scenario: Scenario
    day_ahead: DayAhead
    days: tuple[DayOfAgents, ...]

    def ev_day(self, ev: int, day: int) -> EvDay:
        """Return a day of a watched EV."""
        trips, recording = self.trips(ev), self.days[day - 1].watched[ev]
        departure_s = recording.trips.departure_s
        of_today = {int(departure_s[row]) for row in recording.decisions}
        begun = [int(second) for second in departure_s[recording.trips.has_begun]]
        carried_over = [trips[second] for second in begun if second not in of_today]
        return EvDay(
            scenario=self.scenario,
            day_ahead=self.day_ahead,
            ev=ev,
            recording=recording,
            carried_over_trip=carried_over[0] if carried_over else None,
            trips=tuple(trips[second] for second in begun if second in of_today),
        )

    def trips(self, ev: int) -> dict[int, Trip]:
        """Return all trips of an EV by their departure, each in its state at the end of the last day that has it."""
        decisions: dict[int, WatchedDecision] = {}
        rows: dict[int, TripTable] = {}
        sessions: dict[int, Session] = {}
        for day in self.days:
            recording = day.watched[ev]
            departure_s = recording.trips.departure_s
            for row in np.flatnonzero(recording.trips.has_begun).tolist():
                rows[int(departure_s[row])] = recording.trips.select(np.array([row]))
            decisions |= {int(departure_s[row]): decision for row, decision in recording.decisions.items()}
            sessions |= {session.arrival_s: session for session in recording.sessions}
        return {second: _trip(row, decisions[second], sessions) for second, row in rows.items()}


def _trip(row: TripTable, watched: WatchedDecision, sessions: Mapping[int, Session]) -> Trip:
    """Return a trip with the session that began as it reached its station."""
    stop_arrival_s = int((row.departure_s + row.drive_s - row.station_to_destination_s)[0])
    return Trip(row=row, watched=watched, session=sessions.get(stop_arrival_s) if row.charges[0] else None)


def find_ev_day(
    directory: Path, ev: int, day: int | None = None, allow: Collection[Permission] = ()
) -> EvDay:
    """Return a day of an EV of the run in *directory*, by default the last one; it takes as long as the run.

    Raises ConfigError if there is no such run, EV or day, or if the run cannot be reproduced.
    """
    run = load_run(directory)
    if problems := _problems(run, ev, day):
        raise ConfigError(str(directory), problems)
    again = rerun(run, [ev], allow)
    return again.ev_day(ev, again.scenario.config.days if day is None else day)


def rerun(run: Run, evs: Iterable[int], allow: Collection[Permission] = ()) -> Rerun:
    """Simulate the agents' days of a run again with watched EVs; ConfigError if the tables differ from the run's."""
    scenario = load_scenario(run.directory / "scenario.toml", allow=allow)
    forecast = day_ahead(scenario, solve_equilibrium_day(scenario))
    difference = _size_difference(run, forecast)
    days: tuple[DayOfAgents, ...] = ()
    if not difference:
        days = tuple(simulate_days(scenario, forecast, scenario.config.seed, watched=evs))
        difference = _table_difference(run, days)
    if difference:
        problem = f"simulated again from its scenario.toml, {difference} ({_reasons(run)})"
        raise ConfigError(str(run.directory), [f"{problem}; run the scenario again"])
    return Rerun(scenario=scenario, day_ahead=forecast, days=days)


def _reasons(run: Run) -> str:
    """Return why the tables may differ: other versions where there are any, else what is left."""
    written, here = run.manifest["versions"], versions()
    other = [
        f"{name} {written[name]}, here {here.get(name)}"
        for name in written
        if written[name] != here.get(name)
    ]
    if other:
        return f"the run was made with {'; '.join(other)}"
    return (
        "the versions are those of the run: another machine, changed code, or a scenario.toml changed by hand"
    )


def _size_difference(run: Run, forecast: DayAhead) -> str:
    """Return a sentence if the scenario has another number of EVs or days than the run, else nothing."""
    for key, count in (("evs", forecast.n_ev), ("days", forecast.days)):
        if count != run.summary[key]:
            return f"there are {count} {key}, and not {run.summary[key]}"
    return ""


def _table_difference(run: Run, days: tuple[DayOfAgents, ...]) -> str:
    """Return a sentence on the first difference between the tables of the days and of the run, or nothing."""
    tables = joined(days)
    if missing := tables.keys() ^ (set(run.agents.names) - REPLICATION_TABLES):
        return f"the agents do not write the same tables ({', '.join(sorted(missing))})"
    for name, frame in tables.items():
        recorded = run.agents.read(name)
        if list(recorded.columns) != list(frame.columns) or len(recorded) != len(frame):
            return f"table '{name}' has other columns or rows"
        for column in frame:
            if not frame[column].equals(recorded[column]):
                return f"table '{name}' has other values of {column}"
    return ""


def _problems(run: Run, ev: int, day: int | None) -> list[str]:
    if not run.agents:
        return ["holds no agents; run the scenario with model both, or agents"]
    n_ev, days, problems = int(run.summary["evs"]), int(run.summary["days"]), []
    if not 1 <= ev <= n_ev:
        problems.append(f"there is no EV {ev}; the EVs are numbered 1 to {n_ev}")
    if day is not None and not 1 <= day <= days:
        advice = f"the days are numbered 1 to {days}" if days > 1 else "the run is of day 1 alone"
        problems.append(f"there is no day {day}; {advice}")
    hashes = table_hashes(run.directory)
    return problems + [
        f"{file} is not as the run wrote it; run the scenario again"
        for file, written in run.manifest["tables"].items()
        if hashes.get(file, written) != written
    ]
