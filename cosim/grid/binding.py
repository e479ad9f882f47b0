"""Binding limits between a bus and its slack bus: branch currents at their maximum, voltages at their minimum."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.builder import marks
from cosim.grid.bus_words import at_bus
from cosim.grid.radial import BASE_KVA, ComplexArray, Feeder
from cosim.grid.solution import Solution
from cosim.grid.sources import SIGN, beyond, says

AT_LIMIT = 0.999
"""Loading from which a limit binds; what the solver leaves open is far less."""
AT_FLOOR_PU = 1e-3


def loading(solution: Solution, feeder: Feeder, row: int) -> FloatArray:
    """Return the current of each branch over its limit in a period, at its fuller end; 0 without a limit."""
    onward = (solution.branch_kw[row] + 1j * solution.branch_kvar[row]) @ marks(feeder.from_bus, feeder)
    drawn = onward - (solution.injection_kw[row] + 1j * solution.injection_kvar[row])
    drawn += np.conj(feeder.shunt_pu) * BASE_KVA * solution.voltage_pu[row] ** 2
    arriving_pu = np.abs(drawn[feeder.to_bus]) / BASE_KVA / solution.voltage_pu[row, feeder.to_bus]
    fuller: FloatArray = np.maximum(
        solution.branch_current_pu[row] / feeder.current_max_pu, arriving_pu / feeder.current_max_to_pu
    )
    return fuller


def supply_kva(solution: Solution, feeder: Feeder) -> ComplexArray:
    """Return what each slack bus takes from the upper grid in each period, P + jQ [kW, kvar]."""
    at = feeder.slack_buses
    leaving = (solution.branch_kw + 1j * solution.branch_kvar) @ marks(feeder.from_bus, feeder)
    drawn = np.conj(feeder.shunt_pu[at]) * BASE_KVA * solution.voltage_pu[:, at] ** 2
    supply: ComplexArray = (
        leaving[:, at] + drawn - (solution.injection_kw + 1j * solution.injection_kvar)[:, at]
    )
    return supply


class Ways:
    """The ways from all buses to their slack buses in one period."""

    def __init__(self, solution: Solution, feeder: Feeder, row: int) -> None:
        """Go out from the slack buses once."""
        self.feeder = feeder
        self.voltage_pu = solution.voltage_pu[row]
        self.loading, self.limit_a = loading(solution, feeder, row), _limits_a(feeder)
        self.source = _full_sources(solution, feeder, row)
        """The source of each bus that is at its limit, in words; empty where it is not."""
        self.full: list[tuple[int, ...]] = [()] * feeder.bus_count
        """The branches at their limits on each bus's way, the nearest first."""
        self.lowest = list(range(feeder.bus_count))
        """The bus on each bus's way, slack buses apart, whose voltage is lowest above what is allowed there."""
        margin, slack = self.voltage_pu - feeder.voltage_limits_pu[0], set(feeder.slack_buses.tolist())
        at_limit = (self.loading >= AT_LIMIT).tolist()
        for k, (near, far) in enumerate(zip(feeder.from_bus.tolist(), feeder.to_bus.tolist(), strict=True)):
            self.source[far] = self.source[near]
            self.full[far] = (k, *self.full[near]) if at_limit[k] else self.full[near]
            if near not in slack and margin[self.lowest[near]] < margin[far]:
                self.lowest[far] = self.lowest[near]

    def what_binds(self, bus: int, floor_pu: float) -> str:
        """Return what keeps power from a bus, with its numbers and what to do; empty where nothing shows."""
        if full := self.full_branches(bus):
            return full
        lowest = self.lowest[bus]
        voltage_pu, required_pu = self.voltage_pu[lowest], float(self.feeder.voltage_limits_pu[0][lowest])
        if voltage_pu <= required_pu + AT_FLOOR_PU:
            at_floor = voltage_pu <= floor_pu + AT_FLOOR_PU
            least_pu, key = (
                (floor_pu, "grid.elastic.voltage_floor_pu")
                if at_floor
                else (required_pu, "grid.voltage_min_pu")
            )
            return (
                f"The voltage at {at_bus(self.feeder.bus_names[lowest])} is {voltage_pu:.4f} p.u.; allowed are "
                f"{least_pu:g}. Raise grid.slack_voltage_pu, or lower {key}."
            )
        return self.source[bus]

    def full_branches(self, bus: int) -> str:
        """Return which branches on the way are at their limits, and what to do; empty where none is."""
        if not (full := self.full[bus]):
            return ""
        named = ", ".join(
            f"branch {self.feeder.branch_names[k]} ({self.loading[k]:.1%} of {self.limit_a[k]:.0f} A)"
            for k in full
        )
        return (
            f"At its limit on the way is {named}. Raise the limit there, or all by grid.branch_limit_scale."
        )


def _full_sources(solution: Solution, feeder: Feeder, row: int) -> list[str]:
    """Return of each slack bus whose source gives the most it may, that it does; of every other bus nothing."""
    found = [""] * feeder.bus_count
    if feeder.source_limits_kva is None:
        return found
    outside = beyond(supply_kva(solution, feeder)[row], feeder.source_limits_kva)
    full = outside >= -(1 - AT_LIMIT) * np.abs(feeder.source_limits_kva)
    stated = np.isfinite(feeder.source_limits_kva) & (SIGN > 0)
    for slack, column in np.argwhere(full & stated).tolist():
        bus, limit = feeder.slack_buses[slack], float(feeder.source_limits_kva[slack, column])
        found[bus] = (
            f"The source at {at_bus(feeder.bus_names[bus])} is at its limit, {says(limit, column)}. "
            "Raise it in the network, or lift it by grid.source_limits=false."
        )
    return found


def _limits_a(feeder: Feeder) -> FloatArray:
    """Return the limit of each branch in amperes: at its sending end, else at its receiving end."""
    far_kv = np.broadcast_to(feeder.v_base_kv, feeder.bus_count)[feeder.to_bus]
    far_a = feeder.current_max_to_pu * BASE_KVA / (np.sqrt(3.0) * far_kv)
    near_a = feeder.current_max_pu * feeder.current_base_a
    return np.where(np.isfinite(feeder.current_max_pu), near_a, far_a)
