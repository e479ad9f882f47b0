"""The equilibrium of a day: who travels, how they spread over the roads, what the feeders do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.config.grid import TariffConfig
from cosim.coupling.demand import DayDemand, expected_demand
from cosim.coupling.stations import StationLoad, share_drawn_on_arrival, station_load
from cosim.errors import InfeasibleError
from cosim.grid.tariff import DynamicTariff, class_price, damped_classes, price_class
from cosim.road.assignment import Equilibrium
from cosim.road.paths import PathSet
from cosim.road.problem import AssignmentProblem, Overload
from cosim.road.semi_dynamic import carrying_day, semi_dynamic_day
from cosim.scenario import CAR, DayAhead, Scenario

MAX_ROUNDS = 20
"""Rounds of tariff and demand; two or three where no price class flips, else until the flipping ones are held."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquilibriumDay:
    """The roads' side of the day and the tariff it leads to; dispatch follows from the station load."""

    demand: DayDemand
    paths: PathSet
    periods: tuple[Equilibrium, ...]
    load: StationLoad
    tariff_cny_per_kwh: FloatArray
    """What drivers saw, and what the feeders are dispatched at."""
    led_to_cny_per_kwh: FloatArray
    """What the tariff rule makes of the loads of that day."""
    shortfall: str
    """Empty, or why stations had to be extended beyond their capacity."""

    @property
    def flipping(self) -> IntArray:
        """Periods (1..T) whose price is not the one that the charging it causes leads to."""
        return np.flatnonzero(self.tariff_cny_per_kwh != self.led_to_cny_per_kwh) + 1

    @property
    def settled(self) -> bool:
        """Whether the tariff that drivers saw is the one their charging leads to."""
        return not self.flipping.size

    @property
    def residual_max(self) -> float:
        """Largest residual of all periods."""
        return max(period.residual for period in self.periods)


def solve_equilibrium_day(scenario: Scenario) -> EquilibriumDay:
    """Return the day's equilibrium: demand, SUE and tariff, repeated until the tariff no longer changes.

    Drivers who react to a step tariff can push a period back and forth between two classes for ever: each
    period follows the load until its class has changed three times, and stays there (see ``flipping``).
    """
    proposals = [_price_classes(scenario, np.zeros((scenario.periods.count, len(scenario.stations))))]
    for _ in range(MAX_ROUNDS):
        classes = damped_classes(proposals).classes
        day = _day_at(scenario, _tariff(scenario.config.tariff, scenario.profiles, classes))
        proposals.append(_price_classes(scenario, day.load.load_kw))
        if np.array_equal(damped_classes(proposals).classes, classes):
            break
    return day


def day_tariff(scenario: Scenario, station_load_kw: FloatArray) -> FloatArray:
    """Return the price of each period: the table, or Eq. 22 at the equivalent load of all feeders and stations."""
    classes = _price_classes(scenario, station_load_kw)
    return _tariff(scenario.config.tariff, scenario.profiles, classes)


def tariff_at(config: TariffConfig, profiles: Mapping[str, FloatArray], load_kw: FloatArray) -> FloatArray:
    """Return the price of each period: the table, or Eq. 22 at the equivalent load."""
    return _tariff(config, profiles, price_class(load_kw, config.band))


def _price_classes(scenario: Scenario, station_load_kw: FloatArray) -> IntArray:
    """Return the class of Eq. 22 of each period at the equivalent load of all feeders and stations."""
    base_kw = np.sum([case.base_kw for case in scenario.feeders], axis=0)
    return price_class(base_kw + station_load_kw.sum(axis=1), scenario.config.tariff.band)


def _tariff(config: TariffConfig, profiles: Mapping[str, FloatArray], classes: IntArray) -> FloatArray:
    """Return the price of each period: the table, or that of its class."""
    if config.kind == "table":
        return profiles[config.column]
    rule = DynamicTariff(
        base_cny_per_kwh=config.base_cny_per_kwh, sigma=config.band, rise=config.rise, fall=config.fall
    )
    return class_price(classes, rule)


def _day_at(scenario: Scenario, tariff: FloatArray) -> EquilibriumDay:
    """Return the day if drivers expect *tariff*."""
    demand = expected_demand(scenario, tariff)
    session_kwh = demand.session_kwh
    paths = scenario.with_sessions(session_kwh)
    periods, shortfall = _assign(scenario, paths, demand, tariff)
    arcs = paths.network.charging_arcs
    load = station_load(
        np.array([period.link_flow_veh_h[arcs] for period in periods]),
        session_kwh,
        np.array([station.limit_kw for station in scenario.stations]),
        scenario.periods.hours,
    )
    led_to = day_tariff(scenario, load.load_kw)
    return EquilibriumDay(
        demand=demand,
        paths=paths,
        periods=tuple(periods),
        load=load,
        tariff_cny_per_kwh=tariff,
        led_to_cny_per_kwh=led_to,
        shortfall=shortfall,
    )


def _assign(
    scenario: Scenario, paths: PathSet, demand: DayDemand, tariff: FloatArray
) -> tuple[list[Equilibrium], str]:
    """Return the equilibria; where stations cannot take the demand, of extended stations, and say so."""
    search = scenario.config.road.assignment

    def day(overload: Overload) -> list[Equilibrium]:
        problems = _problems(scenario, paths, demand, tariff, overload)
        options: dict[str, Any] = {
            "method": search.method,
            "tolerance": search.tolerance,
            "max_iterations": search.max_iterations,
        }
        if not search.carry_over:
            return semi_dynamic_day(problems, **options)
        carrying = carrying_day(problems, period_min=60 * scenario.periods.hours, **options)
        return [period.equilibrium for period in carrying]

    try:
        return day("refuse"), ""
    except InfeasibleError as error:
        return day("extend"), str(error)


def _problems(
    scenario: Scenario, paths: PathSet, demand: DayDemand, tariff: FloatArray, overload: Overload
) -> list[AssignmentProblem]:
    theta = np.full(paths.groups.count, scenario.config.road.theta_per_min)
    charges = paths.station >= 0
    return [
        AssignmentProblem(
            paths=paths,
            demand_veh_h=group_veh_h,
            theta_per_min=theta,
            extra_cost_min=np.where(charges, scenario.price_min(price, demand.session_kwh), 0.0),
            overload=overload,
        )
        for group_veh_h, price in zip(demand.group_veh_h, tariff, strict=True)
    ]


def day_ahead(scenario: Scenario, day: EquilibriumDay) -> DayAhead:
    """Return what the agents are given of the equilibrium: times to tell, loads and prices to expect."""
    session_kwh = day.demand.session_kwh
    session_min = float(day.paths.network.t0_min[day.paths.network.charging_arcs].mean())
    is_car = day.paths.class_of_group[day.paths.groups.of_path] == CAR
    return DayAhead(
        n_ev=day.demand.n_ev,
        session_kwh=session_kwh,
        paths=day.paths,
        link_time_min=np.array([period.link_time_min for period in day.periods]),
        car_path_veh_h=np.where(is_car, day.paths.groups.spread(day.demand.group_veh_h), 0.0),
        station_load_kw=day.load.load_kw,
        tariff_cny_per_kwh=day.tariff_cny_per_kwh,
        share_drawn_on_arrival=share_drawn_on_arrival(session_min, 60 * scenario.periods.hours),
    )
