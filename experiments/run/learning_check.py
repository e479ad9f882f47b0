"""The check of the equilibrium: drivers who are told nothing of it learn day by day, and end at it or do not.

Roads and stations are judged apart. The distance of a group of links is |x - x*| in the Euclidean norm over its links
and the periods, x the mean of the EVs' flows over the second half of the days, x* the equilibrium's. Its unit is the
sampling floor, the distance to expect if every trip were drawn from the equilibrium. What still moves is measured
without x*, and so is whether the drivers have settled: a wrong equilibrium does not look like drivers who need longer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csr_array
from scipy.stats import chi2, ncx2

from agents.learners import LearningDay, learning_days
from cosim.arrays import FloatArray, Frame
from cosim.coupling import EquilibriumDay, day_ahead
from cosim.coupling.day import RoadDay
from cosim.coupling.prices import day_tariff, dispatch_feeders, nodal_prices
from cosim.errors import InfeasibleError
from cosim.results import Recorder
from cosim.road.choice import logit_shares
from cosim.road.paths import PathSet
from cosim.scenario import CAR, DayAhead, Scenario, charging_price_cny_per_kwh
from experiments.run.learning import distance, norm, sampling_floor

LEVEL = 0.995
"""Share of the distances by chance alone that are below the bound: of roads and stations, so that 99 % pass both."""
SETTLED = 2.0
"""Sampling floors by which the flows may still move between the middle and the end of the days. With 1 / day averages a
distance at least halves from one to the other, so that what is left of it is no larger than what moved."""
NOT_SETTLED = "not settled"
POWER = 0.8
"""Share of the checks that would find the smallest difference that is told."""
BARELY = 0.95
"""Share of the bound from which on a distance agrees barely."""
UP_TO_EVS = 100_000
"""Number of EVs up to which the check is made by default."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learnt:
    """The course of drivers who learn: N days, T periods, P paths."""

    scenario: Scenario
    paths: PathSet
    session_kwh: float
    days: tuple[LearningDay, ...]

    @property
    def late(self) -> tuple[LearningDay, ...]:
        """The second half of the days."""
        return self.days[len(self.days) // 2 :]

    @property
    def path_veh_h(self) -> FloatArray:
        """Mean EV flow on each path over the second half of the days, (T, P)."""
        return self.flow_veh_h(self.late)

    def flow_veh_h(self, days: Sequence[LearningDay]) -> FloatArray:
        """Return the mean EV flow on each path over *days*, (T, P)."""
        trips: FloatArray = np.mean([day.path_trips for day in days], axis=0)
        return trips / self.scenario.periods.hours

    @property
    def drifts_veh_h(self) -> list[FloatArray]:
        """For each late day, the path flows at the times announced on the last day less those at that day's, (T, P).

        They are expected flows of the logit, so nothing in them is drawn but the times themselves.
        """
        groups = self.paths.groups
        theta = np.full(groups.count, self.scenario.config.road.theta_per_min)
        total = groups.expand(groups.total(self.path_veh_h))
        shares = [logit_shares(self._cost_min(day), groups, theta) for day in self.late]
        return [total * (shares[-1] - share) for share in shares]

    def _cost_min(self, day: LearningDay) -> FloatArray:
        """Return the cost of each path at the times and prices announced on a day, (T, P)."""
        paths = self.paths
        station_min = self.scenario.charging_cost_min(day.price_cny_per_kwh, self.session_kwh)
        at_station = np.where(paths.station >= 0, station_min[:, paths.station], 0.0)
        cost: FloatArray = (paths.incidence @ day.told_min.T).T + at_station
        return cost + self.scenario.path_size_cost_min(paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How far the learners are from an equilibrium on one group of links."""

    links: str
    """roads, or stations."""
    distance: float
    """|x - x*| / |x*|."""
    floor: float
    """The distance expected of draws from the equilibrium, in the same unit."""
    drift: float
    """The most that what was announced in the second half of the days would still move, in sampling floors."""
    freedom: float
    """Degrees of freedom of the squared distance of draws, which is close to chi-square."""

    @property
    def ratio(self) -> float:
        """The distance in sampling floors."""
        return self.distance / self.floor

    @property
    def ratio_max(self) -> float:
        """Sampling floors that chance, but for one case in 200, and the drift explain."""
        return float(np.sqrt(chi2.ppf(LEVEL, self.freedom) / self.freedom + self.drift**2))

    @property
    def smallest_seen(self) -> float:
        """The smallest |E[x] - x*| / |x*| that exceeds the bound in four of five checks: a non-central chi-square."""
        bound = self.freedom * self.ratio_max**2
        found = brentq(lambda shift: ncx2.sf(bound, self.freedom, shift) - POWER, 1e-9, 10 * bound)
        return self.floor * float(np.sqrt(found / self.freedom))

    @property
    def verdict(self) -> str:
        """Agrees, differs, or not settled."""
        if self.drift > SETTLED:
            return NOT_SETTLED
        return "agrees" if self.ratio <= self.ratio_max else "differs"


class LearntPrices:
    """Prices as the learners come to know them: the mean of what the load of the days so far implies.

    A feeder is dispatched only where its nodal prices move drivers, once a day, at the mean load of the days so far.
    """

    def __init__(self, scenario: Scenario) -> None:
        """Know no load."""
        self.scenario, self.days = scenario, 0
        shape = (scenario.periods.count, len(scenario.stations))
        self.load_kw, self.tariff, self.nodal = np.zeros(shape), np.zeros(shape[0]), np.full(shape, np.nan)

    def __call__(self, published: DayAhead, load_kw: FloatArray) -> DayAhead:
        """Return what is published after a day with this load; before the first day it is 0."""
        self.load_kw = _mean(self.load_kw, load_kw, self.days)
        tariff = day_tariff(self.scenario, self.load_kw)
        if prices_move_drivers(self.scenario):
            self.nodal = _mean(self.nodal, self._nodal_cny_per_kwh(tariff), self.days)
        self.tariff = _mean(self.tariff, tariff, self.days)
        self.days += 1
        return replace(
            published,
            tariff_cny_per_kwh=self.tariff,
            nodal_price_cny_per_kwh=self.nodal,
            charging_price_cny_per_kwh=charging_price_cny_per_kwh(self.scenario, self.tariff, self.nodal),
        )

    def _nodal_cny_per_kwh(self, tariff_cny_per_kwh: FloatArray) -> FloatArray:
        """Return the nodal prices at the mean load so far; without differences where it cannot be dispatched."""
        try:
            dispatches = dispatch_feeders(self.scenario, self.load_kw, tariff_cny_per_kwh)
        except InfeasibleError:
            return np.repeat(tariff_cny_per_kwh[:, np.newaxis], len(self.scenario.stations), axis=1)
        return nodal_prices(self.scenario, dispatches)


def _mean(so_far: FloatArray, new: FloatArray, days: int) -> FloatArray:
    """Return the mean with a new day; what was assumed before the first one does not count."""
    return new if days < 2 else so_far + (new - so_far) / days


def prices_move_drivers(scenario: Scenario) -> bool:
    """Whether drivers see prices that follow from the dispatch of a feeder."""
    sees_them = scenario.config.road.price_in_choice or scenario.behaviour.price_sensitivity > 0
    return scenario.config.tariff.charging_price == "nodal" and sees_them


def is_made(scenario: Scenario, n_ev: int) -> bool:
    """Whether a single run of both models makes the check: as the scenario says, else up to 100,000 EVs."""
    enabled = scenario.config.learning_check.enabled
    return n_ev <= UP_TO_EVS if enabled is None else enabled


def learn(scenario: Scenario, ahead: DayAhead, progress: Callable[[float], None] = lambda _: None) -> Learnt:
    """Return the course of drivers who learn for the days of the scenario; *progress* gets the share that is done."""
    count = scenario.config.learning_check.days
    days = []
    for day in learning_days(scenario, ahead, scenario.config.seed, count, LearntPrices(scenario)):
        days.append(day)
        progress(len(days) / count)
    return Learnt(scenario=scenario, paths=ahead.paths, session_kwh=ahead.session_kwh, days=tuple(days))


def ev_path_veh_h(day: RoadDay) -> FloatArray:
    """Return the equilibrium's EV flow on each path, (T, P)."""
    is_car = day.paths.class_of_group[day.paths.groups.group_of_path] == CAR
    return np.where(is_car, 0.0, np.array([period.path_flow_veh_h for period in day.periods]))


def findings(learnt: Learnt, expected_veh_h: FloatArray) -> tuple[Finding, ...]:
    """Return how far the learners are from the EV path flows of an equilibrium, (T, P), on roads and at stations."""
    groups = _groups_of_links(learnt.paths, expected_veh_h)
    return tuple(_finding(name, learnt, expected_veh_h, loading) for name, loading in groups.items())


def _groups_of_links(paths: PathSet, expected_veh_h: FloatArray) -> dict[str, csr_array]:
    """Return the incidence of paths and links, (P, links), of roads and of stations that EVs of the equilibrium use."""
    is_station = paths.network.is_charging
    groups = {"roads": paths.incidence[:, ~is_station], "stations": paths.incidence[:, is_station]}
    return {name: csr_array(links) for name, links in groups.items() if (expected_veh_h @ links).any()}


def _finding(name: str, learnt: Learnt, expected_veh_h: FloatArray, loading: csr_array) -> Finding:
    """Return it for the links of a group, whose incidence with the paths is *loading*."""
    expected, counted = expected_veh_h @ loading, learnt.path_veh_h @ loading
    floor = sampling_floor(expected, learnt.scenario.periods.hours * len(learnt.late))
    drift = max(norm(moved @ loading) for moved in learnt.drifts_veh_h) / (floor * norm(expected))
    return Finding(
        links=name,
        distance=distance(counted, expected),
        floor=floor,
        drift=drift,
        freedom=_freedom(expected_veh_h, loading),
    )


def _freedom(path_veh_h: FloatArray, loading: csr_array) -> float:
    """Return the degrees of freedom of the squared distance of draws.

    Counts of trips on paths are independent and nearly Poisson, and a trip is on several links: C, the covariance of
    the link counts, is not diagonal. The squared distance is close to chi-square with (tr C)^2 / tr C^2 degrees of
    freedom, over these (Satterthwaite 1946).
    """
    trace, square = 0.0, 0.0
    for flow in path_veh_h:
        covariance = loading.T @ (loading * flow[:, np.newaxis])
        trace += float(covariance.diagonal().sum())
        square += float((covariance.data**2).sum())
    return trace**2 / square


def check_tables(learnt: Learnt, expected_veh_h: FloatArray) -> dict[str, Frame]:
    """Return the findings (``learning_check``) and the distance of each day (``learning_check_days``)."""
    recorder, hours = Recorder(), learnt.scenario.periods.hours
    for finding in findings(learnt, expected_veh_h):
        recorder.add_row(
            "learning_check",
            days=len(learnt.days),
            links=finding.links,
            distance=finding.distance,
            floor=finding.floor,
            ratio=finding.ratio,
            ratio_max=finding.ratio_max,
            drift=finding.drift,
            verdict=finding.verdict,
        )
    for links, loading in _groups_of_links(learnt.paths, expected_veh_h).items():
        expected = expected_veh_h @ loading
        for number, day in enumerate(learnt.days, start=1):
            flow = learnt.flow_veh_h([day]) @ loading
            recorder.add_row(
                "learning_check_days",
                day=number,
                links=links,
                distance=distance(flow, expected),
                floor=sampling_floor(expected, hours),
            )
    return recorder.frames()


def check_of_equilibrium(
    scenario: Scenario, day: EquilibriumDay, progress: Callable[[float], None]
) -> dict[str, Frame]:
    """Return the tables of the check of an equilibrium by drivers who learn."""
    return check_tables(learn(scenario, day_ahead(scenario, day), progress), ev_path_veh_h(day))


def check_facts(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the check as JSON has it, from the rows of its table; None where it was not made.

    Where the drivers have not settled, there is no verdict, and no bound.
    """
    found = {row["links"]: dict(row) for row in rows}
    if not found:
        return None
    days = {row.pop("days") for row in found.values()}
    for row in found.values():
        if row.pop("links") and row["verdict"] == NOT_SETTLED:
            row |= {"verdict": None, "ratio_max": None}
    return {"days": max(days), "verdict": _worst(row["verdict"] for row in found.values()), **found}


def apart(ratio: float, bound: float) -> tuple[str, str]:
    """Return both numbers with as many digits as tell them apart, two at least."""
    for digits in range(2, 6):
        told = f"{ratio:.{digits}f}", f"{bound:.{digits}f}"
        if told[0] != told[1]:
            break
    return told


def verdict_in_words(found: Mapping[str, Any]) -> str:
    """Return the verdict of a finding with its bound; close to the bound it agrees barely."""
    barely = "barely " if BARELY * found["ratio_max"] < found["ratio"] <= found["ratio_max"] else ""
    return barely + str(found["verdict"])


def _worst(verdicts: Iterable[str | None]) -> str | None:
    """Return differs if one differs, else no verdict if there is none of one."""
    found = set(verdicts)
    if "differs" in found:
        return "differs"
    return None if None in found else "agrees"
