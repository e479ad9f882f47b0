"""The network of two CSV tables, read a second time: with pandas, into lines of pandapower in ohms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from cosim.grid.given_network import GivenFlow, Overrides, Power
from cosim.grid.given_pandapower import GivenNet
from cosim.grid.net_elements import PLACEHOLDER_KA
from cosim.grid.radial import Feeder


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCsv:
    """The texts of the two files, kept for when the files have changed or gone, and what is said of them beside."""

    buses: str
    branches: str
    slack_buses: tuple[str, ...]
    v_base_kv: float
    switched: tuple[tuple[str, bool], ...]
    """Branches that are in service, or not, whatever the table says."""

    def with_branches(self, in_service: Mapping[str, bool]) -> "GivenCsv":
        """Return the tables with branches in service or not, whatever they say."""
        return replace(self, switched=(*self.switched, *in_service.items()))

    def flow(self, feeder: Feeder, power: Power, overrides: Overrides) -> GivenFlow:
        """Return pandapower's power flow of the tables."""
        return _net(self, feeder.bus_names).flow(feeder, power, overrides)


@lru_cache(maxsize=16)
def _net(given: GivenCsv, bus_names: tuple[str, ...]) -> GivenNet:
    import pandapower

    buses, branches = (_frame(text) for text in (given.buses, given.branches))
    switched = branches.branch.map(dict(given.switched))
    as_written = branches.in_service.str.lower().isin(["true", "1"])
    branches = branches[switched.where(switched.notna(), as_written).astype(bool)]
    net = pandapower.create_empty_network()
    numbers = pandapower.create_buses(net, len(buses), vn_kv=given.v_base_kv, name=buses.bus.tolist())
    index = dict(zip(buses.bus, numbers, strict=True))
    for slack in given.slack_buses:
        pandapower.create_ext_grid(net, index[slack])
    drawn = (buses[column].astype(float) / 1e3 for column in ("p_kw", "q_kvar"))
    pandapower.create_loads(net, numbers, *drawn)
    limit_ka = (
        branches.current_max_a.replace("", np.inf).astype(float) / 1e3
        if "current_max_a" in branches
        else np.inf
    )
    pandapower.create_lines_from_parameters(
        net,
        branches.from_bus.map(index),
        branches.to_bus.map(index),
        length_km=1.0,
        r_ohm_per_km=branches.r_ohm.astype(float),
        x_ohm_per_km=branches.x_ohm.astype(float),
        c_nf_per_km=0.0,
        max_i_ka=np.minimum(np.broadcast_to(limit_ka, len(branches)), PLACEHOLDER_KA),
        name=branches.branch.tolist(),
    )
    for column, limits in (("voltage_min_pu", "min_vm_pu"), ("voltage_max_pu", "max_vm_pu")):
        if column in buses:
            net.bus[limits] = buses[column].replace("", np.nan).astype(float).to_numpy()
    return GivenNet(net=net, bus=np.array([index[name] for name in bus_names], dtype=np.int64))


def _frame(text: str) -> Any:
    """Return the cells of a CSV file as texts; lines that start with '#' say nothing."""
    import io

    import pandas as pd

    said = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    cells = pd.read_csv(io.StringIO("\n".join(said)), dtype=str, keep_default_na=False, skipinitialspace=True)
    return cells.map(str.strip)
