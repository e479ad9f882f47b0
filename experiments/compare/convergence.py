"""The error of a finite population: N EVs of weight n_EV / N who choose at the equilibrium's costs.

The flows of N independent EVs are a sample mean, so their distance to the equilibrium's EV flows falls like
N^-1/2; a bias of diaries, charging decisions or route draws would stop it. Diaries, decisions and draws are the
agents' own kernels, over arrays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from warnings import warn

import numpy as np

from cosim.arrays import FloatArray, Frame, IntArray
from cosim.coupling import EquilibriumDay, solve_equilibrium_day
from cosim.ev.days import per_ev_parameters
from cosim.ev.mobility import sample_diaries, trip_uniforms
from cosim.ev.soc import simulate_soc
from cosim.results import Recorder
from cosim.road.choice import choose
from cosim.scenario import CAR, CHARGING, NOT_CHARGING, Scenario
from cosim.scenario.trips import trip_ods
from experiments.run.replications import replication_seeds
from experiments.store.engines import in_order
from experiments.store.pieces import Tell

PURPOSE = "error against N"
SIZES = (100, 1_000, 10_000, 100_000)
REPLICATIONS = 20
REFERENCE_SIZE = 10
"""The expectation is estimated from this many times the EVs of the largest population ..."""
REFERENCE_MOST = 2_000_000
"""... but from no more, for memory's sake: at a million EVs a part of the error is the expectation's own."""
SLOPE_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ErrorAgainstN:
    """Errors by population size, and the slope of their means on log scales."""

    sizes: IntArray
    error_veh_h: FloatArray
    """(sizes, replications): Euclidean norm over links and periods."""
    reference_veh_h: float
    """Norm of the equilibrium's EV flows."""
    slope: float
    slope_error: float
    """Standard error of the slope, from the scatter of the replications."""

    @property
    def converges(self) -> bool:
        """Whether the slope is that of a sample mean, within .05."""
        return abs(self.slope + 0.5) <= SLOPE_TOLERANCE

    @property
    def sentence(self) -> str:
        """What the slope says."""
        meaning = "the error of a sample mean" if self.converges else "not the error of a sample mean, N^-0.5"
        return f"The error falls like N^{self.slope:.3f} (+- {1.96 * self.slope_error:.3f}): {meaning}."

    def as_json(self) -> dict[str, Any]:
        """Return sizes, mean errors and slope as one object."""
        mean = self.error_veh_h.mean(axis=1)
        return {
            "evs": self.sizes.tolist(),
            "replications": self.error_veh_h.shape[1],
            "error_veh_h": mean.tolist(),
            "relative_error": (mean / self.reference_veh_h).tolist(),
            "slope": self.slope,
            "slope_error": self.slope_error,
            "converges": self.converges,
        }

    def table(self) -> Frame:
        """Return the table ``convergence_in_n``."""
        recorder = Recorder()
        for size, errors in zip(self.sizes, self.error_veh_h, strict=True):
            recorder.add(
                "convergence_in_n",
                evs=int(size),
                replication=np.arange(1, errors.size + 1),
                error_veh_h=errors,
                relative_error=errors / self.reference_veh_h,
            )
        return recorder.frame("convergence_in_n")


def error_against_n(
    scenario: Scenario,
    sizes: Sequence[int] = SIZES,
    replications: int = REPLICATIONS,
    *,
    workers: int = 1,
    note: Tell = warn,
) -> ErrorAgainstN:
    """Return the error of populations of the given *sizes*, each drawn *replications* times.

    The equilibrium is solved for a demand estimated from ten times the largest population (at most two million EVs),
    so that its own error does not show. So many *workers* (processes) share the populations; *note* is told of one
    that died.
    """
    day = solve_equilibrium_day(_with_diaries(scenario, min(REFERENCE_SIZE * max(sizes), REFERENCE_MOST)))
    expected, seeds = expected_ev_flow_veh_h(day), replication_seeds(scenario.config.seed, replications)
    # the largest first, so that no process begins it when the others have ended
    tasks = [(scenario, day, size, seed, expected) for size in sorted(sizes, reverse=True) for seed in seeds]
    found = in_order(_error, tasks, workers=workers, tell=note)
    of_size = dict(zip(sorted(sizes, reverse=True), np.reshape(found, (-1, len(seeds))), strict=True))
    errors = np.array([of_size[size] for size in sizes])
    slope, slope_error = fitted_slope(np.array(sizes), errors)
    return ErrorAgainstN(
        sizes=np.array(sizes),
        error_veh_h=errors,
        reference_veh_h=float(np.linalg.norm(expected)),
        slope=slope,
        slope_error=slope_error,
    )


def _error(scenario: Scenario, day: EquilibriumDay, size: int, seed: int, expected: FloatArray) -> float:
    """Return the error of a population; sizes share no random numbers."""
    flow = sampled_ev_flow_veh_h(scenario, day, size, seed, f"{PURPOSE} {size}")
    return float(np.linalg.norm(flow - expected))


def _with_diaries(scenario: Scenario, diaries: int) -> Scenario:
    population = scenario.config.population
    diaries = max(diaries, population.estimate_diaries)
    finer = population.model_copy(update={"estimate_diaries": diaries})
    return replace(scenario, config=scenario.config.model_copy(update={"population": finer}))


def expected_ev_flow_veh_h(day: EquilibriumDay) -> FloatArray:
    """Return the equilibrium's EV flow on each link, (periods, links)."""
    of_class = day.paths.class_of_group[day.paths.groups.group_of_path]
    flows = [np.where(of_class == CAR, 0.0, period.path_flow_veh_h) for period in day.periods]
    return np.array([day.paths.link_flow_veh_h(flow) for flow in flows])


def sampled_ev_flow_veh_h(
    scenario: Scenario, day: EquilibriumDay, size: int, seed: int, purpose: str = PURPOSE
) -> FloatArray:
    """Return the EV flow that *size* EVs of weight n_EV / size make at the equilibrium's costs, (periods, links).

    *purpose* names the random numbers; with those of the agents, these are the agents' flows, as long as no
    trip has to wait for the one before.
    """
    periods = scenario.periods
    diaries = sample_diaries(scenario.mobility, size, seed, purpose)
    period = diaries.departure_s // periods.seconds
    uniform = trip_uniforms(diaries, seed, f"{purpose}/fast charge")
    price = day.charging_price_cny_per_kwh.mean(axis=1) / day.charging_price_cny_per_kwh.mean()
    battery, behaviour = per_ev_parameters(scenario.mobility, scenario.battery, scenario.behaviour, diaries)
    record = simulate_soc(diaries, battery, behaviour, uniform, price[period % periods.count])
    made = ~record.cancelled & (period < periods.count)
    od = trip_ods(scenario, diaries, seed, purpose)
    group = np.where(record.fast_charge, CHARGING, NOT_CHARGING) * scenario.od_share.size + od
    route_uniform = trip_uniforms(diaries, seed, f"{purpose}/route")[made]
    count = _path_counts(day, period[made], group[made], route_uniform)
    weight = day.demand.n_ev / size / periods.hours
    return np.array([day.paths.link_flow_veh_h(weight * row) for row in count])


def _path_counts(day: EquilibriumDay, period: IntArray, group: IntArray, uniform: FloatArray) -> FloatArray:
    """Return how many trips took each path, (periods, paths): each draws from the shares of its group."""
    groups = day.paths.groups
    count = np.zeros((len(day.periods), day.paths.count))
    cell = period * groups.count + group
    order = np.argsort(cell, kind="stable")
    cells, start = np.unique(cell[order], return_index=True)
    for number, trips in zip(cells.tolist(), np.split(order, start)[1:], strict=True):
        when, who = divmod(number, groups.count)
        members = groups.members(who)
        cumulative = np.cumsum(day.periods[when].path_share[members])
        chosen = choose(cumulative / cumulative[-1], uniform[trips])
        count[when, members] = np.bincount(chosen, minlength=members.stop - members.start)
    return count


def fitted_slope(sizes: IntArray, errors: FloatArray) -> tuple[float, float]:
    """Return the least-squares slope of log mean error over log N, and its standard error.

    The standard error follows from that of each mean, by the delta method: no line through a few points could
    tell it.
    """
    x = np.log(sizes)
    lever = (x - x.mean()) / np.square(x - x.mean()).sum()
    mean = errors.mean(axis=1)
    spread = errors.std(axis=1, ddof=1) / math.sqrt(errors.shape[1]) / mean
    return float(lever @ np.log(mean)), float(np.sqrt(np.square(lever) @ np.square(spread)))
