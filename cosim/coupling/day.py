"""The roads' side of the day: demand, traffic assignment and station load at given charging prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.coupling.demand import DayDemand, expected_demand
from cosim.coupling.planned import OpenPaths, open_in_periods
from cosim.coupling.stations import ServedLoad, station_load
from cosim.errors import InfeasibleError
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.paths import PathSet
from cosim.road.problem import AssignmentProblem, Overload
from cosim.road.semi_dynamic import carry_over_day, warm_started_day
from cosim.scenario import Scenario

MEAN_PRICE_DECIMALS = 9
"""Mean prices are rounded to this, so that the floating-point error of a mean does not call for a new estimate."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoadDay:
    """Demand, assignment and station load at given charging prices."""

    demand: DayDemand
    paths: PathSet
    periods: tuple[Equilibrium, ...]
    load: ServedLoad
    charging_price_cny_per_kwh: FloatArray
    """(periods, stations): the prices drivers decided by."""
    shortfall: str
    """Reason why the stations' queues had to be extended beyond their capacity; empty if they had not."""
    open: tuple[OpenPaths, ...]
    """What is open in each period."""

    @property
    def residual_max(self) -> float:
        """Largest residual of the stochastic user equilibria of all periods."""
        return max(period.residual for period in self.periods)

    @property
    def link_flow_veh_h(self) -> FloatArray:
        """Flow of every link and charging arc, (periods, links)."""
        return np.array([period.link_flow_veh_h for period in self.periods])


def road_day(
    scenario: Scenario, charging_price_cny_per_kwh: FloatArray, earlier: RoadDay | None = None
) -> RoadDay:
    """Return the day at these charging prices [CNY/kWh], (periods, stations).

    *earlier*: a day at similar prices, from whose flows Newton's method starts.
    """
    price = charging_price_cny_per_kwh
    demand = expected_demand(scenario, _mean_price(price))
    paths = scenario.with_session_energy(demand.session_kwh)
    is_open = open_in_periods(scenario, paths)
    periods, shortfall = _assign(scenario, is_open, demand, price, earlier)
    arcs = paths.network.charging_arcs
    limit_kw = np.array([station.limit_kw for station in scenario.stations])
    load = station_load(
        np.array([period.link_flow_veh_h[arcs] for period in periods]),
        demand.session_kwh,
        limit_kw * np.array([period.capacity_share[arcs] for period in is_open]),
        scenario.periods.hours,
    )
    return RoadDay(
        demand=demand,
        paths=paths,
        periods=tuple(periods),
        load=load,
        charging_price_cny_per_kwh=price,
        shortfall=shortfall,
        open=tuple(is_open),
    )


def _mean_price(charging_price_cny_per_kwh: FloatArray) -> FloatArray:
    """Return the mean price of the stations, (periods,), which decides whether to charge; 1 if all charging is free."""
    mean: FloatArray = charging_price_cny_per_kwh.mean(axis=1).round(MEAN_PRICE_DECIMALS)
    return mean if mean.mean() > 0 else np.ones_like(mean)


def _assign(
    scenario: Scenario,
    is_open: Sequence[OpenPaths],
    demand: DayDemand,
    price: FloatArray,
    earlier: RoadDay | None,
) -> tuple[list[Equilibrium], str]:
    """Return the equilibrium of each period and the shortfall; beyond capacity, equilibria with extended queues."""
    search = scenario.config.road.assignment

    def day(overload: Overload) -> list[Equilibrium]:
        problems = assignment_problems(scenario, is_open, demand, price, overload)
        options: dict[str, Any] = {
            "method": search.method
            if overload == "refuse"
            else "newton",  # averages stagnate beyond capacity
            "tolerance": search.tolerance,
            "max_iterations": search.max_iterations,
        }
        if search.carry_over:
            periods = carry_over_day(problems, period_min=60 * scenario.periods.hours, **options)
            return [period.equilibrium for period in periods]
        if earlier is not None and options["method"] == "newton":
            return [  # each from the same period of the earlier day, scaled to this demand
                solve_sue(problem, start=problem.path_demand_veh_h * before.path_share, **options)
                for problem, before in zip(problems, earlier.periods, strict=True)
            ]
        # averages start from the period before in every iteration, so that their convergence can be compared
        return warm_started_day(problems, **options)

    try:
        return day("refuse"), ""
    except InfeasibleError as error:
        return day("extend"), str(error)


def assignment_problems(
    scenario: Scenario,
    is_open: Sequence[OpenPaths],
    demand: DayDemand,
    price: FloatArray,
    overload: Overload,
) -> list[AssignmentProblem]:
    """Return the assignment problem of each period at these charging prices [CNY/kWh], (periods, stations)."""
    paths = is_open[0].paths
    theta = np.full(paths.groups.count, scenario.config.road.theta_per_min)
    charges = paths.station >= 0
    cost_min, overlap_min = (
        scenario.charging_cost_min(price, demand.session_kwh),
        scenario.path_size_cost_min(paths),
    )
    return [
        AssignmentProblem(
            paths=period.paths,
            demand_veh_h=period.demand_veh_h(group_veh_h),
            theta_per_min=theta,
            extra_cost_min=np.where(charges, station_min[paths.station], 0.0)
            + overlap_min
            + period.closed_cost_min,
            overload=overload,
        )
        for period, group_veh_h, station_min in zip(is_open, demand.group_veh_h, cost_min, strict=True)
    ]
