"""A feeder as a net of pandapower, ready to be solved again and again, and pandapower's admittances of it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.grid.feeder import Feeder
from cosim.grid.net_limits import rows_of
from cosim.grid.pandapower_net import POWER_FLOW
from cosim.grid.radial import ComplexArray
from cosim.kept_by_content import kept_by_content

TOLERANCE_MVA = 1e-10
"""Power mismatch at which Newton-Raphson stops; voltages are then good to about 1e-12 p.u."""
ROUNDING = 5e-15
"""Of the difference of two voltages [p.u.], with a margin."""


def tolerance_mva(feeder: Feeder) -> float:
    """Return `TOLERANCE_MVA`, or more where an impedance is so small that its current is rounded by more."""
    impedance = np.hypot(feeder.r_pu, feeder.x_pu)
    rounded = ROUNDING / impedance[impedance > 0].min(initial=1.0)
    return float(max(TOLERANCE_MVA, rounded))


@dataclass(frozen=True, slots=True)
class ReadyNet:
    """A pandapower net with a load for each bus of ``load_bus``, and where a feeder's parts are in it."""

    net: Any
    load_bus: IntArray
    load_row: IntArray
    """Position in the table of loads; what else stands there draws nothing."""
    bus_row: IntArray
    branch_row: IntArray
    branch: IntArray
    reversed: BoolArray
    scale: FloatArray
    """Voltage in the net over voltage in the feeder [p.u.]."""
    admittances: Any = None
    """A `Admittances`; None where the feeder's buses are not all of the net's, so that a sweep knows too little."""


@dataclass(frozen=True, slots=True, eq=False)
class Admittances:
    """pandapower's admittance matrices of a net [p.u. of *base_kva*]: of the buses, and of the branches' two ends."""

    base_kva: float
    bus: Any
    from_row: IntArray
    to_row: IntArray
    admittance_from: Any
    admittance_to: Any

    def sent_kva(self, voltage: ComplexArray) -> ComplexArray:
        """Return what every bus sends into the net."""
        return self._power_kva(voltage, self.bus @ voltage)

    def ends_kva(self, voltage: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        """Return what enters every branch at its two ends."""
        return (
            self._power_kva(voltage[self.from_row], self.admittance_from @ voltage),
            self._power_kva(voltage[self.to_row], self.admittance_to @ voltage),
        )

    def _power_kva(self, voltage: ComplexArray, current: ComplexArray) -> ComplexArray:
        power: ComplexArray = voltage * np.conj(current) * self.base_kva
        return power


@lru_cache(maxsize=32)
def ready_net(feeder: Feeder) -> ReadyNet:
    """Return the net to solve: the one the feeder was read from, else one of lines. Built once, loads change."""
    return _ready_net(feeder)


@kept_by_content(16)
def _ready_net(feeder: Feeder) -> ReadyNet:
    """Return it once for all feeders that are alike, as those of the members of a sweep."""
    joined = ((feeder.r_pu == 0) & (feeder.x_pu == 0)).any()
    ready = _net_of_lines(feeder) if feeder.origin is None or joined else _net_as_read(feeder)
    return replace(ready, admittances=_admittances(feeder, ready))


def _admittances(feeder: Feeder, ready: ReadyNet) -> Admittances | None:
    """Return pandapower's admittances of a net whose buses are the feeder's and where only slack buses generate."""
    import pandapower
    from pandapower.pypower import idx_brch as at
    from pandapower.pypower.makeYbus import makeYbus

    try:  # without load: the model is built on the way
        pandapower.runpp(ready.net, **POWER_FLOW, tolerance_mva=tolerance_mva(feeder))
    except pandapower.LoadflowNotConverged:
        ready.net._ppc = None  # noqa: SLF001
        return None
    model = ready.net._ppc  # noqa: SLF001
    bus, branch = model["bus"], model["branch"]
    whole = np.array_equal(np.sort(ready.bus_row), np.arange(len(bus)))
    served = np.isin(np.arange(feeder.bus_count), ready.load_bus).all()
    if not (whole and served and len(model["gen"]) == feeder.slack_buses.size):
        return None
    at_buses, *at_ends = makeYbus(model["baseMVA"], bus, branch)
    rows = (branch[:, end].real.astype(np.int64) for end in (at.F_BUS, at.T_BUS))
    return Admittances(float(model["baseMVA"]) * 1e3, at_buses, *rows, *at_ends)


def _net_as_read(feeder: Feeder) -> ReadyNet:
    """Return the net the feeder was read from, with one load per bus in place of all that it serves."""
    import copy

    origin = feeder.origin
    net = copy.deepcopy(origin.net)
    held = dict(
        zip(origin.bus_row[feeder.slack_buses].tolist(), feeder.slack_voltages_pu.tolist(), strict=True)
    )
    alive = net.bus.index[net.bus.in_service.astype(bool)]
    grids = net.ext_grid.index[net.ext_grid.in_service.astype(bool) & net.ext_grid.bus.isin(alive)]
    net.ext_grid.loc[grids, "vm_pu"] = [held[int(rows_of(net, bus))] for bus in net.ext_grid.bus[grids]]
    net._ppc = None  # noqa: SLF001  the model it was read from has other slack voltages
    served = np.flatnonzero(origin.bus >= 0)
    load = net.load.reset_index().set_index("bus").index.get_indexer(origin.bus[served])
    ones = np.ones(feeder.bus_count)
    return ReadyNet(
        net, served, load, origin.bus_row, origin.branch_row, origin.branch, origin.reversed, ones
    )


@cache
def _empty_net() -> Any:
    """Return a net without anything in it: half a second to make, and no time to copy."""
    import pandapower

    return pandapower.create_empty_network(sn_mva=1.0)


def _net_of_lines(feeder: Feeder) -> ReadyNet:
    """Return the feeder as lines and shunts; taps are moved into the base voltages, see `ratio_to_slack`.

    A branch without impedance is a closed switch, its charging shunts.
    """
    import copy

    import pandapower

    scale, buses = feeder.ratio_to_slack, np.arange(feeder.bus_count)
    at_branch, shunt = scale[feeder.to_bus], feeder.shunt_pu / scale**2
    z_pu = (feeder.r_pu + 1j * feeder.x_pu) * at_branch**2
    near, far = feeder.y_from_pu / at_branch**2, feeder.y_to_pu / at_branch**2
    joined, branches = z_pu == 0, np.flatnonzero(z_pu)
    ends = feeder.from_bus, feeder.to_bus
    for end, admittance in zip(ends, (near, far), strict=True):
        np.add.at(shunt, end[joined], admittance[joined])
    net = copy.deepcopy(_empty_net())
    pandapower.create_buses(net, feeder.bus_count, vn_kv=1.0)
    pandapower.create_impedances(
        net, ends[0][branches], ends[1][branches], z_pu.real[branches], z_pu.imag[branches], 1.0,
        gf_pu=near.real[branches], bf_pu=near.imag[branches], gt_pu=far.real[branches], bt_pu=far.imag[branches],
    )  # fmt: skip
    for bus in np.flatnonzero(shunt).tolist():
        pandapower.create_shunt(net, bus, p_mw=shunt[bus].real, q_mvar=-shunt[bus].imag)
    pandapower.create_loads(net, buses=buses, p_mw=0.0, q_mvar=0.0)
    for bus, vm_pu in zip(feeder.slack_buses.tolist(), feeder.slack_voltages_pu.tolist(), strict=True):
        pandapower.create_ext_grid(net, bus, vm_pu=vm_pu)
    rows = buses
    if joined.any():
        pandapower.create_switches(net, ends[0][joined], ends[1][joined], et="b")
        with suppress(pandapower.LoadflowNotConverged):
            pandapower.runpp(net, **POWER_FLOW)
        rows = rows_of(net, buses)
    turned = np.zeros(branches.size, dtype=bool)
    return ReadyNet(net, buses, buses, rows, np.arange(branches.size), branches, turned, scale)
