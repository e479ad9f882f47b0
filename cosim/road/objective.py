"""Objectives whose minima are equilibria: Beckmann et al. (1956) for the user equilibrium, Fisk (1980) for the SUE.

Equation numbers are those of Ma et al. (2024).
"""

import numpy as np
from scipy.special import xlogy

from cosim.arrays import FloatArray
from cosim.road.assignment import Equilibrium
from cosim.road.bush_problem import BushProblem
from cosim.road.latency import link_time_integral
from cosim.road.network import Network
from cosim.road.problem import AssignmentProblem


def beckmann_objective(network: Network, link_flow_veh_h: FloatArray, *, extend: bool = False) -> float:
    """Return sum_a int_0^{x_a} c_a dx [min veh/h], whose minimum is the user equilibrium.

    On a network of marginal costs the integrals are x t, and the minimum is the system optimum. With *extend*
    Davidson's function is linear beyond 0.99 c.
    """
    fixed = link_flow_veh_h @ network.cost_min(np.zeros_like(link_flow_veh_h))
    return float(link_time_integral(network, link_flow_veh_h, extend=extend).sum() + fixed)


def fisk_objective(problem: AssignmentProblem, path_flow_veh_h: FloatArray) -> float:
    """Return Fisk's objective, whose minimum under Eq. 4 is the SUE [min veh/h].

    Beckmann's + sum_k f_k ln(f_k) / theta + sum_k f_k * extra cost; Eq. 8 as printed is not stationary at the SUE.
    The entropy of a group is weighted by its 1/theta; with path sizes of weight w it is sum f_k ln(f_k / PS_k^w).
    """
    flow = problem.paths.link_flow_veh_h(path_flow_veh_h)
    entropy = xlogy(path_flow_veh_h, path_flow_veh_h) / problem.paths.groups.expand(problem.theta_per_min)
    beckmann = beckmann_objective(problem.network, flow, extend=problem.extends)
    return float(beckmann + np.sum(entropy + path_flow_veh_h * problem.extra_cost_min))


def fisk_at_equilibrium(problem: AssignmentProblem | BushProblem, equilibrium: Equilibrium) -> float:
    """Return Fisk's objective at an equilibrium [min veh/h].

    On bushes no path is listed; there ln f = ln q - theta (c - C*), C* the expected minimum cost of the OD.
    """
    if isinstance(problem, AssignmentProblem):
        return fisk_objective(problem, equilibrium.path_flow_veh_h)
    flow, q = equilibrium.link_flow_veh_h, problem.demand_veh_h
    cost = problem.network.cost_min(equilibrium.link_time_min + equilibrium.toll_min)
    entropy = q @ (equilibrium.expected_cost_min + np.log(q) / problem.theta_per_min[0]) - flow @ cost
    return beckmann_objective(problem.network, flow) + float(entropy)
