"""The limits an elastic solution breaks: which bus, which period, by how much, and what helps."""

from collections.abc import Iterator

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.binding import what_binds
from cosim.grid.bus_words import at_bus
from cosim.grid.device.base import POWER_NOTICED_KW
from cosim.grid.model import ProblemStructure
from cosim.grid.problem import ProblemData
from cosim.grid.solution import Solution, Violation

VOLTAGE_NOTICED_PU = 1e-6
KINDS = (
    "base_shed",
    "station_shed",
    "feed_in_off",
    "undervoltage",
    "overvoltage",
    "renewable_off",
    "terminal_energy",
)
"""In the order in which they are reported."""


def violations(
    solution: Solution, structure: ProblemStructure, data: ProblemData, *, proven: bool = True
) -> tuple[Violation, ...]:
    """Return every limit an elastic solution breaks: load not served first, the worst of each kind first.

    Only where that is *proven* does a sentence say that no dispatch keeps it.
    """
    fails = "no dispatch keeps" if proven else "this dispatch does not keep"
    found = [
        *_shed(solution, structure, data),
        *_fed_in(solution, structure, data),
        *_voltages(solution, structure, data, fails),
    ]
    found += [v for group in structure.groups for v in group.violations(solution.setpoints, data)]
    return tuple(sorted(found, key=lambda v: (KINDS.index(v.kind), -v.amount, v.period, v.bus)))


def _voltages(
    solution: Solution, structure: ProblemStructure, data: ProblemData, fails: str
) -> Iterator[Violation]:
    feeder, first = structure.feeder, data.horizon.first_period
    fed = np.zeros(feeder.bus_count, dtype=bool)
    fed[feeder.to_bus] = True
    stations = bool(data.load.station_kw.any())
    lower = "Lower the station load" if stations else "Lower the load (grid.load_scale)"
    relief = next((f"{group.relief}, or l" for group in structure.groups if group.relief), "L")
    low = np.where(fed, feeder.voltage_min_pu - solution.voltage_pu, 0.0)
    for t, i in np.argwhere(low > VOLTAGE_NOTICED_PU):
        period, bus, amount = first + int(t), feeder.bus_names[i], float(low[t, i])
        sentence = (
            f"period {period}, {at_bus(bus)}: {fails} {feeder.voltage_min_pu:g} p.u. "
            f"(short by {amount:.3g}). {lower}, or raise grid.slack_voltage_pu."
        )
        yield Violation(period=period, bus=bus, kind="undervoltage", amount=amount, sentence=sentence)
    high = np.where(fed, solution.voltage_pu - feeder.voltage_max_pu, 0.0)
    for t, i in np.argwhere(high > VOLTAGE_NOTICED_PU):
        period, bus, amount = first + int(t), feeder.bus_names[i], float(high[t, i])
        sentence = (
            f"period {period}, {at_bus(bus)}: {fails} {feeder.voltage_max_pu:g} p.u. "
            f"(above by {amount:.3g}). {relief}ower grid.slack_voltage_pu."
        )
        yield Violation(period=period, bus=bus, kind="overvoltage", amount=amount, sentence=sentence)


def _fed_in(solution: Solution, structure: ProblemStructure, data: ProblemData) -> Iterator[Violation]:
    feeder, off_kw = structure.feeder, -solution.base_shed_kw
    for t, i in np.argwhere(off_kw > POWER_NOTICED_KW):
        period, bus, amount = data.horizon.first_period + int(t), feeder.bus_names[i], float(off_kw[t, i])
        held = not structure.export and solution.purchase_kw[t] <= POWER_NOTICED_KW
        reason = (
            "They would have to leave the feeder: grid.export=true allows that."
            if held
            else what_binds(solution, feeder, int(t), int(i), 0.0)
        )
        sentence = (
            f"period {period}, {at_bus(bus)}: {amount:,.1f} kW of what is fed in have no way to go. {reason}"
        )
        yield Violation(period=period, bus=bus, kind="feed_in_off", amount=amount, sentence=sentence.rstrip())


def _shed(solution: Solution, structure: ProblemStructure, data: ProblemData) -> Iterator[Violation]:
    feeder, first = structure.feeder, data.horizon.first_period
    floor_pu = 0.0 if structure.elastic is None else structure.elastic.voltage_floor_pu
    shed: tuple[tuple[str, str, FloatArray], ...] = (
        ("base_shed", "base load", solution.base_shed_kw),
        ("station_shed", "station load", solution.station_shed_kw),
    )
    for kind, what, power_kw in shed:
        for t, i in np.argwhere(power_kw > POWER_NOTICED_KW):
            period, bus, amount = first + int(t), feeder.bus_names[i], float(power_kw[t, i])
            reason = what_binds(solution, feeder, int(t), int(i), floor_pu)
            sentence = f"period {period}, {at_bus(bus)}: {amount:.1f} kW of {what} cannot be served. {reason}"
            yield Violation(period=period, bus=bus, kind=kind, amount=amount, sentence=sentence.rstrip())
