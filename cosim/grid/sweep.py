"""AC power flow of all periods at once by backward-forward sweeps, in NumPy alone.

It shares nothing with pandapower or the cone programme, so that it can serve as their second check.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

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
            current = plain.sums.below(plain.shunt * voltage - np.conj(power / voltage))
            updated = plain.no_load - plain.sums.on_the_way(current * plain.impedance)
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
    sums: "_Sums"


@lru_cache(maxsize=32)
def _without_taps(feeder: Feeder) -> _Plain:
    scale = feeder.ratio_to_slack
    no_load = np.zeros(feeder.bus_count, dtype=np.complex128)
    no_load[feeder.slack_buses] = feeder.slack_voltages_pu
    for near, far in zip(feeder.from_bus, feeder.to_bus, strict=True):
        no_load[far] = no_load[near]
    impedance = (feeder.r_pu + 1j * feeder.x_pu) * scale[feeder.to_bus] ** 2
    shunt = feeder.admittance_at_bus / scale**2
    sums: _Sums = _TreeSums(feeder)
    if feeder.bus_count <= SMALL:  # dense products are faster there
        marks = sums.on_the_way(np.eye(feeder.branch_count, dtype=np.complex128))
        sums = _DenseSums(marks, marks.T.copy())
    return _Plain(np.asarray(impedance, dtype=np.complex128), shunt, no_load, sums)


class _Sums(Protocol):
    """Sums over a feeder's trees, of (..., buses) and (..., branches)."""

    def below(self, at_bus: ComplexArray) -> ComplexArray:
        """Return for each branch the sum over the buses it feeds, near and far."""

    def on_the_way(self, of_branch: ComplexArray) -> ComplexArray:
        """Return for each bus the sum over the branches between its slack bus and it."""


@dataclass(frozen=True, slots=True)
class _DenseSums:
    """The sums as products with a (branches, buses) matrix that marks the buses each branch feeds."""

    marks: ComplexArray
    transposed: ComplexArray

    def below(self, at_bus: ComplexArray) -> ComplexArray:
        return at_bus @ self.transposed

    def on_the_way(self, of_branch: ComplexArray) -> ComplexArray:
        return of_branch @ self.marks


class _TreeSums:
    """The sums as solutions of triangular systems: each branch less the one that feeds it, one entry a branch."""

    def __init__(self, feeder: Feeder) -> None:
        branches, feeding = np.arange(feeder.branch_count), np.full(feeder.bus_count, -1)
        feeding[feeder.to_bus] = branches
        above = feeding[feeder.from_bus]
        fed = above >= 0
        entries = np.concatenate([np.ones(branches.size), np.full(fed.sum(), -1.0)]).astype(np.complex128)
        place = (np.concatenate([branches, branches[fed]]), np.concatenate([branches, above[fed]]))
        less = sparse.csc_array((entries, place), shape=(branches.size, branches.size))
        self.factor = splu(less, permc_spec="NATURAL", diag_pivot_thresh=0.0)
        self.feeder = feeder

    def below(self, at_bus: ComplexArray) -> ComplexArray:
        total: ComplexArray = self.factor.solve(at_bus[..., self.feeder.to_bus].T, "T").T
        return total

    def on_the_way(self, of_branch: ComplexArray) -> ComplexArray:
        total = np.zeros((*of_branch.shape[:-1], self.feeder.bus_count), dtype=np.complex128)
        total[..., self.feeder.to_bus] = self.factor.solve(of_branch.T).T
        return total


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
