"""Binding limits between a bus and its slack bus: branch currents at their maximum, voltages at their minimum."""

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.grid.bus_words import at_bus
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.solution import Solution

AT_LIMIT = 0.999
"""Loading from which a limit binds; what the solver leaves open is far less."""
AT_FLOOR_PU = 1e-3


def loading(solution: Solution, feeder: Feeder) -> FloatArray:
    """Return the current of each branch over its limit, at its fuller end, (periods, branches); 0 without a limit."""
    child = np.zeros((feeder.branch_count, feeder.bus_count))
    child[np.arange(feeder.branch_count), feeder.from_bus] = 1.0
    onward = (solution.branch_kw + 1j * solution.branch_kvar) @ child
    drawn = onward - (solution.injection_kw + 1j * solution.injection_kvar)
    drawn += np.conj(feeder.shunt_pu) * BASE_KVA * solution.voltage_pu**2
    arriving_pu = np.abs(drawn[:, feeder.to_bus]) / BASE_KVA / solution.voltage_pu[:, feeder.to_bus]
    fuller: FloatArray = np.maximum(
        solution.branch_current_pu / feeder.current_max_pu, arriving_pu / feeder.current_max_to_pu
    )
    return fuller


def way_to_slack(feeder: Feeder, bus: int) -> IntArray:
    """Return the branches from a bus to its slack bus."""
    feeding = dict(zip(feeder.to_bus.tolist(), range(feeder.branch_count), strict=True))
    way = []
    while bus in feeding:
        way.append(feeding[bus])
        bus = int(feeder.from_bus[way[-1]])
    return np.array(way, dtype=np.int64)


def what_binds(solution: Solution, feeder: Feeder, row: int, bus: int, floor_pu: float) -> str:
    """Return what keeps power from a bus in a period, with its numbers and what to do; empty where nothing shows."""
    way = way_to_slack(feeder, bus)
    if full := full_branches(solution, feeder, row, way):
        return full
    passed = np.append(feeder.to_bus[way], bus)
    allowed_pu = feeder.voltage_limits_pu[0]
    lowest = int(passed[np.argmin(solution.voltage_pu[row, passed] - allowed_pu[passed])])
    voltage_pu = solution.voltage_pu[row, lowest]
    required_pu = float(allowed_pu[lowest])
    if voltage_pu <= required_pu + AT_FLOOR_PU:
        at_floor = voltage_pu <= floor_pu + AT_FLOOR_PU
        least_pu, key = (
            (floor_pu, "grid.elastic.voltage_floor_pu") if at_floor else (required_pu, "grid.voltage_min_pu")
        )
        return (
            f"The voltage at {at_bus(feeder.bus_names[lowest])} is {voltage_pu:.4f} p.u.; allowed are {least_pu:g}. "
            f"Raise grid.slack_voltage_pu, or lower {key}."
        )
    return ""


def full_branches(solution: Solution, feeder: Feeder, row: int, way: IntArray) -> str:
    """Return which branches on the way to the slack bus are at their limits, and what to do; empty where none is."""
    full = loading(solution, feeder)[row, way]
    if not (full >= AT_LIMIT).any():
        return ""
    base_a = np.broadcast_to(feeder.current_base_a, feeder.branch_count)
    far_kv = np.broadcast_to(feeder.v_base_kv, feeder.bus_count)[feeder.to_bus]
    far_a = feeder.current_max_to_pu * BASE_KVA / (np.sqrt(3.0) * far_kv)
    limit_a = np.where(np.isfinite(feeder.current_max_pu), feeder.current_max_pu * base_a, far_a)
    named = ", ".join(
        f"branch {feeder.branch_names[k]} ({share:.1%} of {limit_a[k]:.0f} A)"
        for k, share in zip(way.tolist(), full, strict=True)
        if share >= AT_LIMIT
    )
    return f"At its limit on the way is {named}. Raise the limit there, or all by grid.branch_limit_scale."
