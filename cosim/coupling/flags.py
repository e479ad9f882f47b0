"""Flags of the coupled day: why it is not an equilibrium within all limits, in sentences."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cosim.coupling.equilibrium import EquilibriumDay
from cosim.coupling.residual import Iteration, distances
from cosim.grid.tariff import non_positive_prices
from cosim.results import Recorder
from cosim.scenario import Scenario
from cosim.words import counted

RECENT_ITERATIONS = 6
"""Iterations over which the residual is judged."""


class Flag(NamedTuple):
    """A row of the table of violations."""

    period: int
    """1..T."""
    place: str
    kind: str
    amount: float
    """Residual of the assignment (not_converged), excess flow [veh/h] (overload), price difference [CNY/kWh]
    (class_change), price below 0 [CNY/kWh] (price_not_positive), or the larger of the relative load residual and the
    price residual [CNY/kWh] (coupling, several_equilibria)."""
    sentence: str


def record_flags(recorder: Recorder, scenario: Scenario, day: EquilibriumDay) -> None:
    """Write the flags of the day into the table of violations."""
    for flag in _flags(scenario, day):
        recorder.add_row("violations", day=1, **flag._asdict())


def _flags(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    yield from _road_flags(scenario, day)
    yield from _closed_flags(day)
    yield from _held_tariff_flags(day)
    yield from _price_flags(scenario, day)
    if scenario.config.coupling.mode == "fixed_point":
        yield from _coupling_flags(scenario, day)
        yield from _other_day_flags(scenario, day)


def _road_flags(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    advice = "Use road.assignment.method = 'newton', or raise road.assignment.max_iterations."
    if scenario.config.road.assignment.method == "newton":
        advice = "Lower road.demand_scale or road.theta_per_min, or loosen road.assignment.tolerance."
    for period, equilibrium in enumerate(day.periods, start=1):
        if not equilibrium.converged:
            sentence = (
                f"period {period}: the equilibrium search stopped at a residual of "
                f"{equilibrium.residual:.2e} after {counted(equilibrium.iterations, 'iteration')}. {advice}"
            )
            yield Flag(period, "roads", "not_converged", equilibrium.residual, sentence)
        network = equilibrium.network
        for link in np.flatnonzero(equilibrium.overloaded):
            flow, capacity = equilibrium.link_flow_veh_h[link], network.capacity_veh_h[link]
            place = f"station {network.links[link]}"
            sentence = (
                f"period {period}, {place}: {flow:.1f} veh/h arrive where "
                f"{capacity:.1f} can be served; the queue is extended linearly. Add chargers."
            )
            yield Flag(period, place, "overload", flow - capacity, sentence)


def _closed_flags(day: EquilibriumDay) -> Iterator[Flag]:
    for number, (period, there) in enumerate(zip(day.open, day.demand.group_veh_h, strict=True), start=1):
        stays_veh_h = period.stays_veh_h(there)
        if stays_veh_h > 0:
            sentence = (
                f"period {number}: {stays_veh_h:.1f} veh/h cannot set out, for planned events close every path of "
                "theirs. Close fewer roads at once."
            )
            yield Flag(number, "roads", "no_path", stays_veh_h, sentence)


def _held_tariff_flags(day: EquilibriumDay) -> Iterator[Flag]:
    for period in day.held_periods.tolist():
        held, implied = (
            float(tariff[period - 1]) for tariff in (day.tariff_cny_per_kwh, day.implied_tariff_cny_per_kwh)
        )
        sentence = (
            f"period {period}: drivers react to the dynamic tariff so that its price class keeps changing, and the "
            f"day is no equilibrium; it is held at {held:.2f} CNY/kWh, where their charging implies {implied:.2f}. "
            "Lower mobility.price_sensitivity, change tariff.band, or use tariff.kind = 'table'."
        )
        yield Flag(period, "tariff", "class_change", abs(implied - held), sentence)


def _price_flags(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    price = day.charging_price_cny_per_kwh
    names = [station.name for station in scenario.stations]
    sentences = non_positive_prices(price, names)
    for (row, station), sentence in zip(np.argwhere(price <= 0), sentences, strict=True):
        amount = -float(price[row, station])
        yield Flag(int(row) + 1, f"station {names[station]}", "price_not_positive", amount, sentence)


def _coupling_flags(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    if day.converged:
        return
    last = day.iterations[-1]
    place = f"station {scenario.stations[last.station].name}"
    sentence = (
        f"period {last.period}, {place}: the coupled equilibrium {search_progress(day.iterations)}. After "
        f"{counted(len(day.iterations), 'iteration')} the load is {last.load_kw:.1f} kW at "
        f"{last.price_cny_per_kwh:.4f} CNY/kWh, which leads to {last.implied_price_cny_per_kwh:.4f} CNY/kWh "
        f"and {last.implied_load_kw:.1f} kW "
        f"(residual {last.residual:.1e}, tolerance {day.tolerance:g}). Raise "
        "coupling.max_iterations, strengthen the feeder, or use tariff.charging_price = 'tariff'."
    )
    yield Flag(last.period, place, "coupling", last.residual, sentence)


def search_progress(iterations: Sequence[Iteration]) -> str:
    """Return a verb for the last iterations of a search that has not converged.

    It diverges if the residual has doubled; has not settled yet if it has halved; else it oscillates if the load of
    the worst station turned back in most iterations, and stagnates if not.
    """
    recent = iterations[-RECENT_ITERATIONS:]
    first, last = recent[0].residual, recent[-1].residual
    if last > 2 * first:
        return "diverges"
    if len(recent) == 1 or last <= first / 2:
        return "has not settled yet"
    turns = [
        (before.implied_load_kw - before.load_kw) * (after.implied_load_kw - after.load_kw) < 0
        for before, after in pairwise(recent)
        if (before.period, before.station) == (after.period, after.station)
    ]
    return "oscillates" if 2 * sum(turns) > len(turns) else "stagnates"


def _other_day_flags(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    for other in filter(day.differs_from, day.others):
        distance = np.maximum(*distances(day, other))
        row, station = np.unravel_index(np.argmax(distance), distance.shape)
        place = f"station {scenario.stations[station].name}"
        this, that = (
            f"{d.load.load_kw[row, station]:.1f} kW at {d.charging_price_cny_per_kwh[row, station]:.4f} CNY/kWh"
            for d in (day, other)
        )
        kind, meaning = "coupling", ", which does not settle."
        if other.settled:
            kind, meaning = "several_equilibria", "; the day has more than one equilibrium."
        sentence = (
            f"period {row + 1}, {place}: {this} from the start '{day.start}', {that} from "
            f"'{other.start}'{meaning}"
        )
        yield Flag(int(row) + 1, place, kind, float(distance[row, station]), sentence)
