"""The cells of a MATPOWER file as admittances of MATPOWER's manual: a reading apart from the feeder's."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from cosim.arrays import FloatArray, IntArray
from cosim.errors import SolverError
from cosim.grid.given_network import EXACT_PU, GivenFlow, Overrides, Power, overload, voltages_outside
from cosim.grid.matpower_columns import (
    BR_B,
    BR_R,
    BR_X,
    BS,
    BUS_I,
    F_BUS,
    GS,
    PD,
    QD,
    RATE_A,
    SHIFT,
    T_BUS,
    TAP,
    VM_MAX,
    VM_MIN,
    bus_label,
)
from cosim.grid.radial import ComplexArray, Feeder

STEPS_MAX = 1000
"""Of the fixed point, whose error shrinks by a factor in each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenCells:
    """The cells of a MATPOWER file, isolated buses left out; buses are in the order of the feeder."""

    base_mva: float
    bus: FloatArray
    branch: FloatArray
    """Of those in service, with positions of buses for their numbers."""
    generation_mva: ComplexArray
    """Injection of generators at PQ buses and of negative loads."""

    def flow(self, feeder: Feeder, power: Power, overrides: Overrides) -> GivenFlow:
        """Return the power flow in MATPOWER's admittances (manual, Eq. 3.2), by fixed-point steps."""
        ends, at_buses, loads, factor = _admittances(self, tuple(feeder.slack_buses.tolist()))
        demand = np.where(self.bus[:, PD] < 0, 0.0, self.bus[:, PD] + 1j * self.bus[:, QD])
        sent = (power.fed_in / 1e3 - power.share * demand + self.generation_mva) / self.base_mva
        voltage = np.zeros(feeder.bus_count, dtype=np.complex128)
        slacks = feeder.slack_buses
        voltage[slacks] = feeder.slack_voltages_pu
        drive = at_buses[loads][:, slacks] @ voltage[slacks]
        voltage[loads] = -factor.solve(drive)
        for _ in range(STEPS_MAX):
            with np.errstate(all="ignore"):
                updated = factor.solve(np.conj(sent[loads] / voltage[loads]) - drive)
            moved = np.abs(updated - voltage[loads]).max(initial=0.0)
            voltage[loads] = updated
            if not moved > EXACT_PU * 1e-4:
                break
        if not moved <= EXACT_PU * 1e-4:
            msg = "the power flow of the network as given does not converge."
            raise SolverError(msg)
        broken = [
            *self._broken_voltages(feeder, np.abs(voltage), overrides),
            *self._overloads(ends, voltage, overrides),
        ]
        return GivenFlow(voltage_pu=np.abs(voltage), broken=tuple(broken))

    def _broken_voltages(self, feeder: Feeder, voltage_pu: FloatArray, overrides: Overrides) -> Iterator[str]:
        low, high = overrides.voltage.limits(self.bus[:, VM_MIN], self.bus[:, VM_MAX])
        fed = np.setdiff1d(np.arange(feeder.bus_count), feeder.slack_buses)
        names = [feeder.bus_names[k] for k in fed]
        yield from voltages_outside(names, voltage_pu[fed], (low[fed], high[fed]))

    def _overloads(self, ends: Any, voltage: ComplexArray, overrides: Overrides) -> Iterator[str]:
        limit_pu = self.branch[:, RATE_A] / self.base_mva * overrides.branch_limit_scale
        limit_pu = np.where(limit_pu > 0, limit_pu, np.inf)
        loading = np.maximum(*(np.abs(end @ voltage) for end in ends)) / limit_pu
        for k in np.flatnonzero(loading > 1 + EXACT_PU):
            from_bus, to_bus = self.bus[self.branch[k, [F_BUS, T_BUS]].astype(int), BUS_I]
            yield overload(f"branch {bus_label(from_bus)}-{bus_label(to_bus)}", loading[k])


@lru_cache(maxsize=16)
def _admittances(given: GivenCells, slacks: tuple[int, ...]) -> tuple[Any, Any, IntArray, Any]:
    """Return the admittances of the branches' two ends and of the buses, the other buses, and their factors."""
    branch, count = given.branch, len(given.bus)
    from_bus, to_bus = branch[:, F_BUS].astype(int), branch[:, T_BUS].astype(int)
    series = 1 / (branch[:, BR_R] + 1j * branch[:, BR_X])
    tap = np.where(branch[:, TAP] == 0, 1.0, branch[:, TAP]) * np.exp(1j * np.deg2rad(branch[:, SHIFT]))
    own = series + 0.5j * branch[:, BR_B]
    lines = np.arange(len(branch))
    at = (np.tile(lines, 2), np.concatenate([from_bus, to_bus]))
    shape = (len(branch), count)
    first = sparse.csr_array(
        (np.concatenate([own / np.abs(tap) ** 2, -series / np.conj(tap)]), at), shape=shape
    )
    second = sparse.csr_array((np.concatenate([-series / tap, own]), at), shape=shape)
    begins, ends = (
        sparse.csr_array((np.ones(len(branch)), (lines, end)), shape=shape) for end in (from_bus, to_bus)
    )
    shunt = sparse.diags_array((given.bus[:, GS] + 1j * given.bus[:, BS]) / given.base_mva)
    at_buses = sparse.csr_array(begins.T @ first + ends.T @ second + shunt)
    loads = np.setdiff1d(np.arange(count), slacks)
    return (first, second), at_buses, loads, splu(sparse.csc_array(at_buses[loads][:, loads]))
