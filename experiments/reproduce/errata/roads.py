"""Numbers that show the errata of the roads: Eq. 1 to 8 of Ma et al. (2024) and the steps of the search."""

import numpy as np

from cosim.road.semi_dynamic import carry_over_share
from experiments.reproduce.errata.erratum import Numbers
from experiments.reproduce.od_case import OdCase
from experiments.reproduce.road_case import (
    FIRST_PERIOD,
    SECOND_PERIOD,
    TOLERANCE,
    RoadCase,
    even_split_veh_h,
    sheffi_powell,
    successive_averages,
)
from experiments.reproduce.statements.traffic import unmet_demand_veh_h

OVERLOAD_UTILISATION = 1.01
"""Utilisation at which the printed Davidson function is evaluated."""


def _rank_of_the_covariance(trips: OdCase) -> tuple[float, ...]:
    """Return the rank of A Lambda A' at the peak hour, and its size, the number of counted roads."""
    crossing = trips.paths.link_loading.toarray()[trips.is_road]
    covariance = crossing * trips.truth.path_flow_veh_h @ crossing.T
    return float(np.linalg.matrix_rank(covariance, hermitian=True)), float(len(crossing))


def _links_in_both_sets(roads: RoadCase) -> tuple[float, ...]:
    """Return the number of links that are both road and station, and the number of links."""
    network = roads.day.paths.network
    both = set(np.flatnonzero(~network.is_charging).tolist()) & set(network.charging_arcs.tolist())
    return float(len(both)), float(len(network.links))


def _davidson_beyond_capacity(roads: RoadCase) -> tuple[float, ...]:
    """Return the printed time of a station just above its capacity [min]."""
    network = roads.day.paths.network
    arc = network.charging_arcs[0]
    return (
        float(
            network.t0_min[arc]
            * (1 + network.davidson_j[arc] * OVERLOAD_UTILISATION / (1 - OVERLOAD_UTILISATION))
        ),
    )


def _gap_of_link_flows(roads: RoadCase) -> tuple[float, ...]:
    """Return the maximum difference of link flows and the sums of path flows over them [veh/h]."""
    paths, peak = roads.day.paths, roads.peak
    flow = np.zeros(len(paths.network.links))
    for path in range(paths.count):
        flow[paths.links_of(path)] += peak.path_flow_veh_h[path]
    return (float(np.abs(flow - peak.link_flow_veh_h).max()),)


def _price_of_a_charge(roads: RoadCase) -> tuple[float, ...]:
    """Return the charging cost at the high price, and the mean time of a charging trip at the peak [min]."""
    price = roads.scenario.charging_cost_min(roads.day.tariff_cny_per_kwh, roads.day.demand.session_kwh)
    charging = roads.day.paths.class_of_group == len(roads.day.paths.classes) - 1
    return float(np.max(price)), float(roads.peak.mean_time_min[charging].mean())


def _cost_at_which_logit_underflows(roads: RoadCase) -> tuple[float, ...]:
    """Return the path cost above which every term of Eq. 7 as printed is zero [min]."""
    return (float(-np.log(np.finfo(float).smallest_subnormal) / roads.scenario.config.road.theta_per_min),)


def _objectives_beside_the_equilibrium(roads: RoadCase) -> tuple[float, ...]:
    """Return the change of the printed and of the true objective for flows 1 % larger [min veh/h]."""
    equilibrium, larger = sheffi_powell(roads), sheffi_powell(roads, 1.01)
    return larger.printed - equilibrium.printed, larger.true - equilibrium.true


def _start_of_the_first_period(roads: RoadCase) -> tuple[float, ...]:
    """Return the iterations of the first period from an even split and from the free-flow loading."""
    problem = roads.problems[FIRST_PERIOD - 1]
    starts = even_split_veh_h(problem), problem.free_flow_loading_veh_h()
    return tuple(float(successive_averages(problem, start).iterations) for start in starts)


def _demand_not_met_by_old_flows(roads: RoadCase) -> tuple[float, ...]:
    """Return the maximum difference of f(t-1) and the demand of t [%] in busy periods, and its period."""
    demand = np.array([problem.demand_veh_h.sum() for problem in roads.problems])
    busy = np.flatnonzero(demand[1:] > 0.1 * demand.max()) + 1
    gap = np.abs(demand[busy] - demand[busy - 1]) / demand[busy]
    return 100 * float(gap.max()), float(busy[gap.argmax()] + 1)


def _demand_lost_by_step_4(roads: RoadCase) -> tuple[float, ...]:
    """Return the maximum share of an OD's demand that f P loses [%], at the equilibrium of the peak."""
    assigned = roads.day.paths.groups.total(roads.peak.path_flow_veh_h * roads.peak.path_share)
    return (100 * float(np.max(1 - assigned / roads.problems[FIRST_PERIOD - 1].demand_veh_h)),)


def _first_step_of_a_warm_start(roads: RoadCase) -> tuple[float, ...]:
    """Return the first step size of the warm start, and the residual before and after the step."""
    problem, start = roads.problems[SECOND_PERIOD - 1], roads.start_of_second_veh_h()
    warm = successive_averages(problem, start, max_iterations=2, tolerance=0.0)
    return float(warm.steps[0]), float(warm.residuals[0]), float(warm.residuals[1])


def _stop_by_step_size(roads: RoadCase) -> tuple[float, ...]:
    """Return the iteration with a small step, its residual, and the iteration with a small residual."""
    problem = roads.problems[FIRST_PERIOD - 1]
    search = successive_averages(problem, even_split_veh_h(problem))
    change = search.residuals[: search.steps.size] * search.steps
    stop = int(np.argmax(change <= TOLERANCE))
    return float(stop + 1), float(search.residuals[stop]), float(search.iterations)


def _unfinished_trip_share(roads: RoadCase) -> tuple[float, ...]:
    """Return the share of the trip time of the peak in the next period [%]."""
    carried_over = carry_over_share(roads.peak.mean_time_min, 60 * roads.scenario.periods.hours)
    demand = roads.problems[FIRST_PERIOD - 1].demand_veh_h
    return (100 * float(carried_over @ demand / demand.sum()),)


NUMBERS: dict[str, Numbers] = {
    "Eq. 1": lambda case: _rank_of_the_covariance(case.trips),
    "Eq. 2": lambda case: (100 * (1 - case.roads.day.demand.charging.mean_charging_share),),
    "link and node sets": lambda case: _links_in_both_sets(case.roads),
    "Eq. 3": lambda case: _davidson_beyond_capacity(case.roads),
    "Eq. 4": lambda case: (unmet_demand_veh_h(case),),
    "Eq. 5": lambda case: _gap_of_link_flows(case.roads),
    "Eq. 6": lambda case: _price_of_a_charge(case.roads),
    "Eq. 7": lambda case: _cost_at_which_logit_underflows(case.roads),
    "Eq. 8": lambda case: _objectives_beside_the_equilibrium(case.roads),
    "MSA step 1": lambda case: _start_of_the_first_period(case.roads),
    "MSA step 2": lambda case: _demand_not_met_by_old_flows(case.roads),
    "MSA step 3": lambda case: (float(case.roads.day.paths.count),),
    "MSA step 4": lambda case: _demand_lost_by_step_4(case.roads),
    "MSA step 5": lambda case: _first_step_of_a_warm_start(case.roads),
    "MSA step 6": lambda case: _stop_by_step_size(case.roads),
    "MSA step 7": lambda case: _unfinished_trip_share(case.roads),
}
