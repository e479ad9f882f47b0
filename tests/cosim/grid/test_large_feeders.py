"""Claims on growth: what a dispatch allocates grows with its buses. Counted in bytes and entries, not in seconds."""

import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np

from cosim.grid.binding import Ways
from cosim.grid.compiled_period import compile_period
from cosim.grid.device import DemandResponse, Devices, Renewable, Storage
from cosim.grid.model import ProblemStructure
from cosim.grid.problem import Elastic
from cosim.grid.radial import Feeder
from cosim.grid.sweep import sweep_power_flow

SIZES = (100, 200, 400)
LINEAR = 3.0
"""Factor at twice the buses; what is linear has 2, a square has 4."""


def feeder(buses: int, *, deep: bool = False) -> Feeder:
    """A feeder whose branches have charging and limits; *deep* is one line from end to end."""
    to_bus, branches = np.arange(1, buses), buses - 1
    return Feeder(
        name=f"{buses} buses",
        bus_names=tuple(map(str, range(buses))),
        branch_names=tuple(map(str, range(branches))),
        slack_bus=0,
        from_bus=to_bus - 1 if deep else to_bus // 3,
        to_bus=to_bus,
        r_pu=np.full(branches, 1e-4),
        x_pu=np.full(branches, 1e-4),
        y_from_pu=np.full(branches, 1e-4j),
        y_to_pu=np.full(branches, 1e-4j),
        current_max_pu=np.full(branches, 10.0),
        v_base_kv=12.66,
        load_kw=np.r_[0.0, np.full(branches, 1.0)],
        load_kvar=np.r_[0.0, np.full(branches, 0.3)],
    )


def structure(buses: int) -> ProblemStructure:
    at = [str(bus) for bus in range(1, buses, 3)]
    sun = np.array([0.5])
    devices = Devices(
        *(DemandResponse(bus=bus) for bus in at),
        *(Storage(name=f"s {bus}", bus=bus) for bus in at),
        *(Renewable(name=f"pv {bus}", bus=bus, kind="pv", profile_pu=sun) for bus in at),
    )
    return ProblemStructure(
        feeder=feeder(buses),
        devices=devices,
        period_h=1.0,
        export=False,
        elastic=Elastic(),
    )


def peak_bytes(work: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def growth(of_size: list[int]) -> float:
    return max(larger / smaller for smaller, larger in pairwise(of_size))


def test_a_compiled_period_grows_with_the_buses() -> None:
    """Charging, limits and devices at a third of all buses: no square, in the problem or on the way to it."""
    entries, peaks = [], []
    for buses in SIZES:
        asked = structure(buses)
        peaks.append(peak_bytes(lambda: compile_period.__wrapped__(asked)))  # noqa: B023
        period = compile_period(asked)
        entries.append(period.entry_map.nnz + period.b_map.nnz + period.q_map.nnz + period.link.nnz)
    assert growth(entries) <= LINEAR
    assert growth(peaks) <= LINEAR


def test_a_sweep_grows_with_the_buses_however_deep_the_feeder() -> None:
    peaks = []
    for buses in SIZES:
        line = feeder(buses, deep=True)
        injection = -1e-3 * np.tile(line.load_kw, (4, 1))
        peaks.append(peak_bytes(lambda: sweep_power_flow(line, injection, injection)))  # noqa: B023
    assert growth(peaks) <= LINEAR


def test_what_binds_is_found_for_all_buses_by_going_out_once() -> None:
    peaks = []
    for buses in SIZES:
        line = feeder(buses, deep=True)
        flow = sweep_power_flow(line, -1e-2 * line.load_kw[None, :], -1e-2 * line.load_kvar[None, :])
        injection = {"injection_kw": -1e-2 * line.load_kw[None, :], "injection_kvar": np.zeros((1, buses))}
        of_flow = {
            name: getattr(flow, name)
            for name in ("branch_kw", "branch_kvar", "branch_current_pu", "voltage_pu")
        }
        solution: Any = SimpleNamespace(**of_flow, **injection)
        peaks.append(peak_bytes(lambda: Ways(solution, line, 0).what_binds(buses - 1, 0.8)))  # noqa: B023
    assert growth(peaks) <= LINEAR
