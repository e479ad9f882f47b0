"""The limits an elastic answer breaks: which bus, which period, by how much, and what helps."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.binding import what_binds
from cosim.grid.bus_words import at_bus
from cosim.grid.model import Frame
from cosim.grid.numbers import Question, available_kw
from cosim.grid.schedule import Answer, Violation

VOLTAGE_NOTICED_PU = 1e-6
POWER_NOTICED_KW = 1e-3


def violations(answer: Answer, frame: Frame, question: Question) -> tuple[Violation, ...]:
    """Return every limit an elastic answer breaks: load not served first, the worst of each kind first."""
    found = [*_shed(answer, frame, question), *_voltages(answer, frame, question)]
    found += [*_renewables_off(answer, frame, question), *_promises(answer, frame, question)]
    found += _departures(answer, frame, question)
    kinds = list(dict.fromkeys(v.kind for v in found))
    return tuple(sorted(found, key=lambda v: (kinds.index(v.kind), -v.amount, v.period, v.bus)))


def _voltages(answer: Answer, frame: Frame, question: Question) -> Iterator[Violation]:
    feeder, first = frame.feeder, question.horizon.first_period
    fed = np.zeros(feeder.bus_count, dtype=bool)
    fed[feeder.to_bus] = True
    stations = bool(question.load.station_kw.any())
    lower = "Lower the station load" if stations else "Lower the load (grid.load_scale)"
    absorb = "Allow curtailment or q absorption, or l" if frame.devices.renewables else "L"
    low = np.where(fed, feeder.voltage_min_pu - answer.voltage_pu, 0.0)
    for t, i in np.argwhere(low > VOLTAGE_NOTICED_PU):
        period, bus, amount = first + int(t), feeder.bus_names[i], float(low[t, i])
        sentence = (
            f"period {period}, {at_bus(bus)}: no dispatch keeps {feeder.voltage_min_pu:g} p.u. "
            f"(short by {amount:.3g}). {lower}, or raise grid.slack_voltage_pu."
        )
        yield Violation(period=period, bus=bus, kind="undervoltage", amount=amount, sentence=sentence)
    high = np.where(fed, answer.voltage_pu - feeder.voltage_max_pu, 0.0)
    for t, i in np.argwhere(high > VOLTAGE_NOTICED_PU):
        period, bus, amount = first + int(t), feeder.bus_names[i], float(high[t, i])
        sentence = (
            f"period {period}, {at_bus(bus)}: no dispatch keeps {feeder.voltage_max_pu:g} p.u. "
            f"(above by {amount:.3g}). {absorb}ower grid.slack_voltage_pu."
        )
        yield Violation(period=period, bus=bus, kind="overvoltage", amount=amount, sentence=sentence)


def _shed(answer: Answer, frame: Frame, question: Question) -> Iterator[Violation]:
    feeder, first = frame.feeder, question.horizon.first_period
    floor_pu = 0.0 if frame.elastic is None else frame.elastic.voltage_floor_pu
    shed: tuple[tuple[Literal["base_shed", "station_shed"], str, FloatArray], ...] = (
        ("base_shed", "base load", answer.base_shed_kw),
        ("station_shed", "station load", answer.station_shed_kw),
    )
    for kind, what, power_kw in shed:
        for t, i in np.argwhere(power_kw > POWER_NOTICED_KW):
            period, bus, amount = first + int(t), feeder.bus_names[i], float(power_kw[t, i])
            reason = what_binds(answer, feeder, int(t), int(i), floor_pu)
            sentence = f"period {period}, {at_bus(bus)}: {amount:.1f} kW of {what} cannot be served. {reason}"
            yield Violation(period=period, bus=bus, kind=kind, amount=amount, sentence=sentence.rstrip())


def _renewables_off(answer: Answer, frame: Frame, question: Question) -> Iterator[Violation]:
    first = question.horizon.first_period
    offered = available_kw(frame.devices, question)
    for column, unit in enumerate(frame.devices.renewables):
        if unit.curtailable:
            continue
        off = offered[:, column] - answer.renewable_kw[:, column]
        for t in np.flatnonzero(off > POWER_NOTICED_KW):
            period, amount = first + int(t), float(off[t])
            sentence = (
                f"period {period}, {at_bus(unit.bus)}: {amount:.1f} kW of {unit.kind} {unit.name} must be "
                "switched off, though it is not curtailable. Allow export, or set curtailable."
            )
            yield Violation(
                period=period, bus=unit.bus, kind="renewable_off", amount=amount, sentence=sentence
            )


def _departures(answer: Answer, frame: Frame, question: Question) -> Iterator[Violation]:
    """Name the vehicles that leave with another energy than they should."""
    first, short = question.horizon.first_period, answer.v2g_short_kwh
    for t, i in np.argwhere(np.abs(short) > POWER_NOTICED_KW):
        unit, period, amount = frame.devices.v2g_chargers[i], first + int(t), abs(float(short[t, i]))
        sentence = (
            f"period {period}, {at_bus(unit.bus)}: vehicles leave V2G charger {unit.name} with {amount:.3g} kWh "
            f"{'less' if short[t, i] > 0 else 'more'} than they should take along."
        )
        yield Violation(period=period, bus=unit.bus, kind="promise", amount=amount, sentence=sentence)


def _promises(answer: Answer, frame: Frame, question: Question) -> Iterator[Violation]:
    """Name the energy that should be back at the end of the horizon and is not."""
    period = question.horizon.first_period + question.periods - 1
    wanted = [
        (f"storage {u.name} should end with {u.soc_initial * u.capacity_kwh:.1f} kWh", u.bus, short)
        for u, short in zip(
            frame.devices.storages,
            [u.soc_initial * u.capacity_kwh for u in frame.devices.storages] - answer.storage_kwh[-1],
            strict=True,
        )
    ]
    for column, charger in enumerate(frame.devices.v2g_chargers):
        end = charger.soc_initial * charger.capacity_kwh * float(charger.connected_pu[period - 1])
        what = f"V2G charger {charger.name} should end with {end:.1f} kWh"
        wanted.append((what, charger.bus, end - answer.v2g_kwh[-1, column]))
    wanted += [
        ("demand response should have got back all it shifted out", u.bus, owed)
        for u, owed in zip(frame.devices.demand_responses, answer.owed_kwh[-1], strict=True)
    ]
    for what, bus, short in wanted:
        if abs(short) > POWER_NOTICED_KW:
            sentence = f"period {period}, {at_bus(bus)}: {what}; it misses that by {abs(short):.3g} kWh."
            yield Violation(
                period=period, bus=bus, kind="promise", amount=abs(float(short)), sentence=sentence
            )
