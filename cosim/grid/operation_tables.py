"""The grid's result tables: one recorder for planned and realised operation."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.bus_words import at_bus
from cosim.grid.device import Storage
from cosim.grid.device.base import POWER_NOTICED_KW, energy_missed
from cosim.grid.operation import Operation, largest
from cosim.grid.radial import Feeder
from cosim.grid.solution import Violation, locally_optimal
from cosim.grid.tariff import non_positive_prices
from cosim.results import Recorder

VOLTAGE_NOTICED_PU = 1e-6
"""Less than this outside a limit is rounding."""
FARTHER_THAN_PLANNED_PU = 1e-3
CURRENT_NOTICED_A = 0.01
ENERGY_NOTICED_KWH = 0.01
"""To which the equations of a store are met by the solver."""
MARGIN = "Plan with a margin: raise grid.voltage_margin_pu."
FALLBACK = "In the fallback operation nothing keeps them."


def record_operation(recorder: Recorder, operation: Operation) -> None:
    """Record the grid's tables for one period."""
    _record_buses(recorder, operation)
    _record_branches(recorder, operation)
    _record_devices(recorder, operation)
    _record_dispatch(recorder, operation)
    _record_violations(recorder, operation)


def _key(operation: Operation) -> dict[str, object]:
    now = operation.now
    return {"day": now.day, "period": now.period, "feeder": operation.feeder.name}


def _record_buses(recorder: Recorder, op: Operation) -> None:
    recorder.add(
        "buses",
        **_key(op),
        bus=list(op.feeder.bus_names),
        load_kw=op.load.base_kw[op.row] - op.carried_out.base_shed_kw[op.row],
        station_planned_kw=op.load.station_kw[op.row],
        station_kw=op.station_kw,
        voltage_planned_pu=_where_supplied(op.feeder, op.dispatch.voltage_pu[op.row]),
        voltage_ac_pu=_where_supplied(op.feeder, op.planned.voltage_pu),
        voltage_pu=_where_supplied(op.network, op.realised.voltage_pu),
        nodal_price_cny_per_kwh=op.dispatch.price_cny_per_kwh[op.row],
    )


def _record_branches(recorder: Recorder, op: Operation) -> None:
    feeder, ampere = op.feeder, op.feeder.current_base_a
    recorder.add(
        "branches",
        **_key(op),
        branch=list(feeder.branch_names),
        from_bus=[feeder.bus_names[bus] for bus in feeder.from_bus],
        to_bus=[feeder.bus_names[bus] for bus in feeder.to_bus],
        p_kw=op.dispatch.branch_kw[op.row],
        q_kvar=op.dispatch.branch_kvar[op.row],
        current_planned_a=op.dispatch.branch_current_pu[op.row] * ampere,
        current_ac_a=op.planned.branch_current_pu * ampere,
        current_a=_realised_current_pu(op) * ampere,
        relaxation_error=op.dispatch.relaxation_error[op.row],
    )


def _where_supplied(network: Feeder, voltage_pu: FloatArray) -> FloatArray:
    """Return the voltages, NaN at buses without supply."""
    if not network.cut_off:
        return voltage_pu
    known = voltage_pu.copy()
    known[list(network.cut_off)] = np.nan
    return known


def _realised_current_pu(op: Operation) -> FloatArray:
    """Return the realised current of each branch of the dispatch, 0 in one that was open."""
    if op.network is op.feeder:
        return op.realised.branch_current_pu
    current = dict(zip(op.network.branch_names, op.realised.branch_current_pu.tolist(), strict=True))
    return np.array([current.get(name, 0.0) for name in op.feeder.branch_names])


def _record_devices(recorder: Recorder, op: Operation) -> None:
    setpoints, row = op.carried_out.setpoints, op.row
    for group in op.devices.loads_last:
        p_kw, q_kvar = group.injection(setpoints)
        recorder.add(
            "devices",
            **_key(op),
            device=[device.name for device in group.devices],
            kind=[device.kind for device in group.devices],
            bus=list(group.buses),
            p_kw=p_kw[row],
            q_kvar=q_kvar if isinstance(q_kvar, float) else q_kvar[row],
            **group.columns(setpoints, row, op.now.period),
        )


def _record_dispatch(recorder: Recorder, op: Operation) -> None:
    d, k = op.dispatch, op.row
    current = op.planned.branch_current_pu - d.branch_current_pu[k]
    recorder.add_row(
        "dispatch",
        **_key(op),
        status=d.status,
        exactness_recovery="" if d.exactness_recovery == "none" else d.exactness_recovery,
        solver=d.solver,
        purchase_planned_kw=d.purchase_kw[k],
        purchase_kw=float(op.realised.slack_kw),
        losses_planned_kw=d.losses_kw[k],
        losses_kw=float(op.realised.losses_kw),
        cost_planned_cny=op.cost_planned_cny,
        cost_cny=op.cost_cny,
        voltage_min_pu=op.realised.voltage_pu.min(),
        voltage_max_pu=op.realised.voltage_pu.max(),
        relaxation_error_max=d.relaxation_error[k].max(initial=0.0),
        ac_mismatch_max_pu=op.voltage_mismatch_pu,
        ac_current_mismatch_max_a=largest(current * op.feeder.current_base_a),
        ac_losses_mismatch_kw=d.losses_kw[k] - float(op.planned.losses_kw),
        optimality_gap=d.optimality_gap,
    )


def _energy_missed(op: Operation) -> list[Violation]:
    """Return the stores that end the day with other energy than the next day begins with.

    It is so where nobody dispatched, or where a device failed in the last period.
    """
    stores = op.devices.of(Storage)
    if not stores or op.row + 1 < len(op.load.station_kw):
        return []
    wanted_kwh = op.devices.initial_state()["storage_kwh"]
    wanted = [
        f"{store.label} should end the day with {kwh:.1f} kWh, with which the next one begins"
        for store, kwh in zip(stores, wanted_kwh.tolist(), strict=True)
    ]
    missed_kwh = wanted_kwh - op.carried_out.setpoints["storage_kwh"][op.row]
    missed = energy_missed(stores, wanted, missed_kwh, op.now.period)
    return [violation for violation in missed if violation.amount > ENERGY_NOTICED_KWH]


def _record_violations(recorder: Recorder, op: Operation) -> None:
    """Record the limits that the dispatch breaks, why it is not certified, and limits broken by the realised load."""
    told = [violation for violation in op.dispatch.violations if violation.period == op.now.period]
    known = {(violation.kind, violation.bus) for violation in told}
    told += [missed for missed in _energy_missed(op) if (missed.kind, missed.bus) not in known]
    for violation in told:
        place = at_bus(violation.bus)
        _violation(recorder, op, violation.kind, violation.amount, violation.sentence, place)
    reason = op.dispatch.reason_not_certified
    if op.dispatch.status == "failed":
        _violation(recorder, op, "failed", float(op.load.station_kw[op.row].sum()), reason)
    elif reason:
        error = float(op.dispatch.relaxation_error[op.row].max(initial=0.0))
        _violation(recorder, op, "not_exact", error, reason)
    _record_cut_off(recorder, op)
    if np.isnan(op.realised.voltage_pu).any():
        sentence = (
            f"period {op.now.period}: the AC power flow has no solution with the realised load. "
            "The load is beyond what the feeder can carry."
        )
        _violation(recorder, op, "no_ac_solution", float(op.station_kw.sum()), sentence)
    if op.dispatch.status == "locally optimal":
        gap = op.dispatch.optimality_gap
        sentence = f"period {op.now.period}: {locally_optimal(gap)}"
        _violation(recorder, op, "locally_optimal", gap, sentence)
    for sentence in non_positive_prices(np.array([op.price_cny_per_kwh]), first_period=op.now.period):
        _record(recorder, op, place="tariff", kind="price", amount=-op.price_cny_per_kwh, sentence=sentence)
    _record_realised_voltage(recorder, op)
    _record_realised_current(recorder, op)
    _record_realised_source(recorder, op)


def _record_cut_off(recorder: Recorder, op: Operation) -> None:
    """Record the load that is cut off and that the dispatch did not know of."""
    lost_kw = op.carried_out.base_shed_kw[op.row] - op.dispatch.base_shed_kw[op.row]
    for bus in np.flatnonzero(lost_kw > POWER_NOTICED_KW).tolist():
        place, amount = at_bus(op.feeder.bus_names[bus]), float(lost_kw[bus])
        sentence = f"period {op.now.period}, {place}: {amount:.1f} kW are not served: the bus is cut off, unforeseen."
        _violation(recorder, op, "cut_off", amount, sentence, place)


def _record_realised_voltage(recorder: Recorder, op: Operation) -> None:
    """Record the bus that the realised load took farthest outside its limits, farther than planned."""
    feeder, (low, high) = op.network, op.network.voltage_limits_pu
    planned, realised = (
        np.maximum(low - voltage, voltage - high)
        for voltage in (op.dispatch.voltage_pu[op.row], op.realised.voltage_pu)
    )
    farther = realised - np.maximum(planned, 0.0) > FARTHER_THAN_PLANNED_PU
    new = (
        farther | (planned <= VOLTAGE_NOTICED_PU) | (op.dispatch.status == "failed")
    )  # a fallback plans nothing
    outside = np.where(new, np.nan_to_num(realised), 0.0)
    outside[[*feeder.slack_buses.tolist(), *feeder.cut_off]] = 0.0
    worst = int(np.argmax(outside))
    if outside[worst] > VOLTAGE_NOTICED_PU:
        place = at_bus(feeder.bus_names[worst])
        advice = FALLBACK if op.dispatch.status == "failed" else MARGIN
        sentence = (
            f"period {op.now.period}, {place}: {op.realised.voltage_pu[worst]:.4f} p.u. with the realised load; "
            f"the limits are {low[worst]:g} to {high[worst]:g}. {advice}"
        )
        amount = float(outside[worst])
        _violation(recorder, op, "realised_voltage", amount, sentence, place)


def _record_realised_current(recorder: Recorder, op: Operation) -> None:
    """Record the branch that the realised load overloads most."""
    feeder = op.network
    over_a = (np.nan_to_num(op.realised.branch_current_pu) - feeder.current_max_pu) * feeder.current_base_a
    worst = int(np.argmax(over_a))
    if over_a[worst] > CURRENT_NOTICED_A:
        place = f"branch {feeder.branch_names[worst]}"
        sentence = (
            f"period {op.now.period}, {place}: {over_a[worst]:.1f} A above its limit with the realised load. "
            "Plan with a margin: raise grid.current_margin."
        )
        amount = float(over_a[worst])
        _violation(recorder, op, "realised_current", amount, sentence, place)


def _record_realised_source(recorder: Recorder, op: Operation) -> None:
    """Record that with the realised load the sources have to give more than they may, all together."""
    limits = op.feeder.source_limits_kva
    if limits is None or any(v.kind == "source_limit" for v in op.dispatch.violations):
        return
    most_kw = float(limits[:, 1].sum())
    over_kw = float(np.nan_to_num(op.realised.slack_kw)) - most_kw
    if over_kw > POWER_NOTICED_KW:
        sentence = (
            f"period {op.now.period}: the source gives {over_kw:.1f} kW more than its limit of {most_kw:,.5g} kW with "
            "the realised load. Plan with a margin: lower the limit in the network."
        )
        _violation(recorder, op, "realised_source", over_kw, sentence)


def _violation(
    recorder: Recorder, op: Operation, kind: str, amount: float, sentence: str, place: str = ""
) -> None:
    """Record what concerns the feeder, or a *place* on it."""
    feeder = op.feeder.name
    where = f"feeder {feeder}, {place}" if place else f"feeder {feeder}"
    _record(recorder, op, feeder=feeder, place=where, kind=kind, amount=amount, sentence=sentence)


def _record(recorder: Recorder, op: Operation, *, sentence: str, **columns: str | float) -> None:
    dated = sentence if op.now.day == 1 else f"day {op.now.day}, {sentence}"
    recorder.add_row("violations", day=op.now.day, period=op.now.period, sentence=dated, **columns)
