"""Section 3 and Figures 5 and 6: trips from counts, choice of paths, flows, vehicles at the stations."""

import numpy as np

from cosim.road.link_counts import flow_at_time_veh_h
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.road_case import FIRST, OD_1, RoadCase, at_theta, sheffi_powell
from experiments.reproduce.statement import EVERYWHERE, Statement, of_the_case

LITTLE_KNOWN, WELL_KNOWN = 1e-6, 10.0
"""Factors on theta for drivers who hardly know the roads, and who know them well."""


@of_the_case(
    figure="Eq. 1",
    says="“In order to estimate the traffic demand more accurately, this paper adopts the great likelihood "
    "estimation method for OD matrix estimation.” (Section 3)",
    measure="root mean square error of the estimated trips over the mean trips of an OD: 30 days of counts on "
    "all roads, 20 times",
    relation="at most",
    expected=0.03,
)
def trips_found_from_counts(case: Reproduction) -> float:
    """Return the relative error of the most likely trips."""
    return case.trips.relative_error(case.trips.estimated_veh_h)


@of_the_case(
    figure="Eq. 1",
    says="The likelihood is chosen to be “more accurately” right than other estimates: our reading of the "
    "same sentence.",
    measure="its error over that of ordinary least squares on the same counts",
    relation="at most",
    expected=1.0,
)
def likelihood_beats_least_squares(case: Reproduction) -> float:
    """Return the error of the likelihood relative to that of least squares."""
    trips = case.trips
    return trips.relative_error(trips.estimated_veh_h) / trips.relative_error(trips.least_squares_veh_h)


@of_the_case(
    figure="Eq. 2",
    says="“… the Markov Monte Carlo method (Feng et al., 2023) is used to simulate the behavior of EVs to "
    "determine the number of EVs choosing charging at different time intervals.”",
    measure="largest half width of the 95 % interval of p_t over p_t, in hours with at least 1 % of the day's trips",
    relation="at most",
    expected=0.1,
)
def charging_share_is_known(case: Reproduction) -> float:
    """Return how uncertain p_t is from the simulated diaries."""
    charging = case.roads.day.demand.charging
    busy = charging.departures_per_ev >= 0.01 * charging.trips_per_ev
    half = (charging.charging_share_high - charging.charging_share_low)[busy] / 2
    return float(np.max(half / charging.charging_share[busy]))


def _inverted(roads: RoadCase, round_to_min: float) -> float:
    """Return the largest relative error of road flows read back from their times, where anyone travels."""
    network = roads.day.paths.network
    worst = 0.0
    for period in roads.day.periods:
        used = np.flatnonzero(~network.is_charging & (period.link_flow_veh_h > 1.0))
        time = period.link_time_min[used]
        time = np.round(time / round_to_min) * round_to_min if round_to_min else time
        flow = flow_at_time_veh_h(network, used, time)
        worst = max(worst, float(np.max(np.abs(flow / period.link_flow_veh_h[used] - 1), initial=0.0)))
    return worst


@of_the_case(
    figure="Eq. 3",
    says="“The road section traffic flow can be derived by taking the inverse function of the road "
    "section travel time function …” (Section 3)",
    measure="largest relative error of a road's flow read back from its exact time, all periods, roads with more "
    "than 1 veh/h",
    relation="at most",
    expected=1e-3,
)
def flow_from_exact_times(case: Reproduction) -> float:
    """Return the error of the inverse at exact times."""
    return _inverted(case.roads, 0.0)


@of_the_case(
    figure="Eq. 3",
    says="The same, through “the road section travel time query API provided by the navigation software company”.",
    measure="largest relative error if the service tells whole seconds",
    relation="at most",
    expected=0.05,
    differs={
        EVERYWHERE: "The time rises with the fourth power of the flow: below a third of capacity a second is worth "
        "more than all the traffic there is."
    },
)
def flow_from_times_in_seconds(case: Reproduction) -> float:
    """Return the error of the inverse at times rounded to seconds."""
    return _inverted(case.roads, 1 / 60)


@of_the_case(
    figure="Eq. 7",
    says="“… when θ tends to be 0, it means that the user is completely unfamiliar with the road network "
    "condition.”",
    measure="largest difference between the shares of two paths of an OD, θ a millionth",
    relation="at most",
    expected=1e-3,
)
def unfamiliar_drivers_spread_evenly(case: Reproduction) -> float:
    """Return how far shares are from even where theta is next to 0."""
    roads = case.roads
    (blind,) = at_theta([roads.problems[FIRST - 1]], LITTLE_KNOWN)
    groups = roads.day.paths.groups
    return float(np.max(-groups.minimum(-blind.path_share) - groups.minimum(blind.path_share)))


def _on_cheapest(roads: RoadCase, factor: float) -> float:
    """Return the share of the OD's trips on its cheapest path in the busiest period."""
    (answer,) = at_theta([roads.problems[FIRST - 1]], factor)
    members = roads.day.paths.groups.members(OD_1)
    return float(answer.path_share[members][np.argmin(answer.path_cost_min[members])])


@of_the_case(
    figure="Eq. 7",
    says="“As θ increases, the user’s familiarity with the road network increases.”",
    measure="share of OD 1's trips on its cheapest path, at ten times θ less at θ",
    relation="at least",
    expected=0.01,
)
def familiar_drivers_find_the_cheapest_path(case: Reproduction) -> float:
    """Return how much more drivers use the cheapest path if they know the roads better."""
    return _on_cheapest(case.roads, WELL_KNOWN) - _on_cheapest(case.roads, 1.0)


@of_the_case(
    figure="Section 1",
    says="“… users do not necessarily always choose the path with the lowest access cost …”",
    measure=f"share of OD 1's trips that are not on the cheapest path, period {FIRST}",
    relation="at least",
    expected=0.1,
)
def not_all_on_the_cheapest_path(case: Reproduction) -> float:
    """Return the share of trips off the cheapest path."""
    return 1 - _on_cheapest(case.roads, 1.0)


@of_the_case(
    figure="Eq. 8",
    says="“It has been proved that the traffic flow model with stochastic user equilibrium … can be transformed into a "
    "convex optimization model … as shown in Equation 8 …”",
    measure="relative change of the printed objective when all flows of the equilibrium grow by one per cent; at an "
    "optimum it is of second order",
    relation="at most",
    expected=1e-3,
    differs={
        EVERYWHERE: "The printed function lacks the term Σ x t(x) of Sheffi and Powell and simply falls as flows grow. "
        "Fisk's program and Sheffi and Powell's have their optimum here (errata, Eq. 8)."
    },
)
def equilibrium_is_optimal_for_eq_8(case: Reproduction) -> float:
    """Return how much the printed objective changes beside the equilibrium."""
    at, beside = (sheffi_powell(case.roads, growth).printed for growth in (1.0, 1.01))
    return abs(beside / at - 1)


@of_the_case(
    figure="Figure 5",
    says="“The flow problem is solved for each time period …” (Section 5.2)",
    measure="largest residual max |q P(c(f)) − f| / max(1, q) of all periods",
    relation="at most",
    expected=1e-6,
)
def every_period_is_an_equilibrium(case: Reproduction) -> float:
    """Return the largest residual."""
    return case.roads.day.residual_max


@of_the_case(
    figure="Figure 5",
    says="The path flows meet the demand (Eq. 4) and make up the flow on road sections (Eq. 5).",
    measure="largest difference of an OD's path flows to its trips, all periods and classes",
    unit="veh/h",
    relation="at most",
    expected=1e-3,
)
def path_flows_meet_the_demand(case: Reproduction) -> float:
    """Return the largest gap in Eq. 4."""
    groups = case.roads.day.paths.groups
    return max(
        float(np.abs(groups.total(period.path_flow_veh_h) - problem.demand_veh_h).max())
        for period, problem in zip(case.roads.day.periods, case.roads.problems, strict=True)
    )


@of_the_case(
    figure="Figure 6",
    says="“… the flow rate is converted into charging load by the charging coefficients.” (Eq. 9)",
    measure="largest difference of a station's load to session energy × flow",
    unit="kW",
    relation="at most",
    expected=1e-6,
)
def load_follows_from_flow(case: Reproduction) -> float:
    """Return how far the load is from Eq. 9; more than rounding where a station is full."""
    day = case.roads.day
    arcs = day.paths.network.charging_arcs
    flow = np.array([period.link_flow_veh_h[arcs] for period in day.periods])
    return float(np.abs(day.load.load_kw - day.demand.session_kwh * flow).max())


@of_the_case(
    figure="Figure 6",
    says="We read Figure 6 so that all three stations have vehicles being charged.",
    measure="least share of a station in the day's energy",
    relation="at least",
    expected=0.1,
)
def every_station_is_used(case: Reproduction) -> float:
    """Return the share of the station that is used least."""
    energy = case.roads.day.load.load_kw.sum(axis=0)
    return float(energy.min() / energy.sum())


STATEMENTS: tuple[Statement, ...] = (
    trips_found_from_counts,
    likelihood_beats_least_squares,
    charging_share_is_known,
    flow_from_exact_times,
    flow_from_times_in_seconds,
    unfamiliar_drivers_spread_evenly,
    familiar_drivers_find_the_cheapest_path,
    not_all_on_the_cheapest_path,
    equilibrium_is_optimal_for_eq_8,
    every_period_is_an_equilibrium,
    path_flows_meet_the_demand,
    load_follows_from_flow,
    every_station_is_used,
)
