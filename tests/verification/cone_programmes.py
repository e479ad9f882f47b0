"""Equilibria and optima as convex programmes of power and exponential cones, solved by a general solver."""

import cvxpy as cp
import numpy as np

from cosim.arrays import FloatArray
from cosim.road.problem import AssignmentProblem


def path_flows_by_cones(problem: AssignmentProblem, *, entropy: bool = True) -> FloatArray:
    """Return the path flows of Fisk's programme; without *entropy* of Beckmann's, or the system optimum's.

    Of marginal costs the terms are x t, written down from the link times themselves. Path flows are counted in
    shares of their demand: the solver's tolerance means the same everywhere.
    """
    network, paths = problem.network, problem.paths
    demand = problem.path_demand_veh_h
    share = cp.Variable(paths.count, nonneg=True)
    load = cp.multiply(paths.link_loading @ cp.multiply(demand, share), 1 / network.capacity_veh_h)
    road, arc = np.flatnonzero(~network.is_charging), network.charging_arcs
    scale = network.t0_min * network.capacity_veh_h
    bpr = scale[road] * network.alpha[road]
    bpr = bpr if network.marginal else bpr / (network.beta[road] + 1)
    terms = [scale @ load, bpr @ cp.power(load[road], 5)]
    if network.fixed_cost_min is not None:
        terms.append((network.fixed_cost_min * network.capacity_veh_h) @ load)
    if arc.size:
        j = scale[arc] * network.davidson_j[arc]
        waits = (
            cp.inv_pos(1 - load[arc]) - 1 - load[arc]
            if network.marginal
            else -load[arc] - cp.log(1 - load[arc])
        )
        terms.append(j @ waits)
    if entropy:
        terms.append(-(demand / paths.groups.expand(problem.theta_per_min)) @ cp.entr(share))
    cost = sum(terms) + (demand * problem.extra_cost_min) @ share
    each_group = np.equal.outer(np.arange(paths.groups.count), paths.groups.group_of_path).astype(float)
    programme = cp.Problem(cp.Minimize(cost / scale.sum()), [each_group @ share == 1])
    gap = 1e-12 if entropy else 1e-9  # without it the path flows are not unique: the solver stops earlier
    programme.solve(solver=cp.CLARABEL, tol_gap_abs=gap, tol_gap_rel=gap, tol_feas=10 * gap)
    assert programme.status in {cp.OPTIMAL, cp.OPTIMAL_INACCURATE}
    return demand * np.asarray(share.value)
