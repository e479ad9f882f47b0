"""AC power flow of all periods at once by backward-forward sweeps, in NumPy alone.

It shares nothing with pandapower or the cone programme, so that it can serve as their second check.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.flow import PowerFlow
from cosim.grid.radial import BASE_KVA, ComplexArray, Feeder

SMALL = 128
"""Buses of a feeder whose incidence is kept as a dense matrix."""


def sweep_power_flow(
    feeder: Feeder,
    injection_kw: FloatArray,
    injection_kvar: FloatArray,
    *,
    tolerance_pu: float = 1e-12,
    iterations_max: int = 200,
) -> PowerFlow:
    """Return the AC power flow of every row of (periods, buses) injections.

    Backward: the current of a branch is that of all buses below it. Forward: every bus has the slack
    voltage less the drops on its way; taps are moved into the base voltages. Raises ``SolverError`` if the
    voltages still move after *iterations_max* sweeps.
    """
    power: ComplexArray = np.asarray(injection_kw + 1j * injection_kvar, dtype=np.complex128) / BASE_KVA
    voltage, current = _sweep(feeder, power, tolerance_pu, iterations_max)
    scale = feeder.ratio_to_slack
    return _result(feeder, power, voltage / scale, current * scale[feeder.to_bus])


def sweep_voltage(
    feeder: Feeder, power_pu: ComplexArray, *, tolerance_pu: float = 1e-12, iterations_max: int = 200
) -> ComplexArray:
    """Return the complex voltages [p.u.] of the buses at *power_pu* (of 1 MVA, positive for generation)."""
    voltage: ComplexArray = _sweep(feeder, power_pu, tolerance_pu, iterations_max)[0] / feeder.ratio_to_slack
    return voltage


def _sweep(
    feeder: Feeder, power: ComplexArray, tolerance_pu: float, iterations_max: int
) -> tuple[ComplexArray, ComplexArray]:
    """Return the voltages of the buses and the currents of the branches, as if there were no taps."""
    plain = _without_taps(feeder)
    voltage: ComplexArray = np.broadcast_to(plain.no_load, power.shape)
    for _ in range(iterations_max):
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            current = (plain.shunt * voltage - np.conj(power / voltage)) @ plain.above
            updated = plain.no_load - (current * plain.impedance) @ plain.below
        moved = np.abs(updated - voltage).max(initial=0.0)
        voltage = updated
        if moved <= tolerance_pu:
            return voltage, current
        if not np.isfinite(moved):
            break
    msg = f"feeder {feeder.name}: the sweep does not converge. The load is beyond what the feeder carries."
    raise SolverError(msg)


@dataclass(frozen=True, slots=True)
class _Plain:
    """A feeder as if it had no taps, see `Feeder.ratio_to_slack`."""

    impedance: ComplexArray
    shunt: ComplexArray
    no_load: ComplexArray
    """The slack voltage each bus would have if no current flowed."""
    below: Any
    """Marks the buses each branch feeds, near and far; ``above`` is its transpose."""
    above: Any


@lru_cache(maxsize=32)
def _without_taps(feeder: Feeder) -> _Plain:
    scale, below = feeder.ratio_to_slack, _below(feeder)
    if feeder.bus_count <= SMALL:  # dense products are faster there
        below = below.toarray().astype(np.complex128)
    no_load = np.zeros(feeder.bus_count, dtype=np.complex128)
    no_load[feeder.slack_buses] = feeder.slack_voltages_pu
    for near, far in zip(feeder.from_bus, feeder.to_bus, strict=True):
        no_load[far] = no_load[near]
    impedance = (feeder.r_pu + 1j * feeder.x_pu) * scale[feeder.to_bus] ** 2
    shunt = feeder.admittance_at_bus / scale**2
    return _Plain(np.asarray(impedance, dtype=np.complex128), shunt, no_load, below, below.T.copy())


def _below(feeder: Feeder) -> sparse.csr_array:
    """Return the (branches, buses) matrix that marks the buses each branch feeds, near and far."""
    way: dict[int, list[int]] = {bus: [] for bus in feeder.slack_buses.tolist()}
    for branch, (near, far) in enumerate(zip(feeder.from_bus.tolist(), feeder.to_bus.tolist(), strict=True)):
        way[far] = [*way[near], branch]
    branches = [branch for bus in way for branch in way[bus]]
    fed = [bus for bus in way for _ in way[bus]]
    shape = (feeder.branch_count, feeder.bus_count)
    return sparse.csr_array((np.ones(len(fed)), (branches, fed)), shape=shape)


def _result(feeder: Feeder, power: ComplexArray, voltage: ComplexArray, current: ComplexArray) -> PowerFlow:
    behind_tap = voltage[..., feeder.from_bus] / feeder.ratio
    entering = (current + feeder.y_from_pu * behind_tap) / feeder.ratio
    sent = voltage[..., feeder.from_bus] * np.conj(entering)
    far = voltage[..., feeder.to_bus]
    received = far * np.conj(current - feeder.y_to_pu * far)
    at_slack = np.abs(voltage[..., feeder.slack_buses]) ** 2 * np.conj(feeder.shunt_pu[feeder.slack_buses])
    at_slack = at_slack - power[..., feeder.slack_buses]
    slack = sent[..., np.isin(feeder.from_bus, feeder.slack_buses)].sum(axis=-1) + at_slack.sum(axis=-1)
    return PowerFlow(
        voltage_pu=np.abs(voltage),
        branch_current_pu=np.abs(entering),
        branch_kw=sent.real * BASE_KVA,
        branch_kvar=sent.imag * BASE_KVA,
        losses_kw=(sent - received).real.sum(axis=-1) * BASE_KVA,
        slack_kw=slack.real * BASE_KVA,
        slack_kvar=slack.imag * BASE_KVA,
    )
