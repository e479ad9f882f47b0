"""Path-size logit: correction for the overlap of paths (Ben-Akiva and Bierlaire 1999)."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.road.paths import PathSet


def path_sizes(paths: PathSet) -> FloatArray:
    """Return PS_k = sum_a (c_a / C_k) / n_a, n_a the paths of the group that use link a; 1 without overlap.

    Costs are at free flow and without charging arcs, because a shared station is no overlap of roads. A path of zero
    cost has PS = 1.
    """
    network = paths.network
    cost = np.where(network.is_charging, 0.0, network.free_flow_cost_min)
    entry_path = np.repeat(np.arange(paths.count), np.diff(paths.indptr))
    entry = paths.groups.group_of_path[entry_path] * len(network.links) + paths.links
    _, index, users = np.unique(entry, return_inverse=True, return_counts=True)
    own_cost = np.bincount(entry_path, cost[paths.links] / users[index], paths.count)
    path_cost = paths.incidence @ cost
    size: FloatArray = np.divide(own_cost, path_cost, out=np.ones(paths.count), where=path_cost > 0)
    return size


def path_size_cost_min(paths: PathSet, theta_per_min: FloatArray, weight: float = 1.0) -> FloatArray:
    """Return -weight ln PS_k / theta, to be added to a problem's ``extra_cost_min``: P_k ~ PS_k exp(-theta c_k).

    *theta_per_min* is per group. The correction does not depend on flow, so the equilibrium stays a convex programme.
    """
    correction: FloatArray = -weight * np.log(path_sizes(paths)) / paths.groups.expand(theta_per_min)
    return correction
