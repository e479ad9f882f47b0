"""What kept the day from being a coupled equilibrium within all limits, in sentences."""

from collections.abc import Iterator

import numpy as np

from cosim.coupling.equilibrium import EquilibriumDay
from cosim.coupling.residual import distances
from cosim.grid.tariff import non_positive_prices
from cosim.results import Recorder
from cosim.scenario import Scenario
from cosim.words import counted

FEW = 6
"""Iterations whose course tells how the search fares."""


Flag = tuple[int, str, str, float, str]
"""Period (1..T), place, kind and amount of a violation, and the sentence that tells it."""


def record_flags(recorder: Recorder, scenario: Scenario, day: EquilibriumDay) -> None:
    """Write what kept the day from being an equilibrium within all limits."""
    for period, place, kind, amount, sentence in _flags(scenario, day):
        row = {"place": place, "kind": kind, "amount": amount, "sentence": sentence}
        recorder.add_row("violations", day=1, period=period, **row)


def _flags(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    yield from _of_roads(scenario, day)
    yield from _of_held_tariff(day)
    yield from _of_prices(scenario, day)
    if scenario.config.coupling.mode == "fixed_point":
        yield from _of_coupling(scenario, day)
        yield from _of_other_days(scenario, day)


def _of_roads(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    network = day.paths.network
    helps = "Use road.assignment.method = 'newton', or raise road.assignment.max_iterations."
    if scenario.config.road.assignment.method == "newton":
        helps = "Lower road.demand_scale or road.theta_per_min, or loosen road.assignment.tolerance."
    for number, period in enumerate(day.periods, start=1):
        if not period.converged:
            sentence = (
                f"period {number}: the equilibrium search stopped at a residual of "
                f"{period.residual:.2e} after {counted(period.iterations, 'iteration')}. {helps}"
            )
            yield number, "roads", "not_converged", period.residual, sentence
        for link in np.flatnonzero(period.overloaded):
            flow, capacity = period.link_flow_veh_h[link], network.capacity_veh_h[link]
            place = f"station {network.links[link]}"
            sentence = (
                f"period {number}, {place}: {flow:.1f} veh/h arrive where "
                f"{capacity:.1f} can be served; the queue is extended linearly. Add chargers."
            )
            yield number, place, "overload", flow - capacity, sentence


def _of_held_tariff(day: EquilibriumDay) -> Iterator[Flag]:
    for number in day.flipping:
        held, wanted = (
            float(price[number - 1]) for price in (day.tariff_cny_per_kwh, day.led_to_cny_per_kwh)
        )
        sentence = (
            f"period {number}: the dynamic tariff flips, for drivers react to it, so the day is no "
            f"equilibrium; it is held at {held:.2f} CNY/kWh, where their charging asks for {wanted:.2f}. Lower "
            "mobility.price_sensitivity, change tariff.band, or use tariff.kind = 'table'."
        )
        yield number, "tariff", "tariff_flips", abs(wanted - held), sentence


def _of_prices(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    price = day.charging_price_cny_per_kwh
    names = [station.name for station in scenario.stations]
    sentences = non_positive_prices(price, names)
    for (row, number), sentence in zip(np.argwhere(price <= 0), sentences, strict=True):
        place = f"station {names[number]}"
        yield int(row) + 1, place, "price_not_positive", -float(price[row, number]), sentence


def _of_coupling(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    if day.converged:
        return
    worst = day.iterations[-1]
    place = f"station {scenario.stations[worst.station].name}"
    sentence = (
        f"period {worst.period}, {place}: the coupled equilibrium {_course(day)}. After "
        f"{counted(len(day.iterations), 'iteration')} the load is {worst.load_kw:.1f} kW at "
        f"{worst.price_cny_per_kwh:.4f} CNY/kWh, which leads to {worst.price_led_to_cny_per_kwh:.4f} CNY/kWh "
        f"and {worst.load_led_to_kw:.1f} kW "
        f"(residual {worst.residual:.1e}, tolerance {day.tolerance:g}). Raise "
        "coupling.max_iterations, strengthen the feeder, or use tariff.charging_price = 'tariff'."
    )
    yield worst.period, place, "coupling", worst.residual, sentence


def _course(day: EquilibriumDay) -> str:
    """Return how the residual of a search that has not converged has changed of late."""
    last = [iteration.residual for iteration in day.iterations[-FEW:]]
    if len(last) > 1 and last[-1] > 2 * last[0]:
        return "diverges"
    if len(last) > 1 and last[-1] > last[0] / 2:
        return "oscillates"
    return "has not settled yet"


def _of_other_days(scenario: Scenario, day: EquilibriumDay) -> Iterator[Flag]:
    for other in (one for one in day.others if day.is_apart_from(one)):
        load, price = distances(day, other)
        apart = np.maximum(load, price)
        row, number = np.unravel_index(np.argmax(apart), load.shape)
        place = f"station {scenario.stations[number].name}"
        here, there = (
            f"{d.load.load_kw[row, number]:.1f} kW at {d.charging_price_cny_per_kwh[row, number]:.4f} CNY/kWh"
            for d in (day, other)
        )
        kind, meaning = "coupling", ", which does not settle."
        if other.settled:
            kind, meaning = "several_equilibria", "; the day has more than one equilibrium."
        sentence = (
            f"period {row + 1}, {place}: {here} from the start '{day.start}', {there} from "
            f"'{other.start}'{meaning}"
        )
        yield int(row) + 1, place, kind, float(apart[row, number]), sentence
