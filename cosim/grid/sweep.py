"""AC power flow of all periods at once by backward-forward sweeps, in NumPy alone.

It shares nothing with pandapower or the cone programme, so that it can serve as their second check.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.feeder import BASE_KVA, Feeder
from cosim.grid.power_flow import PowerFlow

_Complex = NDArray[np.complex128]


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
    voltage less the drops on its way. Raises ``SolverError`` if the voltages still move after
    *iterations_max* sweeps.
    """
    power: _Complex = np.asarray(injection_kw + 1j * injection_kvar, dtype=np.complex128) / BASE_KVA
    impedance = feeder.r_pu + 1j * feeder.x_pu
    below = _below(feeder)
    voltage: _Complex = np.full(power.shape, feeder.slack_voltage_pu, dtype=np.complex128)
    for _ in range(iterations_max):
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            current = -np.conj(power / voltage) @ below.T
            updated = feeder.slack_voltage_pu - (current * impedance) @ below
        moved = np.abs(updated - voltage).max(initial=0.0)
        voltage = updated
        if moved <= tolerance_pu:
            return _result(feeder, power, voltage, current)
        if not np.isfinite(moved):
            break
    msg = f"feeder {feeder.name}: the sweep does not converge. The load is beyond what the feeder carries."
    raise SolverError(msg)


def _below(feeder: Feeder) -> sparse.csr_array:
    """Return the (branches, buses) matrix that marks the buses each branch feeds, near and far."""
    way: dict[int, list[int]] = {feeder.slack_bus: []}
    for branch, (near, far) in enumerate(zip(feeder.from_bus.tolist(), feeder.to_bus.tolist(), strict=True)):
        way[far] = [*way[near], branch]
    branches = [branch for bus in way for branch in way[bus]]
    fed = [bus for bus in way for _ in way[bus]]
    shape = (feeder.branch_count, feeder.bus_count)
    return sparse.csr_array((np.ones(len(fed)), (branches, fed)), shape=shape)


def _result(feeder: Feeder, power: _Complex, voltage: _Complex, current: _Complex) -> PowerFlow:
    sent = voltage[..., feeder.from_bus] * np.conj(current) * BASE_KVA
    losses_kw = (np.abs(current) ** 2 @ feeder.r_pu) * BASE_KVA
    from_slack = sent[..., feeder.from_bus == feeder.slack_bus].sum(axis=-1)
    slack = from_slack - power[..., feeder.slack_bus] * BASE_KVA
    return PowerFlow(
        voltage_pu=np.abs(voltage),
        branch_current_pu=np.abs(current),
        branch_kw=sent.real,
        branch_kvar=sent.imag,
        losses_kw=losses_kw,
        slack_kw=slack.real,
        slack_kvar=slack.imag,
    )
