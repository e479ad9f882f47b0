"""What kept the day from being a coupled equilibrium within all limits, in sentences."""

import numpy as np

from cosim.coupling.equilibrium import EquilibriumDay
from cosim.coupling.residual import distances
from cosim.grid.tariff import non_positive_prices
from cosim.results import Recorder
from cosim.scenario import Scenario
from cosim.words import counted

FEW = 6
"""Iterations whose course tells how the search fares."""


def record_flags(recorder: Recorder, scenario: Scenario, day: EquilibriumDay) -> None:
    """Write down what kept the day from being an equilibrium within all limits."""
    _record_roads(recorder, scenario, day)
    _record_held_tariff(recorder, day)
    _record_prices_not_positive(recorder, scenario, day)
    if scenario.config.coupling.mode == "fixed_point":
        _record_coupling(recorder, scenario, day)
        _record_other_days(recorder, scenario, day)


def _record_roads(recorder: Recorder, scenario: Scenario, day: EquilibriumDay) -> None:
    network = day.paths.network
    helps = "Use road.assignment.method = 'newton', or raise road.assignment.max_iterations."
    if scenario.config.road.assignment.method == "newton":
        helps = "Lower road.demand_scale or road.theta_per_min, or loosen road.assignment.tolerance."
    for number, period in enumerate(day.periods):
        if not period.converged:
            recorder.add_row(
                "violations",
                day=1,
                period=number + 1,
                place="roads",
                kind="not_converged",
                amount=period.residual,
                sentence=f"period {number + 1}: the equilibrium search stopped at a residual of "
                f"{period.residual:.2e} after {counted(period.iterations, 'iteration')}. {helps}",
            )
        for link in np.flatnonzero(period.overloaded):
            flow, capacity = period.link_flow_veh_h[link], network.capacity_veh_h[link]
            recorder.add_row(
                "violations",
                day=1,
                period=number + 1,
                place=f"station {network.links[link]}",
                kind="overload",
                amount=flow - capacity,
                sentence=f"period {number + 1}, station {network.links[link]}: {flow:.1f} veh/h arrive where "
                f"{capacity:.1f} can be served; the queue is extended linearly. Add chargers.",
            )


def _record_held_tariff(recorder: Recorder, day: EquilibriumDay) -> None:
    for number in day.flipping:
        held, wanted = (
            float(price[number - 1]) for price in (day.tariff_cny_per_kwh, day.led_to_cny_per_kwh)
        )
        recorder.add_row(
            "violations",
            day=1,
            period=number,
            place="tariff",
            kind="tariff_flips",
            amount=abs(wanted - held),
            sentence=f"period {number}: the dynamic tariff flips, for drivers react to it, so the day is no "
            f"equilibrium; it is held at {held:.2f} CNY/kWh, where their charging asks for {wanted:.2f}. Lower "
            "mobility.price_sensitivity, change tariff.band, or use tariff.kind = 'table'.",
        )


def _record_prices_not_positive(recorder: Recorder, scenario: Scenario, day: EquilibriumDay) -> None:
    price = day.charging_price_cny_per_kwh
    names = [station.name for station in scenario.stations]
    for (row, number), sentence in zip(
        np.argwhere(price <= 0), non_positive_prices(price, names), strict=True
    ):
        recorder.add_row(
            "violations",
            day=1,
            period=int(row) + 1,
            place=f"station {names[number]}",
            kind="price_not_positive",
            amount=-float(price[row, number]),
            sentence=sentence,
        )


def _record_coupling(recorder: Recorder, scenario: Scenario, day: EquilibriumDay) -> None:
    if day.converged:
        return
    worst = day.iterations[-1]
    place = f"station {scenario.stations[worst.station].name}"
    recorder.add_row(
        "violations",
        day=1,
        period=worst.period,
        place=place,
        kind="coupling",
        amount=worst.residual,
        sentence=f"period {worst.period}, {place}: the coupled equilibrium {_course(day)}. After "
        f"{counted(len(day.iterations), 'iteration')} the load is {worst.load_kw:.1f} kW at "
        f"{worst.price_cny_per_kwh:.4f} CNY/kWh, which leads to {worst.price_led_to_cny_per_kwh:.4f} CNY/kWh "
        f"and {worst.load_led_to_kw:.1f} kW "
        f"(residual {worst.residual:.1e}, tolerance {day.tolerance:g}). Raise "
        "coupling.max_iterations, strengthen the feeder, or use tariff.charging_price = 'tariff'.",
    )


def _course(day: EquilibriumDay) -> str:
    """Return how a search that did not come to rest has fared of late."""
    last = [iteration.residual for iteration in day.iterations[-FEW:]]
    if len(last) > 1 and last[-1] > 2 * last[0]:
        return "diverges"
    if len(last) > 1 and last[-1] > last[0] / 2:
        return "oscillates"
    return "has not settled yet"


def _record_other_days(recorder: Recorder, scenario: Scenario, day: EquilibriumDay) -> None:
    for other in day.others:
        if not day.is_apart_from(other):
            continue
        load, price = distances(day, other)
        row, number = np.unravel_index(np.argmax(np.maximum(load, price)), load.shape)
        name = scenario.stations[number].name
        here, there = (
            f"{d.load.load_kw[row, number]:.1f} kW at {d.charging_price_cny_per_kwh[row, number]:.4f} CNY/kWh"
            for d in (day, other)
        )
        recorder.add_row(
            "violations",
            day=1,
            period=int(row) + 1,
            place=f"station {name}",
            kind="several_equilibria" if other.settled else "coupling",
            amount=float(max(load[row, number], price[row, number])),
            sentence=f"period {row + 1}, station {name}: {here} from the start '{day.start}', {there} from "
            f"'{other.start}'"
            + ("; the day has more than one equilibrium." if other.settled else ", which does not settle."),
        )
