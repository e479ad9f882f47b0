"""Other programs' user equilibria of the same roads and trips, where they are installed: pytraf, AequilibraE.

Neither solves a stochastic equilibrium of congested roads. Both get our arrays, one thread, and the same gap;
their importing and reading is not timed. AequilibraE's CPU time differed from process to process,
from .8 to 4.2 s for the same Sioux Falls to 1e-4, and we do not know why: start the benchmark more than once.
"""

import io
import logging
import os
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.road.network import Network, OdTable

os.environ.setdefault("RAYON_NUM_THREADS", "1")

AT_LEAST_MIN = 1e-6
"""AequilibraE refuses roads of no time, such as Chicago's connectors."""

Solve = Callable[[float], tuple[FloatArray, float]]
"""To a relative gap: link flows [veh/h], and the gap reached."""


def installed_peers(network: Network, od: OdTable) -> dict[str, Solve]:
    """Return the programs that are installed, ready to solve these roads and trips."""
    known = {"pytraf": pytraf, "AequilibraE": aequilibrae}
    return {name: prepare(network, od) for name, prepare in known.items() if find_spec(name.lower())}


def pytraf(network: Network, od: OdTable) -> Solve:
    """Return pytraf's path-based gradient projection."""
    module = import_module("pytraf")
    roads = module.Network(
        len(network.nodes),
        network.from_node,
        network.to_node,
        network.t0_min,
        network.capacity_veh_h,
        network.alpha,
        network.beta,
        is_centroid=None if network.through is None else ~network.through,
        allow_u_turns=True,
    )
    trips = module.Demand.from_table(
        roads, {"origin": od.origin, "destination": od.dest, "flow": od.demand_veh_h}
    )
    cars = module.TrafficClass(trips, extra_link_cost=network.cost_min(np.zeros(len(network.links))))

    def solve(gap: float) -> tuple[FloatArray, float]:
        answer = roads.assign([cars], gap=gap, max_iter=2_000, threads=1)
        return np.asarray(answer.links.by_class["0"]), float(answer.relative_gap)

    return solve


def aequilibrae(network: Network, od: OdTable) -> Solve:
    """Return AequilibraE's biconjugate Frank-Wolfe; its zones are either all closed to passing trips or none."""
    logging.getLogger("aequilibrae").setLevel(logging.CRITICAL)
    paths, matrices = import_module("aequilibrae.paths"), import_module("aequilibrae.matrix")
    zones = np.unique(np.concatenate([od.origin, od.dest]))
    graph = _graph(paths, network, zones)
    trips = matrices.AequilibraeMatrix()
    trips.create_empty(zones=zones.size, matrix_names=["cars"], memory_only=True)
    trips.index[:] = zones + 1
    trips.matrix["cars"][:] = 0.0
    at = np.searchsorted(zones, od.origin), np.searchsorted(zones, od.dest)
    trips.matrix["cars"][at] = od.demand_veh_h
    trips.computational_view(["cars"])

    def solve(gap: float) -> tuple[FloatArray, float]:
        cars = paths.TrafficClass("cars", graph, trips)
        if network.fixed_cost_min is not None:
            cars.set_fixed_cost("fixed")
        search = paths.TrafficAssignment()
        search.set_classes([cars])
        search.set_vdf("BPR")
        search.set_vdf_parameters({"alpha": "alpha", "beta": "beta"})
        search.set_capacity_field("capacity")
        search.set_time_field("time")
        search.max_iter, search.rgap_target = 1_000, gap
        search.set_algorithm("bfw")
        search.set_cores(1)
        with redirect_stderr(io.StringIO()):  # its progress bar
            search.execute(log_specification=False)
        flow = cars.results.get_load_results()["cars_ab"].reindex(np.arange(len(network.links)) + 1)
        return flow.to_numpy(), float(search.assignment.rgap)

    return solve


def _graph(paths: Any, network: Network, zones: Any) -> Any:
    import pandas as pd

    graph = paths.Graph()
    graph.network = pd.DataFrame(
        {
            "link_id": np.arange(len(network.links)) + 1,
            "a_node": network.from_node + 1,
            "b_node": network.to_node + 1,
            "direction": 1,
            "time": np.maximum(network.t0_min, AT_LEAST_MIN),
            "capacity": network.capacity_veh_h,
            "alpha": network.alpha,
            "beta": network.beta,
            "fixed": network.cost_min(np.zeros(len(network.links))),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        graph.prepare_graph(zones + 1)
    graph.set_graph("time")
    graph.set_skimming([])
    graph.set_blocked_centroid_flows(network.through is not None)
    return graph
