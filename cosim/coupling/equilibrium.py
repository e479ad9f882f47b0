"""The coupled equilibrium: p_t -> q -> SUE -> station load -> dispatch -> prices -> p_t, until nothing changes."""

from dataclasses import dataclass, fields, replace
from itertools import count

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.config.coupling import Start
from cosim.coupling.damping import NOISE_CNY_PER_KWH, Damping
from cosim.coupling.day import RoadDay, road_day
from cosim.coupling.prices import HeldTariff, day_tariff, dispatch_feeders, nodal_prices
from cosim.coupling.residual import Iteration, distances, measure
from cosim.coupling.response import price_response
from cosim.grid.solution import Dispatch
from cosim.randomness import stream
from cosim.scenario import Scenario, charging_price_cny_per_kwh

AT_RANDOM_CNY_PER_KWH = (0.1, 2.0)
SAME_DAY = 10.0
"""Days that differ by more than this many tolerances are two."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquilibriumDay(RoadDay):
    """The coupled day: what drivers do, what the feeders do about it, and how well the two agree."""

    start: Start
    """The prices the search began with."""
    tariff_cny_per_kwh: FloatArray
    """What the feeders are dispatched at; the charging price follows from it."""
    led_to_cny_per_kwh: FloatArray
    """What the tariff rule makes of the loads of that day."""
    nodal_price_cny_per_kwh: FloatArray
    """(periods, stations): the price at each station's bus."""
    dispatches: tuple[Dispatch, ...]
    """One of each feeder, over the whole day; with nodal prices, of loads within the tolerance of these."""
    iterations: tuple[Iteration, ...]
    tolerance: float
    others: tuple["EquilibriumDay", ...] = ()
    """The days reached from other starts."""

    @property
    def flipping(self) -> IntArray:
        """Periods (1..T) whose tariff is held, for it is not the one that the charging it causes leads to."""
        return np.flatnonzero(self.tariff_cny_per_kwh != self.led_to_cny_per_kwh) + 1

    @property
    def residual(self) -> float:
        """How far loads and prices are from those they lead to, a held tariff taken as given."""
        return self.iterations[-1].residual

    @property
    def converged(self) -> bool:
        """Whether the residual is within the tolerance."""
        return self.residual <= self.tolerance

    @property
    def settled(self) -> bool:
        """Whether this is a fixed point: converged, and no tariff had to be held."""
        return self.converged and not self.flipping.size

    def is_apart_from(self, other: "EquilibriumDay") -> bool:
        """Whether another start has led to another day."""
        load, price = distances(self, other)
        return bool(max(load.max(), price.max()) > SAME_DAY * self.tolerance)


def solve_equilibrium_day(scenario: Scenario) -> EquilibriumDay:
    """Return the coupled equilibrium of the day, and in ``others`` the days reached from the other starts.

    It is that of the first start that settles. A day that does not settle is a result too: see ``settled``.
    Raises InfeasibleError where a feeder has no dispatch at all.
    """
    days = [solve_from(scenario, start) for start in scenario.config.coupling.starts]
    main = next((day for day in days if day.settled), days[0])
    return replace(main, others=tuple(day for day in days if day is not main))


def solve_from(scenario: Scenario, start: Start) -> EquilibriumDay:
    """Return the day that the iteration reaches from the charging prices of one *start*."""
    coupling = scenario.config.coupling
    tariff, damping = HeldTariff(scenario), Damping(scenario.periods.count)
    roads = road_day(scenario, start_price_cny_per_kwh(scenario, start))
    iterations: list[Iteration] = []
    for number in count(1):
        tariff_cny_per_kwh = tariff.follow(roads.load.load_kw)
        dispatches, price = _respond(scenario, roads, tariff_cny_per_kwh)
        reply = road_day(scenario, price, roads)
        iterations.append(measure(roads, reply, float(damping.step.min())))
        at_rest = iterations[-1].residual <= coupling.tolerance
        if at_rest or coupling.mode == "one_pass" or number == coupling.max_iterations:
            break
        roads = _next_day(scenario, roads, reply, damping)
    if not (at_rest and dispatches):
        dispatches = dispatch_feeders(scenario, roads.load.load_kw, tariff_cny_per_kwh)
    return EquilibriumDay(
        **{field.name: getattr(roads, field.name) for field in fields(RoadDay)},
        start=start,
        tariff_cny_per_kwh=tariff_cny_per_kwh,
        led_to_cny_per_kwh=day_tariff(scenario, roads.load.load_kw),
        nodal_price_cny_per_kwh=nodal_prices(scenario, dispatches),
        dispatches=dispatches,
        iterations=tuple(iterations),
        tolerance=coupling.tolerance,
    )


def start_price_cny_per_kwh(scenario: Scenario, start: Start) -> FloatArray:
    """Return the charging prices a search begins with, (periods, stations)."""
    shape = (scenario.periods.count, len(scenario.stations))
    if start == "free":
        return np.zeros(shape)
    if start == "random":
        return stream(scenario.config.seed, "coupling start").uniform(*AT_RANDOM_CNY_PER_KWH, shape)
    return np.repeat(day_tariff(scenario, np.zeros(shape))[:, None], shape[1], axis=1)


def _respond(
    scenario: Scenario, roads: RoadDay, tariff_cny_per_kwh: FloatArray
) -> tuple[tuple[Dispatch, ...], FloatArray]:
    """Return the dispatch of the feeders at the day's load, none if prices do not need it, and the charging prices.

    Where a limit is just reached, the price of that load alone is anything between two ends. The one at which
    no driver changes station is found in the dispatch itself, which anticipates how drivers respond.
    """
    dispatches: tuple[Dispatch, ...] = ()
    if scenario.config.tariff.charging_price == "nodal":  # else prices don't ask for the dispatch
        closed = scenario.config.coupling.mode == "fixed_point"
        responses = [price_response(scenario, roads, case) if closed else None for case in scenario.feeders]
        dispatches = dispatch_feeders(scenario, roads.load.load_kw, tariff_cny_per_kwh, responses)
    nodal = nodal_prices(scenario, dispatches)
    return dispatches, charging_price_cny_per_kwh(scenario, tariff_cny_per_kwh, nodal)


def _next_day(scenario: Scenario, roads: RoadDay, reply: RoadDay, damping: Damping) -> RoadDay:
    """Return the day at the next prices: the new tariff, and a step towards the new differences of stations.

    A tariff of classes has no values between; only what lies between the stations is damped.
    """
    (apart, before), (apart_led_to, level) = (
        _differences(day.charging_price_cny_per_kwh) for day in (roads, reply)
    )
    if np.abs(level - before).max() > NOISE_CNY_PER_KWH:
        damping.begin_again()
    apart = damping.towards(apart, apart_led_to)
    if np.array_equal(apart, apart_led_to):
        return reply
    return road_day(scenario, level + apart, reply)


def _differences(price: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what the stations' prices differ by from their mean, and the mean."""
    level = price.mean(axis=1, keepdims=True)
    return price - level, level
