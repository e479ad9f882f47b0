"""The roads' side of the day: who travels, how they spread over the roads, what the stations then draw."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.coupling.demand import DayDemand, expected_demand
from cosim.coupling.stations import ServedLoad, station_load
from cosim.errors import InfeasibleError
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.paths import PathSet
from cosim.road.problem import AssignmentProblem, Overload
from cosim.road.semi_dynamic import carry_over_day, warm_started_day
from cosim.scenario import Scenario

SAME_PRICE_DECIMALS = 9
"""Mean prices are rounded to this before drivers react: the rounding of a mean is no reason to ask them again."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoadDay:
    """What drivers do at given charging prices, and the station load that follows."""

    demand: DayDemand
    paths: PathSet
    periods: tuple[Equilibrium, ...]
    load: ServedLoad
    charging_price_cny_per_kwh: FloatArray
    """(periods, stations): what drivers saw."""
    shortfall: str
    """Empty, or why stations had to be extended beyond their capacity."""

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
    """Return the day if drivers expect these prices, (periods, stations).

    *earlier* is the day at similar prices; Newton's method starts from its flows.
    """
    price = charging_price_cny_per_kwh
    demand = expected_demand(scenario, _mean_price(price))
    paths = scenario.with_sessions(demand.session_kwh)
    periods, shortfall = _assign(scenario, paths, demand, price, earlier)
    arcs = paths.network.charging_arcs
    load = station_load(
        np.array([period.link_flow_veh_h[arcs] for period in periods]),
        demand.session_kwh,
        np.array([station.limit_kw for station in scenario.stations]),
        scenario.periods.hours,
    )
    return RoadDay(
        demand=demand,
        paths=paths,
        periods=tuple(periods),
        load=load,
        charging_price_cny_per_kwh=price,
        shortfall=shortfall,
    )


def _mean_price(charging_price_cny_per_kwh: FloatArray) -> FloatArray:
    """Return the price that matters for whether to charge at all: the stations' mean; level if it is free."""
    mean: FloatArray = charging_price_cny_per_kwh.mean(axis=1).round(SAME_PRICE_DECIMALS)
    return mean if mean.mean() > 0 else np.ones_like(mean)


def _assign(
    scenario: Scenario, paths: PathSet, demand: DayDemand, price: FloatArray, earlier: RoadDay | None
) -> tuple[list[Equilibrium], str]:
    """Return the equilibria; where stations cannot take the demand, of extended stations, and say so."""
    search = scenario.config.road.assignment

    def day(overload: Overload) -> list[Equilibrium]:
        problems = assignment_problems(scenario, paths, demand, price, overload)
        options: dict[str, Any] = {
            "method": search.method if overload == "refuse" else "newton",  # averages stall beyond capacity
            "tolerance": search.tolerance,
            "max_iterations": search.max_iterations,
        }
        if search.carry_over:
            carrying = carry_over_day(problems, period_min=60 * scenario.periods.hours, **options)
            return [period.equilibrium for period in carrying]
        if earlier is not None and options["method"] == "newton":
            return [  # each from the same period of the earlier day, scaled to this demand
                solve_sue(problem, start=problem.path_demand_veh_h * before.path_share, **options)
                for problem, before in zip(problems, earlier.periods, strict=True)
            ]
        return warm_started_day(problems, **options)  # averages are there to be watched, from the same start

    try:
        return day("refuse"), ""
    except InfeasibleError as error:
        return day("extend"), str(error)


def assignment_problems(
    scenario: Scenario, paths: PathSet, demand: DayDemand, price: FloatArray, overload: Overload
) -> list[AssignmentProblem]:
    """Return the assignment of each period at these charging prices [CNY/kWh], (periods, stations)."""
    theta = np.full(paths.groups.count, scenario.config.road.theta_per_min)
    charges = paths.station >= 0
    cost_min, overlap_min = scenario.price_min(price, demand.session_kwh), scenario.path_size_min(paths)
    return [
        AssignmentProblem(
            paths=paths,
            demand_veh_h=group_veh_h,
            theta_per_min=theta,
            extra_cost_min=np.where(charges, station_min[paths.station], 0.0) + overlap_min,
            overload=overload,
        )
        for group_veh_h, station_min in zip(demand.group_veh_h, cost_min, strict=True)
    ]
