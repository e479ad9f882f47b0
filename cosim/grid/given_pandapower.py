"""A pandapower net as the user gave it: run untouched, with its own loads, taps, switches and limits."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.errors import SolverError
from cosim.grid.given_network import EXACT_PU, GivenFlow, Overrides, Power, overload, voltages_outside
from cosim.grid.net_elements import PLACEHOLDER_KA
from cosim.grid.radial import Feeder

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
"""What of a pandapower net a profile scales."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenNet:
    """A pandapower net, untouched."""

    net: Any
    bus: IntArray
    """Index of a bus of the net at each bus of the feeder, -1 where it has none."""

    def flow(self, feeder: Feeder, power: Power, overrides: Overrides) -> GivenFlow:
        """Return pandapower's power flow of the net."""
        import pandapower

        bench = _workbench(self, overrides.voltage.slack_pu)
        net, served = bench.net, np.flatnonzero(self.bus >= 0)
        for table, column in SCALED:
            nominal = self.net[table][column]
            net[table][column] = nominal * power.share[[bench.node[bus] for bus in self.net[table].bus]]
        net.sgen.loc[net.sgen.index[-served.size :], "p_mw"] = power.fed_in.real[served] / 1e3
        net.sgen.loc[net.sgen.index[-served.size :], "q_mvar"] = power.fed_in.imag[served] / 1e3
        try:
            pandapower.runpp(net, **OPTIONS, recycle=bench.from_its_start())
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
        yield from voltages_outside(names, net.res_bus.vm_pu[fed].to_numpy(), limits)
        for table in ("line", "trafo", "trafo3w"):
            allowed = net[table].get("max_loading_percent", net[table].in_service * 100.0)
            allowed = allowed.fillna(100.0) * overrides.branch_limit_scale
            if table == "line":
                allowed = allowed.where(
                    net.line.max_i_ka * net.line.df * net.line.parallel < PLACEHOLDER_KA, np.inf
                )
            loading = net[f"res_{table}"].loading_percent / allowed
            for index in loading.index[loading > 1 + EXACT_PU]:
                yield overload(f"{table} {index}", loading[index])


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
        pandapower.runpp(net, **OPTIONS)
        start = net._ppc["bus"][:, [VM, VA]].copy()  # noqa: SLF001
    rows = net._pd2ppc_lookups["bus"]  # noqa: SLF001
    at_row = {int(rows[bus]): k for k, bus in enumerate(given.bus.tolist()) if bus >= 0}
    alive = net.bus.in_service.astype(bool)
    buses = net.bus.index.tolist()
    node = {bus: at_row.get(int(rows[bus]), -1) if alive[bus] else -1 for bus in buses}
    return _Workbench(net=net, node=node, start=start)
