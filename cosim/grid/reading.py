"""From the solved problem to arrays with units, and to the limits an elastic answer breaks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.devices import Devices
from cosim.grid.feeder import BASE_KVA
from cosim.grid.model import Model
from cosim.grid.parts import Setting
from cosim.grid.schedule import BranchFlow, Cost, Violation, relaxation_error

VOLTAGE_NOTICED_PU = 1e-6
POWER_NOTICED_KW = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The part of a `Dispatch` that one solve gives, under the same names."""

    cost: Cost
    turbine_kw: FloatArray
    turbine_kvar: FloatArray
    charge_kw: FloatArray
    discharge_kw: FloatArray
    storage_kwh: FloatArray
    renewable_kw: FloatArray
    renewable_kvar: FloatArray
    shift_out_kw: FloatArray
    shift_in_kw: FloatArray
    owed_kwh: FloatArray
    station_shed_kw: FloatArray
    base_shed_kw: FloatArray
    purchase_kw: FloatArray
    purchase_kvar: FloatArray
    injection_kw: FloatArray
    injection_kvar: FloatArray
    voltage_pu: FloatArray
    branch_kw: FloatArray
    branch_kvar: FloatArray
    branch_current_pu: FloatArray
    losses_kw: FloatArray
    price_cny_per_kwh: FloatArray
    relaxation_error: FloatArray

    @property
    def objective_cny(self) -> float:
        """What the solve minimised, without the loss price."""
        return self.cost.total_cny + self.cost.penalty_cny


def read_answer(solved: Model, at: Setting, devices: Devices, price_cny_per_kwh: FloatArray) -> Answer:
    """Return the solved unknowns with units, the costs, the nodal prices and the relaxation error."""
    v, current2 = _value(solved.flow.v), np.maximum(_value(solved.flow.l), 0.0)
    p, q = _value(solved.flow.p), _value(solved.flow.q)
    flow = BranchFlow(voltage2=v[:, at.feeder.from_bus], current2=current2, p=p, q=q)
    units = {name: solved.value(name) for name in _UNITS}
    for name in _NEVER_NEGATIVE:
        units[name] = np.maximum(units[name], 0.0)
    for name in ("station_shed_kw", "base_shed_kw"):
        units[name] = units[name] if at.elastic else np.zeros_like(v)
    purchase_kw = BASE_KVA * _value(solved.supply_p)
    return Answer(
        cost=_cost(units, purchase_kw, solved, at, devices, price_cny_per_kwh),
        **units,
        purchase_kw=purchase_kw,
        purchase_kvar=BASE_KVA * _value(solved.supply_q),
        injection_kw=BASE_KVA * _value(solved.injection_p),
        injection_kvar=BASE_KVA * _value(solved.injection_q),
        voltage_pu=np.sqrt(v),
        branch_kw=BASE_KVA * p,
        branch_kvar=BASE_KVA * q,
        branch_current_pu=np.sqrt(current2),
        losses_kw=BASE_KVA * (current2 @ at.feeder.r_pu),
        price_cny_per_kwh=-np.asarray(solved.active_balance.dual_value) / (BASE_KVA * at.dt),
        relaxation_error=relaxation_error(flow),
    )


_UNITS = (
    "turbine_kw", "turbine_kvar", "charge_kw", "discharge_kw", "storage_kwh", "renewable_kw",
    "renewable_kvar", "shift_out_kw", "shift_in_kw", "owed_kwh", "station_shed_kw", "base_shed_kw",
)  # fmt: skip
_NEVER_NEGATIVE = (
    "turbine_kw", "charge_kw", "discharge_kw", "storage_kwh", "renewable_kw",
    "shift_out_kw", "shift_in_kw", "station_shed_kw", "base_shed_kw",
)  # fmt: skip


def _value(expression: Any) -> FloatArray:
    return np.asarray(expression.value, dtype=np.float64)


def _cost(
    units: dict[str, FloatArray],
    purchase_kw: FloatArray,
    solved: Model,
    at: Setting,
    devices: Devices,
    price_cny_per_kwh: FloatArray,
) -> Cost:
    """Eq. 21 part by part, from the set-points themselves."""
    a = np.array([u.cost_a_cny_per_mw2h for u in devices.turbines])
    b = np.array([u.cost_b_cny_per_mwh for u in devices.turbines])
    pi = np.array([u.price_cny_per_mwh for u in devices.demand_responses])
    turbine_mw = units["turbine_kw"] / 1e3
    return Cost(
        turbine_cny=at.dt * float((turbine_mw**2 @ a + turbine_mw @ b).sum()),
        purchase_cny=at.dt * float(price_cny_per_kwh @ purchase_kw),
        shift_cny=at.dt * float((units["shift_out_kw"] / 1e3 @ pi).sum()),
        penalty_cny=float(_value(solved.penalty)) if at.elastic else 0.0,
    )


def violations(answer: Answer, at: Setting, devices: Devices) -> tuple[Violation, ...]:
    """Return every limit an elastic answer breaks, the worst of each kind first."""
    found = [*_voltages(answer, at), *_shed(answer, at), *_renewables_off(answer, at, devices)]
    found += _promises(answer, at, devices)
    kinds = list(dict.fromkeys(v.kind for v in found))
    return tuple(sorted(found, key=lambda v: (kinds.index(v.kind), -v.amount, v.period, v.bus)))


def _voltages(answer: Answer, at: Setting) -> Iterator[Violation]:
    feeder, first = at.feeder, at.horizon.first_period
    fed = np.zeros(feeder.bus_count, dtype=bool)
    fed[feeder.to_bus] = True
    low = np.where(fed, feeder.voltage_min_pu - answer.voltage_pu, 0.0)
    for t, i in np.argwhere(low > VOLTAGE_NOTICED_PU):
        period, bus, amount = first + int(t), feeder.bus_names[i], float(low[t, i])
        sentence = (
            f"period {period}, bus {bus}: no dispatch keeps {feeder.voltage_min_pu:g} p.u. "
            f"(short by {amount:.3g}). Lower the station load, or raise grid.slack_voltage_pu."
        )
        yield Violation(period=period, bus=bus, kind="undervoltage", amount=amount, sentence=sentence)
    high = np.where(fed, answer.voltage_pu - feeder.voltage_max_pu, 0.0)
    for t, i in np.argwhere(high > VOLTAGE_NOTICED_PU):
        period, bus, amount = first + int(t), feeder.bus_names[i], float(high[t, i])
        sentence = (
            f"period {period}, bus {bus}: no dispatch keeps {feeder.voltage_max_pu:g} p.u. "
            f"(above by {amount:.3g}). Allow curtailment or q absorption, or lower grid.slack_voltage_pu."
        )
        yield Violation(period=period, bus=bus, kind="overvoltage", amount=amount, sentence=sentence)


def _shed(answer: Answer, at: Setting) -> Iterator[Violation]:
    first = at.horizon.first_period
    for t, i in np.argwhere(answer.station_shed_kw > POWER_NOTICED_KW):
        period, bus, amount = first + int(t), at.feeder.bus_names[i], float(answer.station_shed_kw[t, i])
        sentence = f"period {period}, bus {bus}: {amount:.1f} kW of station load cannot be served."
        yield Violation(period=period, bus=bus, kind="station_shed", amount=amount, sentence=sentence)
    for t, i in np.argwhere(answer.base_shed_kw > POWER_NOTICED_KW):
        period, bus, amount = first + int(t), at.feeder.bus_names[i], float(answer.base_shed_kw[t, i])
        sentence = f"period {period}, bus {bus}: {amount:.1f} kW of base load cannot be served."
        yield Violation(period=period, bus=bus, kind="base_shed", amount=amount, sentence=sentence)


def _renewables_off(answer: Answer, at: Setting, devices: Devices) -> Iterator[Violation]:
    first = at.horizon.first_period
    for column, unit in enumerate(devices.renewables):
        if unit.curtailable:
            continue
        off = unit.available_kw[first - 1 : first - 1 + at.periods] - answer.renewable_kw[:, column]
        for t in np.flatnonzero(off > POWER_NOTICED_KW):
            period, amount = first + int(t), float(off[t])
            sentence = (
                f"period {period}, bus {unit.bus}: {amount:.1f} kW of {unit.kind} {unit.name} must be "
                "switched off, though it is not curtailable. Allow export, or set curtailable."
            )
            yield Violation(
                period=period, bus=unit.bus, kind="renewable_off", amount=amount, sentence=sentence
            )


def _promises(answer: Answer, at: Setting, devices: Devices) -> Iterator[Violation]:
    """Name the energy that should be back at the end of the horizon and is not."""
    period = at.horizon.first_period + at.periods - 1
    wanted = [
        (f"storage {u.name} should end with {u.soc_initial * u.capacity_kwh:.1f} kWh", u.bus, short)
        for u, short in zip(
            devices.storages,
            [u.soc_initial * u.capacity_kwh for u in devices.storages] - answer.storage_kwh[-1],
            strict=True,
        )
    ]
    wanted += [
        ("demand response should have got back all it shifted out", u.bus, owed)
        for u, owed in zip(devices.demand_responses, answer.owed_kwh[-1], strict=True)
    ]
    for what, bus, short in wanted:
        if abs(short) > POWER_NOTICED_KW:
            sentence = f"period {period}, bus {bus}: {what}; it misses that by {abs(short):.3g} kWh."
            yield Violation(
                period=period, bus=bus, kind="promise", amount=abs(float(short)), sentence=sentence
            )
