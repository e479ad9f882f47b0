"""A dispatch put back into the network as the user gave it: the check that no model of ours stands behind.

A pandapower net is run untouched, with its own loads, taps, switches and limits; CSV tables are read a second time into
lines of pandapower; the cells of a MATPOWER file become the admittance matrix of MATPOWER's manual. What is dispatched
comes on top as feed-in. The voltages must be those of the dispatch, and the limits those of that network.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from cosim.arrays import FloatArray, IntArray
from cosim.errors import SolverError
from cosim.grid.bus_words import at_bus
from cosim.grid.net_elements import PLACEHOLDER_KA
from cosim.grid.net_sources import quiet
from cosim.grid.problem import Load
from cosim.grid.radial import ComplexArray, Feeder
from cosim.grid.solution import Dispatch
from cosim.grid.voltage_rules import VoltageRules

EXACT_PU = 1e-6
"""A voltage that differs by more is not that of the network; a limit may be missed by as much."""
TOLERANCE_MVA = 1e-9
STEPS_MAX = 1000
"""Of the fixed point, whose error shrinks by a factor in each."""
PD, QD, GS, BS, VM_MAX, VM_MIN = 2, 3, 4, 5, 11, 12
"""Columns of MATPOWER's table of buses."""
FROM, TO, R, X, B, RATE_A, RATIO, ANGLE = 0, 1, 2, 3, 4, 5, 8, 9
"""Columns of its table of branches."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Power:
    """What each bus of a feeder draws and feeds in, in one period: P + jQ [kW, kvar]."""

    share: FloatArray
    """The load of the bus as a share of its nominal load."""
    fed_in: ComplexArray
    """What comes on top of that load and of the network's own generators: devices, stations, load that is shed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenFlow:
    """The power flow of the network as given: the voltage of each bus of the feeder, and what is outside its limits."""

    voltage_pu: FloatArray
    """NaN at the end of an open line, which is no bus of that network."""
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the user sets in place of what the network says."""

    voltage: VoltageRules
    branch_limit_scale: float = 1.0


class GivenNetwork(Protocol):
    """A network as the user gave it."""

    def flow(self, feeder: Feeder, power: Power, overrides: Overrides) -> GivenFlow:
        """Return its power flow; raise ``SolverError`` where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """What a feeder was read from, and the user's overrides."""

    network: GivenNetwork
    overrides: Overrides

    @classmethod
    def under(cls, network: GivenNetwork, voltage: VoltageRules | None) -> "Given":
        """Return the network with the user's limits, if any."""
        return cls(network=network, overrides=Overrides(voltage=voltage or VoltageRules()))

    def scaled(self, branch_limit_scale: float) -> "Given":
        """Return the network with all limits of branches times a factor."""
        return replace(self, overrides=replace(self.overrides, branch_limit_scale=branch_limit_scale))


def check_against_given(feeder: Feeder, dispatch: Dispatch, load: Load, row: int) -> Dispatch:
    """Return the dispatch, no longer certified where the network as given has other voltages or breaks a limit.

    Where the dispatch says itself that limits are broken, only the voltages are compared.
    """
    if feeder.given is None or dispatch.status == "failed":
        return dispatch
    period = f"period {dispatch.first_period + row}"
    try:
        with quiet():
            flow = feeder.given.network.flow(
                feeder, _power(feeder, dispatch, load, row), feeder.given.overrides
            )
    except SolverError as error:
        return _not_certified(dispatch, f"{period}: {error}")
    apart = np.abs(flow.voltage_pu - dispatch.voltage_pu[row])
    mismatch_pu = dispatch.ac_mismatch_pu.copy()
    mismatch_pu[row] = np.fmax(mismatch_pu[row], np.nanmax(apart))
    checked = replace(dispatch, ac_mismatch_pu=mismatch_pu)
    if not np.nanmax(apart) <= EXACT_PU:
        bus = at_bus(feeder.bus_names[int(np.nanargmax(apart))])
        sentence = (
            f"{period}, {bus}: the voltage in the network as given differs by {np.nanmax(apart):.1e} p.u."
        )
        return _not_certified(checked, sentence)
    if flow.broken and not dispatch.violations:
        return _not_certified(checked, f"{period}, {flow.broken[0]}")
    return checked


def _not_certified(dispatch: Dispatch, reason: str) -> Dispatch:
    """Return the dispatch with one more reason, unless it has another already."""
    first = dispatch.reason_not_certified or reason
    return replace(dispatch, status="not certified", reason_not_certified=first)


def _power(feeder: Feeder, dispatch: Dispatch, load: Load, row: int) -> Power:
    """Return what one period of a dispatch draws and feeds in; load that is no share of the nominal one is fed in."""
    base = load.base_kw[row] + 1j * load.base_kvar[row]
    nominal = feeder.load_kw + 1j * feeder.load_kvar + feeder.generation_kva
    demand = base + feeder.generation_kva
    reference = np.where(nominal.real != 0, nominal.real, nominal.imag)
    wanted = np.where(nominal.real != 0, demand.real, demand.imag)
    share = np.divide(wanted, reference, out=np.ones(feeder.bus_count), where=reference != 0)
    injection = dispatch.injection_kw[row] + 1j * dispatch.injection_kvar[row]
    fed_in = injection + share * nominal - feeder.generation_kva
    return Power(share=share, fed_in=np.asarray(fed_in, dtype=np.complex128))


def _outside(
    names: list[str], voltage_pu: FloatArray, limits: tuple[FloatArray, FloatArray]
) -> Iterator[str]:
    for name, voltage, low, high in zip(names, voltage_pu, *limits, strict=True):
        if not low - EXACT_PU <= voltage <= high + EXACT_PU:
            yield f"{at_bus(name)}: {voltage:.6f} p.u. in the network as given, which allows {low:g} to {high:g}."


def _overload(name: str, loading: float) -> str:
    return f"{name}: {loading:.4%} of its limit in the network as given."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenNet:
    """A pandapower net, untouched."""

    net: Any
    bus: IntArray
    """Index of a bus of the net at each bus of the feeder, -1 where it has none."""

    def flow(self, feeder: Feeder, power: Power, overrides: Overrides) -> GivenFlow:
        """Return pandapower's power flow with its own settings."""
        import pandapower

        bench = _workbench(self, overrides.voltage.slack_pu)
        net, served = bench.net, np.flatnonzero(self.bus >= 0)
        for table, column in SCALED:
            nominal = self.net[table][column]
            net[table][column] = nominal * power.share[[bench.node[bus] for bus in self.net[table].bus]]
        net.sgen.loc[net.sgen.index[-served.size :], "p_mw"] = power.fed_in.real[served] / 1e3
        net.sgen.loc[net.sgen.index[-served.size :], "q_mvar"] = power.fed_in.imag[served] / 1e3
        try:
            pandapower.runpp(net, numba=False, tolerance_mva=TOLERANCE_MVA, recycle=bench.from_its_start())
        except pandapower.LoadflowNotConverged as error:
            net._ppc = None  # noqa: SLF001  nothing of a flow that failed is used again
            msg = "pandapower finds no power flow of the network as given."
            raise SolverError(msg) from error
        voltage_pu = np.full(feeder.bus_count, np.nan)
        voltage_pu[served] = net.res_bus.vm_pu[self.bus[served]]
        return GivenFlow(voltage_pu=voltage_pu, broken=tuple(self._broken(feeder, bench, overrides)))

    def _broken(self, feeder: Feeder, bench: "_Workbench", overrides: Overrides) -> Iterator[str]:
        """Yield what is outside the limits of the net; slack buses hold what they hold."""
        net, node = bench.net, bench.node
        fed = [bus for bus, k in node.items() if k >= 0 and k not in feeder.slack_buses]
        stated = [
            (net.bus[column] if column in net.bus else net.bus.vn_kv * np.nan)[fed].to_numpy(float)
            for column in ("min_vm_pu", "max_vm_pu")
        ]
        names = [feeder.bus_names[node[bus]] for bus in fed]
        limits = overrides.voltage.limits(*stated)
        yield from _outside(names, net.res_bus.vm_pu[fed].to_numpy(), limits)
        for table in ("line", "trafo", "trafo3w"):
            allowed = net[table].get("max_loading_percent", net[table].in_service * 100.0)
            allowed = allowed.where(allowed > 0, 100.0) * overrides.branch_limit_scale
            if table == "line":
                allowed = allowed.where(
                    net.line.max_i_ka * net.line.df * net.line.parallel < PLACEHOLDER_KA, np.inf
                )
            loading = net[f"res_{table}"].loading_percent / allowed
            for index in loading.index[loading > 1 + EXACT_PU]:
                yield _overload(f"{table} {index}", loading[index])


SCALED = (
    ("load", "scaling"),
    ("asymmetric_load", "scaling"),
    ("motor", "scaling"),
    ("ward", "ps_mw"),
    ("ward", "qs_mvar"),
)
"""What of a pandapower net a profile scales."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Workbench:
    """A copy of a net with a source of 0 at each bus of the feeder."""

    net: Any
    node: dict[int, int]
    """The bus of the feeder that each bus of the net belongs to, -1 where there is none."""
    start: FloatArray | None
    """Voltages of the net's own loads, from which every flow starts; None where it cannot carry them."""

    def from_its_start(self) -> dict[str, bool] | None:
        """Return what pandapower may keep of its model: all but loads and sources, two thirds of the time.

        It would go on from the last answer, and the bits would depend on that.
        """
        from pandapower.pypower.idx_bus import VA, VM

        if self.start is None or self.net._ppc is None:  # noqa: SLF001
            return None
        self.net._ppc["bus"][:, [VM, VA]] = self.start  # noqa: SLF001
        return {"bus_pq": True, "trafo": False, "gen": False}


@lru_cache(maxsize=16)
def _workbench(given: GivenNet, slack_pu: float | None) -> _Workbench:
    """Return the workbench of a net whose slacks hold *slack_pu*, or what the net says."""
    import copy

    import pandapower
    from pandapower.pypower.idx_bus import VA, VM

    net = copy.deepcopy(given.net)
    if slack_pu is not None:
        net.ext_grid["vm_pu"] = slack_pu
    served = given.bus[given.bus >= 0]
    pandapower.create_sgens(net, buses=served, p_mw=0.0, q_mvar=0.0)
    start = None
    with suppress(pandapower.LoadflowNotConverged):  # its loads may be beyond what it carries
        pandapower.runpp(net, numba=False)
        start = net._ppc["bus"][:, [VM, VA]].copy()  # noqa: SLF001
    rows = net._pd2ppc_lookups["bus"]  # noqa: SLF001
    at_row = {int(rows[bus]): k for k, bus in enumerate(given.bus.tolist()) if bus >= 0}
    alive = net.bus.in_service.astype(bool)
    buses = net.bus.index.tolist()
    node = {bus: at_row.get(int(rows[bus]), -1) if alive[bus] else -1 for bus in buses}
    return _Workbench(net=net, node=node, start=start)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenCells:
    """The cells of a MATPOWER file, isolated buses left out; buses are in the order of the feeder."""

    base_mva: float
    bus: FloatArray
    branch: FloatArray
    """Of those in service, with positions of buses for their numbers."""
    generation_mva: ComplexArray
    """What generators at PQ buses, and loads below 0, feed in."""

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
        yield from _outside(names, voltage_pu[fed], (low[fed], high[fed]))

    def _overloads(self, ends: Any, voltage: ComplexArray, overrides: Overrides) -> Iterator[str]:
        limit_pu = self.branch[:, RATE_A] / self.base_mva * overrides.branch_limit_scale
        limit_pu = np.where(limit_pu > 0, limit_pu, np.inf)
        loading = np.maximum(*(np.abs(end @ voltage) for end in ends)) / limit_pu
        for k in np.flatnonzero(loading > 1 + EXACT_PU):
            from_bus, to_bus = self.bus[self.branch[k, [FROM, TO]].astype(int), 0]
            yield _overload(f"branch {from_bus:g}-{to_bus:g}", loading[k])


@lru_cache(maxsize=16)
def _admittances(given: GivenCells, slacks: tuple[int, ...]) -> tuple[Any, Any, IntArray, Any]:
    """Return the admittances of the branches' two ends and of the buses, the other buses, and their factors."""
    branch, count = given.branch, len(given.bus)
    from_bus, to_bus = branch[:, FROM].astype(int), branch[:, TO].astype(int)
    series = 1 / (branch[:, R] + 1j * branch[:, X])
    tap = np.where(branch[:, RATIO] == 0, 1.0, branch[:, RATIO]) * np.exp(1j * np.deg2rad(branch[:, ANGLE]))
    own = series + 0.5j * branch[:, B]
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
