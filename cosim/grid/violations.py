"""The limits an elastic solution breaks: which bus, which period, by how much, and what helps."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid import margins
from cosim.grid.binding import Ways, supply_kva
from cosim.grid.bus_words import at_bus
from cosim.grid.device.base import POWER_NOTICED_KW
from cosim.grid.model import ProblemStructure
from cosim.grid.problem import ProblemData
from cosim.grid.radial import Feeder
from cosim.grid.solution import Solution, Violation, rows
from cosim.grid.sources import UNITS, beyond, says
from cosim.grid.sweep import sweep_power_flow

VOLTAGE_NOTICED_PU = 1e-6
KINDS = (
    "source_limit",
    "base_shed",
    "station_shed",
    "feed_in_off",
    "undervoltage",
    "overvoltage",
    "renewable_off",
    "terminal_energy",
    margins.KIND,
)
"""In the order in which they are reported."""


def violations(
    solution: Solution, structure: ProblemStructure, data: ProblemData, *, proven: bool = True
) -> tuple[Violation, ...]:
    """Return every limit an elastic solution breaks: sources, then load not served; the worst of each kind first.

    Only where that is *proven* does a sentence say that no dispatch keeps it.
    """
    fails = "no dispatch keeps" if proven else "this dispatch does not keep"
    found = []
    for run, own in structure.runs(data.periods):
        part = (
            (rows(solution, run), own, data.between(run.start, run.stop))
            if structure.networks
            else (solution, own, data)
        )
        found += [*_shed(*part), *_feed_in_off(*part), *_sources(*part, fails), *_voltages(*part, fails)]
        found += margins.not_kept(*part)
    found += [v for group in structure.groups for v in group.violations(solution.setpoints, data)]
    return tuple(sorted(found, key=lambda v: (KINDS.index(v.kind), -v.amount, v.period, v.bus)))


def breaks_limits(told: Iterable[Violation]) -> bool:
    """Tell whether any of them breaks a limit; a margin that is not kept does not."""
    return any(violation.kind != margins.KIND for violation in told)


def _voltages(
    solution: Solution, structure: ProblemStructure, data: ProblemData, fails: str
) -> Iterator[Violation]:
    feeder, first = structure.feeder, data.horizon.first_period
    fed = np.zeros(feeder.bus_count, dtype=bool)
    fed[feeder.to_bus] = True
    stations = bool(data.load.station_kw.any())
    lower = "Lower the station load" if stations else "Lower the load (grid.load_scale)"
    relief = next((f"{group.relief}, or l" for group in structure.groups if group.relief), "L")
    least, most = feeder.voltage_limits_pu
    low = np.where(fed, least - solution.voltage_pu, 0.0)
    alone_pu = _voltage_of_base_load(structure, data)
    for t, i in np.argwhere(low > VOLTAGE_NOTICED_PU):
        period, bus, amount = first + int(t), feeder.bus_names[i], float(low[t, i])
        advice = f"{lower}, or raise grid.slack_voltage_pu."
        if alone_pu[t, i] < least[i]:
            advice = (
                f"The base load alone takes it to {alone_pu[t, i]:.4f}: raise grid.slack_voltage_pu, "
                "or lower grid.voltage_min_pu."
            )
        sentence = (
            f"period {period}, {at_bus(bus)}: {fails} {least[i]:g} p.u. (short by {amount:.3g}). {advice}"
        )
        yield Violation(period=period, bus=bus, kind="undervoltage", amount=amount, sentence=sentence)
    high = np.where(fed, solution.voltage_pu - most, 0.0)
    for t, i in np.argwhere(high > VOLTAGE_NOTICED_PU):
        period, bus, amount = first + int(t), feeder.bus_names[i], float(high[t, i])
        sentence = (
            f"period {period}, {at_bus(bus)}: {fails} {most[i]:g} p.u. "
            f"(above by {amount:.3g}). {relief}ower grid.slack_voltage_pu."
        )
        yield Violation(period=period, bus=bus, kind="overvoltage", amount=amount, sentence=sentence)


def _sources(
    solution: Solution, structure: ProblemStructure, data: ProblemData, fails: str
) -> Iterator[Violation]:
    feeder, first = structure.feeder, data.horizon.first_period
    if feeder.source_limits_kva is None:
        return
    outside = beyond(supply_kva(solution, feeder), feeder.source_limits_kva)
    for t, slack, column in np.argwhere(outside > POWER_NOTICED_KW).tolist():
        period, bus, amount = (
            first + t,
            feeder.bus_names[feeder.slack_buses[slack]],
            float(outside[t, slack, column]),
        )
        limit = says(float(feeder.source_limits_kva[slack, column]), column)
        sentence = (
            f"period {period}, {at_bus(bus)}: {fails} the limit of the source, {limit} ({amount:,.1f} "
            f"{UNITS[column]} {('short', 'above')[column % 2]}). Change it in the network, or lift it by "
            "grid.source_limits=false."
        )
        yield Violation(period=period, bus=bus, kind="source_limit", amount=amount, sentence=sentence)


def _voltage_of_base_load(structure: ProblemStructure, data: ProblemData) -> FloatArray:
    """Return the voltages that the base load alone leads to; NaN where there is no other, or devices help."""
    load = data.load
    if not structure.groups and load.station_kw.any():
        with suppress(SolverError):
            return sweep_power_flow(structure.feeder, -load.base_kw, -load.base_kvar).voltage_pu
    return np.full_like(load.base_kw, np.nan)


def _shed(solution: Solution, structure: ProblemStructure, data: ProblemData) -> Iterator[Violation]:
    feeder, first = structure.feeder, data.horizon.first_period
    floor_pu = 0.0 if structure.elastic is None else structure.elastic.voltage_floor_pu
    shed: tuple[tuple[str, str, FloatArray], ...] = (
        ("base_shed", "base load", solution.base_shed_kw),
        ("station_shed", "station load", solution.station_shed_kw),
    )
    ways = cache(lambda t: Ways(solution, feeder, t))
    for kind, what, power_kw in shed:
        for t, i in np.argwhere(power_kw > POWER_NOTICED_KW):
            period, bus, amount = first + int(t), feeder.bus_names[i], float(power_kw[t, i])
            reason = ways(int(t)).what_binds(int(i), floor_pu)
            sentence = f"period {period}, {at_bus(bus)}: {amount:.1f} kW of {what} cannot be served. {reason}"
            yield Violation(period=period, bus=bus, kind=kind, amount=amount, sentence=sentence.rstrip())


def _feed_in_off(solution: Solution, structure: ProblemStructure, data: ProblemData) -> Iterator[Violation]:
    """Tell of feed-in of the network itself that is not taken: what is full, or that it would leave the feeder."""
    feeder, first = structure.feeder, data.horizon.first_period
    off_kw = np.maximum(-solution.base_shed_kw, 0.0)
    for t in np.flatnonzero((off_kw > POWER_NOTICED_KW).any(axis=1)).tolist():
        ways, leaving = Ways(solution, feeder, t), _leaving_kw(solution, feeder, t, off_kw[t])
        for i in np.flatnonzero(off_kw[t] > POWER_NOTICED_KW).tolist():
            period, bus, amount = first + t, feeder.bus_names[i], float(off_kw[t, i])
            reason = ways.full_branches(i)
            leaving_kw = 0.0 if structure.export or reason else leaving(i)
            if leaving_kw > POWER_NOTICED_KW:
                reason = (
                    f"With it, {leaving_kw:,.0f} kW have to leave the feeder, and grid.export is false; "
                    "allow it by grid.export=true."
                )
            sentence = f"period {period}, {at_bus(bus)}: {amount:.1f} kW of feed-in cannot be taken. {reason}"
            yield Violation(
                period=period, bus=bus, kind="feed_in_off", amount=amount, sentence=sentence.rstrip()
            )


def _leaving_kw(solution: Solution, feeder: Feeder, t: int, off_kw: FloatArray) -> Callable[[int], float]:
    """Return what would leave the tree of a bus in a period if all feed-in were taken; NaN where no power flow says."""
    lines = (np.ones(feeder.from_bus.size), (feeder.from_bus, feeder.to_bus))
    _, tree = connected_components(
        coo_array(lines, shape=(feeder.bus_count, feeder.bus_count)), directed=False
    )
    injection = solution.injection_kw[t] + off_kw, solution.injection_kvar[t]

    @cache
    def of_tree(number: int) -> float:
        try:
            flow = sweep_power_flow(feeder, *(np.where(tree == number, power, 0.0) for power in injection))
        except SolverError:
            return float("nan")
        return -float(flow.slack_kw)

    return lambda bus: of_tree(int(tree[bus]))
