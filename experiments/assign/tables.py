"""Tables of an assignment, with the convergence of all stochastic methods."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame, IntArray
from cosim.road.assignment import solve_sue
from cosim.road.bush_problem import BushProblem
from cosim.road.network import Network
from cosim.road.paths import PathSet
from experiments.assign.study import SUE_METHODS, Assigned

COMPARISON_ITERATIONS = 300
"""Iterations of each method that is only compared with the chosen one; a tenth of it on bushes."""


def compare_methods(assigned: Assigned) -> dict[str, FloatArray]:
    """Return the residuals of every method on the same problem, the chosen one first."""
    residuals = {assigned.method: assigned.residuals}
    if assigned.problem is None:
        return residuals
    limit = COMPARISON_ITERATIONS // (10 if isinstance(assigned.problem, BushProblem) else 1)
    for method in SUE_METHODS:
        if method not in residuals:
            solution = solve_sue(
                assigned.problem,
                method=method,
                tolerance=assigned.tolerance,
                max_iterations=limit,
            )
            residuals[method] = solution.residuals
    return residuals


def tables_of(assigned: Assigned) -> dict[str, Frame]:
    """Return the tables links, ods, convergence (of every method) and, where paths are listed, paths."""
    return {
        "links": assigned.to_frame(),
        "ods": _ods(assigned),
        **({} if assigned.paths is None else {"paths": _paths(assigned, assigned.paths)}),
        "convergence": _convergence(compare_methods(assigned)),
    }


def _ods(assigned: Assigned) -> Frame:
    od, network = assigned.roads.data.od, assigned.network
    return pd.DataFrame(
        {
            "origin": _names(network, od.origin),
            "dest": _names(network, od.dest),
            "demand_veh_h": od.demand_veh_h,
            "cost_min": assigned.od_cost_min,
        }
    )


def _paths(assigned: Assigned, paths: PathSet) -> Frame:
    od, group = assigned.roads.data.od, paths.groups.group_of_path
    time = assigned.link_time_min
    return pd.DataFrame(
        {
            "origin": _names(assigned.network, od.origin[group]),
            "dest": _names(assigned.network, od.dest[group]),
            "path": np.arange(paths.count),
            "nodes": [paths.pair_name(path) for path in range(paths.count)],
            "links": [
                " ".join(assigned.network.links[a] for a in paths.links_of(k)) for k in range(paths.count)
            ],
            "flow_veh_h": assigned.path_flow_veh_h,
            "share": assigned.path_flow_veh_h / od.demand_veh_h[group],
            "time_min": paths.time_min(time),
            "cost_min": paths.time_min(assigned.network.cost_min(time) + assigned.toll_min),
        }
    )


def _convergence(residuals: Mapping[str, FloatArray]) -> Frame:
    parts = [
        pd.DataFrame({"method": name, "iteration": np.arange(1, values.size + 1), "residual": values})
        for name, values in residuals.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _names(network: Network, nodes: IntArray) -> list[str]:
    return [network.nodes[node] for node in nodes]
