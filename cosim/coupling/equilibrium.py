"""The coupled equilibrium as a fixed point: p_t -> q -> SUE -> station load -> dispatch -> prices -> p_t.

p_t is the charging share of Eq. 2 of Ma et al. (2024), q the demand, SUE the stochastic user equilibrium.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import count
from pathlib import Path

import numpy as np

from cosim.arguments import checked
from cosim.arrays import FloatArray, Frame, IntArray
from cosim.blas import one_blas_thread
from cosim.config.coupling import Start
from cosim.coupling.damping import PRICE_TOLERANCE_CNY_PER_KWH, Damping
from cosim.coupling.day import RoadDay, road_day
from cosim.coupling.prices import HeldTariff, day_tariff, dispatch_feeders, nodal_prices
from cosim.coupling.residual import Iteration, distances, measure
from cosim.coupling.response import price_response
from cosim.grid.solution import Dispatch
from cosim.randomness import stream
from cosim.scenario import Scenario, as_scenario, charging_price_cny_per_kwh
from cosim.short_repr import short_repr

RANDOM_START_CNY_PER_KWH = (0.1, 2.0)
"""Bounds of the uniform distribution of random start prices."""
SAME_DAY_TOLERANCES = 10.0
"""Distance of two days, in tolerances of the residual, up to which they count as one equilibrium."""


Each = Callable[[Callable[..., "EquilibriumDay"], list[tuple[Scenario, Start]]], list["EquilibriumDay"]]
"""Calls a function with each of some arguments, and returns the results in their order."""


def one_by_one(
    call: Callable[..., "EquilibriumDay"], each: list[tuple[Scenario, Start]]
) -> list["EquilibriumDay"]:
    """Return the result for each of the arguments, one after another."""
    return [call(*arguments) for arguments in each]


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquilibriumDay(RoadDay):
    """The coupled day: traffic, station load, dispatch and prices, with the course of the search."""

    start: Start
    """Prices the search began with."""
    tariff_cny_per_kwh: FloatArray
    """(periods,): price of energy from the upper grid, from which the charging price follows."""
    implied_tariff_cny_per_kwh: FloatArray
    """(periods,): the tariff at the station loads of this day."""
    nodal_price_cny_per_kwh: FloatArray
    """(periods, stations): nodal price at each station's bus."""
    dispatches: tuple[Dispatch, ...]
    """Dispatch of each feeder over the whole day; with nodal prices, at loads within the tolerance of this day's."""
    iterations: tuple[Iteration, ...]
    tolerance: float
    others: tuple["EquilibriumDay", ...] = ()
    """Days reached from the other starts."""

    def to_frame(self) -> Frame:
        """Return a table with one row per period and station: load, charging, nodal and upper-grid price."""
        import pandas as pd

        stations = self.paths.network.stations
        periods = len(self.tariff_cny_per_kwh)
        columns = {
            "period": np.repeat(np.arange(1, periods + 1), len(stations)),
            "station": stations * periods,
            "load_kw": self.load.load_kw.ravel(),
            "charging_price_cny_per_kwh": self.charging_price_cny_per_kwh.ravel(),
            "nodal_price_cny_per_kwh": self.nodal_price_cny_per_kwh.ravel(),
            "tariff_cny_per_kwh": np.repeat(self.tariff_cny_per_kwh, len(stations)),
        }
        return pd.DataFrame(columns)

    @property
    def held_periods(self) -> IntArray:
        """Periods (1..T) whose tariff is held because the charging it causes implies another one."""
        return np.flatnonzero(self.tariff_cny_per_kwh != self.implied_tariff_cny_per_kwh) + 1

    @property
    def residual(self) -> float:
        """Larger of the relative load residual and the price residual [CNY/kWh], a held tariff taken as given."""
        return self.iterations[-1].residual

    @property
    def converged(self) -> bool:
        """Whether the residual is within the tolerance."""
        return self.residual <= self.tolerance

    @property
    def settled(self) -> bool:
        """Whether this is a fixed point: converged, and no tariff had to be held."""
        return self.converged and not self.held_periods.size

    def differs_from(self, other: "EquilibriumDay") -> bool:
        """Whether another start has led to another day."""
        load, price = distances(self, other)
        return bool(max(load.max(), price.max()) > SAME_DAY_TOLERANCES * self.tolerance)


@checked
@one_blas_thread
def solve_equilibrium_day(scenario: Scenario | str | Path, each: Each = one_by_one) -> EquilibriumDay:
    """Return the coupled equilibrium of the day, and in ``others`` the days reached from the other starts.

    *scenario* may be the file or name of one; *each* calls a function for each start, in processes perhaps. The day is
    that of the first start that settles; where none does, that of the first start (see ``settled``).
    Raises InfeasibleError where a feeder has no dispatch at all.
    """
    scenario = as_scenario(scenario)
    days = each(solve_from, [(scenario, start) for start in scenario.config.coupling.starts])
    main = next((day for day in days if day.settled), days[0])
    return replace(main, others=tuple(day for day in days if day is not main))


@one_blas_thread
def solve_from(scenario: Scenario, start: Start) -> EquilibriumDay:
    """Return the day at which the iteration from the charging prices of one *start* ends."""
    coupling = scenario.config.coupling
    tariff, damping = HeldTariff(scenario), Damping(scenario.periods.count)
    roads = road_day(scenario, start_price_cny_per_kwh(scenario, start))
    iterations: list[Iteration] = []
    for iteration in count(1):
        tariff_cny_per_kwh = tariff.follow(roads.load.load_kw)
        dispatches, price = _implied_prices(scenario, roads, tariff_cny_per_kwh)
        image = road_day(scenario, price, roads)
        iterations.append(measure(roads, image, float(damping.step_size.min())))
        converged = iterations[-1].residual <= coupling.tolerance
        if converged or coupling.mode == "one_pass" or iteration == coupling.max_iterations:
            break
        roads = _next_day(scenario, roads, image, damping)
    if not (converged and dispatches):
        dispatches = dispatch_feeders(scenario, roads.load.load_kw, tariff_cny_per_kwh)
    return EquilibriumDay(
        **{field.name: getattr(roads, field.name) for field in fields(RoadDay)},
        start=start,
        tariff_cny_per_kwh=tariff_cny_per_kwh,
        implied_tariff_cny_per_kwh=day_tariff(scenario, roads.load.load_kw),
        nodal_price_cny_per_kwh=nodal_prices(scenario, dispatches),
        dispatches=dispatches,
        iterations=tuple(iterations),
        tolerance=coupling.tolerance,
    )


def start_price_cny_per_kwh(scenario: Scenario, start: Start) -> FloatArray:
    """Return the charging prices that a search begins with [CNY/kWh], (periods, stations)."""
    shape = (scenario.periods.count, len(scenario.stations))
    if start == "free":
        return np.zeros(shape)
    if start == "random":
        return stream(scenario.config.seed, "coupling start").uniform(*RANDOM_START_CNY_PER_KWH, shape)
    return np.repeat(day_tariff(scenario, np.zeros(shape))[:, None], shape[1], axis=1)


def _implied_prices(
    scenario: Scenario, roads: RoadDay, tariff_cny_per_kwh: FloatArray
) -> tuple[tuple[Dispatch, ...], FloatArray]:
    """Return the dispatch of the feeders at the day's load, none if prices do not need it, and the charging prices.

    Where a limit is just reached, the nodal price at a fixed load is not unique. With the price response of the load
    in the dispatch it is: the price at which no driver changes station.
    """
    dispatches: tuple[Dispatch, ...] = ()
    if scenario.config.tariff.charging_price == "nodal":  # a tariff does not depend on the dispatch
        closed = scenario.config.coupling.mode == "fixed_point"
        responses = [price_response(scenario, roads, case) if closed else None for case in scenario.feeders]
        dispatches = dispatch_feeders(scenario, roads.load.load_kw, tariff_cny_per_kwh, responses)
    nodal = nodal_prices(scenario, dispatches)
    return dispatches, charging_price_cny_per_kwh(scenario, tariff_cny_per_kwh, nodal)


def _next_day(scenario: Scenario, roads: RoadDay, image: RoadDay, damping: Damping) -> RoadDay:
    """Return the day at the next prices: the implied mean, and a damped step of the deviations of stations from it.

    The mean follows the tariff, whose price classes have no values between them, so it is not damped.
    """
    (deviation, mean), (implied_deviation, implied_mean) = (
        _deviation_and_mean(day.charging_price_cny_per_kwh) for day in (roads, image)
    )
    if np.abs(implied_mean - mean).max() > PRICE_TOLERANCE_CNY_PER_KWH:
        damping.reset()
    deviation = damping.step(deviation, implied_deviation)
    if np.array_equal(deviation, implied_deviation):
        return image
    return road_day(scenario, implied_mean + deviation, image)


def _deviation_and_mean(price: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the deviation of each station's price from the mean of the stations, and that mean, by period."""
    mean = price.mean(axis=1, keepdims=True)
    return price - mean, mean
