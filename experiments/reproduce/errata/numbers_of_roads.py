"""The numbers behind the errata of the roads: Eq. 1 to 8 and the steps of the search."""

import numpy as np

from cosim.road.semi_dynamic import share_carried
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.road_case import (
    FIRST,
    SECOND,
    TOLERANCE,
    even_split_veh_h,
    sheffi_powell,
    successive_averages,
)
from experiments.reproduce.statements.traffic import path_flows_meet_the_demand

Numbers = tuple[float, ...]
BEYOND = 1.01
"""Flow over capacity at which the printed Davidson function is evaluated."""


def rank_of_the_covariance(case: Reproduction) -> Numbers:
    """Return the rank of A Lambda A' at the peak hour, and its size: the roads counted."""
    trips = case.trips
    seen = trips.paths.link_loading.toarray()[trips.counted]
    covariance = seen * trips.truth.path_flow_veh_h @ seen.T
    return float(np.linalg.matrix_rank(covariance, hermitian=True)), float(len(seen))


def evs_that_vanish(case: Reproduction) -> Numbers:
    """Return the share of EV trips that do not charge on the way [%]."""
    return (100 * (1 - case.roads.day.demand.charging.mean_charging_share),)


def links_in_both_sets(case: Reproduction) -> Numbers:
    """Return how many links are roads and stations at once, and how many there are."""
    network = case.roads.day.paths.network
    both = set(np.flatnonzero(~network.is_charging).tolist()) & set(network.charging_arcs.tolist())
    return float(len(both)), float(len(network.links))


def davidson_beyond_capacity(case: Reproduction) -> Numbers:
    """Return the printed time of a station just above its capacity [min]."""
    network = case.roads.day.paths.network
    arc = network.charging_arcs[0]
    t0, j = network.t0_min[arc], network.davidson_j[arc]
    return (float(t0 * (1 + j * BEYOND / (1 - BEYOND))),)


def unmet_demand(case: Reproduction) -> Numbers:
    """Return the largest gap between path flows and demand [veh/h]."""
    return (path_flows_meet_the_demand.judged(case)[0].value,)


def link_flows_added_up(case: Reproduction) -> Numbers:
    """Return the largest gap between link flows and the path flows that run over them, added path by path [veh/h]."""
    paths, peak = case.roads.day.paths, case.roads.peak
    flow = np.zeros(len(paths.network.links))
    for path in range(paths.count):
        flow[paths.links_of(path)] += peak.path_flow_veh_h[path]
    return (float(np.abs(flow - peak.link_flow_veh_h).max()),)


def price_of_a_charge(case: Reproduction) -> Numbers:
    """Return what a charge at the high price costs, and the mean time of a charging trip at the peak [min]."""
    roads = case.roads
    price = roads.scenario.price_min(roads.day.tariff_cny_per_kwh, roads.day.demand.session_kwh)
    charging = roads.day.paths.class_of_group == len(roads.day.paths.classes) - 1
    return float(np.max(price)), float(roads.peak.mean_time_min[charging].mean())


def cost_at_which_logit_underflows(case: Reproduction) -> Numbers:
    """Return the path cost from which on every term of the printed Eq. 7 is zero [min]."""
    theta = case.roads.scenario.config.road.theta_per_min
    return (float(-np.log(np.finfo(float).smallest_subnormal) / theta),)


def objectives_beside_the_equilibrium(case: Reproduction) -> Numbers:
    """Return the change of the printed and of the true objective when flows grow by 1 % [min veh/h]."""
    at, beside = sheffi_powell(case.roads), sheffi_powell(case.roads, 1.01)
    return beside.printed - at.printed, beside.true - at.true


def start_of_the_first_period(case: Reproduction) -> Numbers:
    """Return the iterations of the first period from an even split and from the free-flow loading."""
    problem = case.roads.problems[FIRST - 1]
    free = successive_averages(problem, problem.free_flow_loading_veh_h())
    return float(successive_averages(problem, even_split_veh_h(problem)).iterations), float(free.iterations)


def demand_not_met_by_old_flows(case: Reproduction) -> Numbers:
    """Return the largest gap of f(t-1) to the demand of t [%], from the morning on, and its period."""
    demand = np.array([problem.demand_veh_h.sum() for problem in case.roads.problems])
    busy = np.flatnonzero(demand[1:] > 0.1 * demand.max()) + 1
    gap = np.abs(demand[busy] - demand[busy - 1]) / demand[busy]
    return 100 * float(gap.max()), float(busy[gap.argmax()] + 1)


def paths_in_each_iteration(case: Reproduction) -> Numbers:
    """Return the paths and (path, station) pairs whose cost is computed in each iteration."""
    return (float(case.roads.day.paths.count),)


def demand_lost_by_step_4(case: Reproduction) -> Numbers:
    """Return the largest share of an OD's demand that f P leaves out [%], at the equilibrium of the peak."""
    roads = case.roads
    kept = roads.day.paths.groups.total(roads.peak.path_flow_veh_h * roads.peak.path_share)
    return (100 * float(np.max(1 - kept / roads.problems[FIRST - 1].demand_veh_h)),)


def first_step_of_a_warm_start(case: Reproduction) -> Numbers:
    """Return the first step of the warm start, and the residual before and after it."""
    roads = case.roads
    warm = successive_averages(
        roads.problems[SECOND - 1], roads.start_of_second_veh_h(), max_iterations=2, tolerance=0.0
    )
    return float(warm.steps[0]), float(warm.residuals[0]), float(warm.residuals[1])


def where_the_step_says_stop(case: Reproduction) -> Numbers:
    """Return the iteration in which the step is small, the residual there, and the iteration where that is small."""
    problem = case.roads.problems[FIRST - 1]
    search = successive_averages(problem, even_split_veh_h(problem))
    moved = search.residuals[: search.steps.size] * search.steps
    stop = int(np.argmax(moved <= TOLERANCE))
    return float(stop + 1), float(search.residuals[stop]), float(search.iterations)


def vehicles_under_way(case: Reproduction) -> Numbers:
    """Return the share of the trip time of the peak that falls into the next period [%]."""
    roads = case.roads
    left = share_carried(roads.peak.mean_time_min, 60 * roads.scenario.periods.hours)
    demand = roads.problems[FIRST - 1].demand_veh_h
    return (100 * float(left @ demand / demand.sum()),)
