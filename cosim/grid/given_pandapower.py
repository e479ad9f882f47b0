"""A pandapower net as the user gave it: run untouched, with its own loads, taps, switches and limits."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cosim.arrays import FloatArray, IntArray
from cosim.errors import SolverError
from cosim.grid.bus_words import at_bus
from cosim.grid.given_network import EXACT_PU, GivenFlow, Overrides, Power, overload, voltages_outside
from cosim.grid.net_elements import PLACEHOLDER_KA, SOURCE_LIMITS
from cosim.grid.net_names import switched_net
from cosim.grid.net_zero import Joined, ideal_switches, join_buses, through_switches
from cosim.grid.radial import ComplexArray, Feeder
from cosim.grid.sources import SIGN, sources_outside

OPTIONS = {
    "init": "flat",
    "calculate_voltage_angles": False,
    "numba": False,
    "max_iteration": 50,
    "tolerance_mva": 1e-9,
}
"""Every flow is a Newton-Raphson from known voltages, whatever options are stored with the net; angles of transformers
move no power in a radial net."""


SCALED = (
    ("load", "scaling"),
    ("asymmetric_load", "scaling"),
    ("motor", "scaling"),
    ("ward", "ps_mw"),
    ("ward", "qs_mvar"),
)
"""The columns of a pandapower net that a profile scales."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenNet:
    """A pandapower net, untouched."""

    net: Any
    bus: IntArray
    """Index of a bus of the net at each bus of the feeder, -1 where it has none."""

    def with_branches(self, in_service: Mapping[str, bool]) -> "GivenNet":
        """Return a copy of the net with branches in service or not."""
        return replace(self, net=switched_net(self.net, in_service))

    def flow(self, feeder: Feeder, power: Power, overrides: Overrides) -> GivenFlow:
        """Return pandapower's power flow of the net."""
        import pandapower

        bench = _workbench(self, overrides.voltage.slack_pu)
        bench.put(power)
        # no flow is denied before a flat start has failed too
        for kept in dict.fromkeys((bench.recycled_from(power.start_pu), None)):
            with suppress(pandapower.LoadflowNotConverged):
                pandapower.runpp(
                    bench.net, **OPTIONS, recycle=kept and dict(kept), only_v_results=bench.lines_alone
                )
                if bench.net._ppc["success"]:  # noqa: SLF001  a flow of voltages alone fails without an exception
                    break
            bench.net._ppc = None  # noqa: SLF001  nothing of a flow that failed is used again
        else:
            msg = "pandapower finds no power flow of the network as given."
            raise SolverError(msg)
        voltage_pu = np.full(feeder.bus_count, np.nan)
        voltage_pu[bench.served] = bench.voltage_pu()[bench.position]
        supplied = np.setdiff1d(bench.served, feeder.cut_off)
        if feeder.cut_off and np.isnan(voltage_pu[supplied]).any():
            bus = at_bus(feeder.bus_names[int(supplied[np.isnan(voltage_pu[supplied])][0])])
            msg = f"{bus}: the network as given does not supply it."
            raise SolverError(msg)
        broken = [*_limits(bench, feeder, overrides).broken(bench)]
        if overrides.source_limits:
            broken += _sources_outside(bench, feeder)
        return GivenFlow(voltage_pu=voltage_pu, broken=tuple(broken))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Workbench:
    """A copy of a net with a source of 0 at each bus of the feeder that is one of the net's."""

    net: Any
    served: IntArray
    """The buses of the feeder that are buses of the net, ..."""
    position: IntArray
    """... where they stand in its table of buses, ..."""
    row: IntArray
    """... and in pandapower's model."""
    node: dict[int, int]
    """The bus of the feeder that each bus of the net belongs to, -1 where there is none."""
    nominal: dict[tuple[str, str], tuple[FloatArray, list[int]]]
    """The columns of `SCALED`, and the bus of the feeder that each of their rows stands at."""
    own_sources: dict[str, FloatArray]
    """Injection of the net's own static generators."""
    joined: Joined
    """The branches without impedance."""
    start: FloatArray | None
    """Magnitudes and angles of the net's own loads; None where it cannot carry them."""
    lines_alone: bool
    """Whether lines alone have limits, so that the voltages are enough: pandapower's tables of results, of which its
    flow would fill a dozen, take as long as the flow itself."""

    def put(self, power: Power) -> None:
        """Make the net draw and feed in *power*."""
        for (table, column), (nominal, at) in self.nominal.items():
            self.net[table][column] = nominal * power.share[at]
        for column, fed_in in (("p_mw", power.fed_in.real), ("q_mvar", power.fed_in.imag)):
            self.net.sgen[column] = np.concatenate([self.own_sources[column], fed_in[self.served] / 1e3])

    def recycled_from(self, voltage: ComplexArray) -> tuple[tuple[str, bool], ...] | None:
        """Return what pandapower may keep of its model: all but loads and sources; it starts from *voltage*.

        It would go on from the last answer, and the bits would depend on that. Where its model has buses that the
        feeder has not, such as ends of open lines, it starts from the net's own loads.
        """
        from pandapower.pypower.idx_bus import VA, VM

        if self.start is None or self.net._ppc is None:  # noqa: SLF001
            return None
        buses = self.net._ppc["bus"]  # noqa: SLF001
        buses[:, [VM, VA]] = self.start
        if np.unique(self.row).size == len(buses):
            buses[self.row, VM] = np.abs(voltage[self.served])
            buses[self.row, VA] = np.angle(voltage[self.served], deg=True)
        return ("bus_pq", True), ("trafo", False), ("gen", False)

    def voltage_pu(self) -> FloatArray:
        """Return the voltage of each bus of the net."""
        from pandapower.pypower.idx_bus import BUS_TYPE, NONE, VM

        if not self.lines_alone:
            return np.asarray(self.net.res_bus.vm_pu.to_numpy(), dtype=np.float64)
        rows = self.net._pd2ppc_lookups["bus"][self.net.bus.index.to_numpy()]  # noqa: SLF001
        solved = self.net._ppc["bus"][rows]  # noqa: SLF001
        # a bus that nothing supplies keeps the magnitude from which the flow began
        return np.where(solved[:, BUS_TYPE] == NONE, np.nan, solved[:, VM]).astype(np.float64)

    def loading_percent(self, table: str) -> FloatArray:
        """Return the loading of each branch of a table."""
        if not self.lines_alone:
            return np.asarray(self.net[f"res_{table}"].loading_percent.to_numpy(float))
        line = self.net.line
        limit_ka = (line.max_i_ka * line.df * line.parallel).to_numpy(float)
        unlimited = np.full(limit_ka.size, np.inf)
        np.divide(100 * self._line_ka(), limit_ka, where=limit_ka != 0, out=unlimited)
        return unlimited

    def _line_ka(self) -> FloatArray:
        """Return the larger of the currents at the ends of each line, by pandapower's admittances."""
        from pandapower.pypower import idx_brch as at
        from pandapower.pypower.idx_bus import BASE_KV

        solved = self.net._ppc["internal"]  # noqa: SLF001
        ka = np.zeros(len(self.net._ppc["branch"]))  # noqa: SLF001
        ka[solved["branch_is"]] = np.maximum(
            *(
                np.abs(solved[admittance] @ solved["V"])
                / solved["bus"][solved["branch"][:, end].real.astype(np.int64), BASE_KV]
                for admittance, end in (("Yf", at.F_BUS), ("Yt", at.T_BUS))
            )
        )
        rows = slice(*self.net._pd2ppc_lookups["branch"]["line"])  # noqa: SLF001
        return np.asarray(ka[rows] * solved["baseMVA"] / np.sqrt(3.0), dtype=np.float64)


@lru_cache(maxsize=16)
def _workbench(given: GivenNet, slack_pu: float | None) -> _Workbench:
    """Return the workbench of a net whose slacks hold *slack_pu*, or what the net says."""
    import copy

    import pandapower
    from pandapower.pypower.idx_bus import VA, VM

    net = copy.deepcopy(given.net)
    if slack_pu is not None:
        net.ext_grid["vm_pu"] = slack_pu
    served = np.flatnonzero(given.bus >= 0)
    node = _nodes(net, given.bus)
    joined = join_buses(net)
    pandapower.create_sgens(net, buses=given.bus[served], p_mw=0.0, q_mvar=0.0)
    limited = len(net.trafo) or len(net.trafo3w) or joined.names or np.isfinite(_source_limits(net)).any()
    lines_alone, start = bool(len(net.line) and not limited), None
    with suppress(pandapower.LoadflowNotConverged):  # its loads may be beyond what it carries
        pandapower.runpp(net, **OPTIONS, only_v_results=lines_alone)
        start = net._ppc["bus"][:, [VM, VA]].copy()  # noqa: SLF001
    nominal = {
        (table, column): (net[table][column].to_numpy(float), [node[bus] for bus in net[table].bus])
        for table, column in SCALED
        if len(net[table])
    }
    own_sources = {column: net.sgen[column].to_numpy(float)[: -served.size] for column in ("p_mw", "q_mvar")}
    return _Workbench(
        net=net,
        served=served,
        position=net.bus.index.get_indexer(given.bus[served]),
        row=net._pd2ppc_lookups["bus"][given.bus[served]],  # noqa: SLF001
        node=node,
        nominal=nominal,
        own_sources=own_sources,
        joined=joined,
        start=start,
        lines_alone=lines_alone,
    )


def _nodes(net: Any, bus: IntArray) -> dict[int, int]:
    """Return the bus of the feeder that each bus of the net is joined to by switches, -1 where there is none."""
    switches = ideal_switches(net)
    ends = net.bus.index.get_indexer(switches[["bus", "element"]].to_numpy().ravel()).reshape(-1, 2)
    joined = coo_array((np.ones(len(ends)), ends.T), shape=(len(net.bus), len(net.bus)))
    _, part = connected_components(joined, directed=False)
    served = np.flatnonzero(bus >= 0)
    at_part = dict(zip(part[net.bus.index.get_indexer(bus[served])].tolist(), served.tolist(), strict=True))
    alive = net.bus.in_service.to_numpy(bool).tolist()
    return {
        number: at_part.get(own, -1) if lives else -1
        for number, own, lives in zip(net.bus.index.tolist(), part.tolist(), alive, strict=True)
    }


def _source_limits(net: Any) -> FloatArray:
    """Return the limits of each external grid, (grids, `SOURCE_LIMITS`) [kW, kvar]; infinite where there is none."""
    limits = np.tile(np.copysign(np.inf, SIGN), (len(net.ext_grid), 1))
    for column, name in enumerate(SOURCE_LIMITS):
        if name in net.ext_grid:
            limits[:, column] = net.ext_grid[name].astype(float).fillna(limits[0, column]) * 1e3
    return np.asarray(limits, dtype=np.float64)


def _sources_outside(bench: _Workbench, feeder: Feeder) -> Iterator[str]:
    """Yield what the external grids of the net give outside their limits; those at one bus together."""
    grids, given = bench.net.ext_grid, bench.net.res_ext_grid
    limits = _source_limits(bench.net)
    if not np.isfinite(limits).any():
        return
    alive = grids.in_service.to_numpy(bool)
    place = {bus: k for k, bus in enumerate(feeder.slack_buses.tolist())}
    at = [place.get(bench.node[bus], -1) for bus in grids.bus.tolist()]
    supply, total = np.zeros(len(place), dtype=np.complex128), np.zeros((len(place), 4))
    np.add.at(supply, at, np.where(alive, (given.p_mw + 1j * given.q_mvar).fillna(0.0) * 1e3, 0.0))
    np.add.at(total, at, np.where(alive[:, None], limits, 0.0))
    says_more = [k for k, said in zip(at, alive & (limits[:, 0] != 0), strict=True) if said]
    total[
        ~np.isin(np.arange(len(place)), says_more), 0
    ] = -np.inf  # whether power may flow back is the user's word
    yield from sources_outside(feeder, supply, total, EXACT_PU)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Limits:
    """The limits of a net under the user's overrides; slack buses hold what they hold."""

    names: list[str]
    position: IntArray
    """Where the buses that have limits stand in the table of buses."""
    voltage: tuple[FloatArray, FloatArray]
    loading_percent: dict[str, FloatArray]
    """By table of branches."""
    joined_ka: FloatArray
    """Of the branches without impedance."""

    def broken(self, bench: _Workbench) -> Iterator[str]:
        """Yield what is outside the limits."""
        yield from voltages_outside(self.names, bench.voltage_pu()[self.position], self.voltage)
        for table, allowed in self.loading_percent.items():
            loading = bench.loading_percent(table) / allowed
            for row in np.flatnonzero(loading > 1 + EXACT_PU):
                yield overload(f"{table} {bench.net[table].index[row]}", float(loading[row]))
        if np.isfinite(self.joined_ka).any():
            yield from self._overloads_of_joined(bench)

    def _overloads_of_joined(self, bench: _Workbench) -> Iterator[str]:
        net, joined = bench.net, bench.joined
        bus = net.switch.bus[joined.switch]
        kv = net.res_bus.vm_pu[bus].to_numpy() * net.bus.vn_kv[bus].to_numpy()
        sent = through_switches(net)
        power_mva = np.abs([sent[number] for number in joined.switch.tolist()])
        loading = power_mva / (np.sqrt(3.0) * kv) / self.joined_ka
        for k in np.flatnonzero(loading > 1 + EXACT_PU):
            yield overload(joined.names[k], float(loading[k]))


@lru_cache(maxsize=16)
def _limits(bench: _Workbench, feeder: Feeder, overrides: Overrides) -> _Limits:
    net, node = bench.net, bench.node
    slacks = {*feeder.slack_buses.tolist(), *feeder.cut_off}
    fed = [bus for bus, k in node.items() if k >= 0 and k not in slacks]
    stated = [
        (net.bus[column] if column in net.bus else net.bus.vn_kv * np.nan)[fed].to_numpy(float)
        for column in ("min_vm_pu", "max_vm_pu")
    ]
    limit_ka = net.line.max_i_ka * net.line.df * net.line.parallel
    loading = {}
    for table in ("line", "trafo", "trafo3w"):
        allowed = net[table].get("max_loading_percent", net[table].in_service * 0.0 + 100.0)
        allowed = allowed.fillna(100.0) * overrides.branch_limit_scale
        if table == "line":
            allowed = allowed.where(limit_ka < PLACEHOLDER_KA, np.inf)
            of_joined = np.append(limit_ka * allowed / 100, np.inf)[bench.joined.line_row]
        if len(allowed):
            loading[table] = allowed.to_numpy(float)
    return _Limits(
        names=[feeder.bus_names[node[bus]] for bus in fed],
        position=net.bus.index.get_indexer(fed),
        voltage=overrides.voltage.limits(*stated),
        loading_percent=loading,
        joined_ka=of_joined,
    )
