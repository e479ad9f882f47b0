"""Section 3 and Figures 5 and 6 of Ma et al. (2024): the measures of the statements in traffic.toml."""

import numpy as np

from cosim.road.link_counts import flow_at_time_veh_h
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.od_case import OdCase
from experiments.reproduce.road_case import FIRST_PERIOD, OD_1, RoadCase, at_theta, sheffi_powell
from experiments.reproduce.statement import Measure, of_the_case

LOW_THETA_FACTOR, HIGH_THETA_FACTOR = 1e-6, 10.0
"""Factors on theta for large and for small perception errors."""


def _error_over_least_squares(trips: OdCase) -> float:
    return trips.relative_error(trips.estimated_veh_h) / trips.relative_error(trips.least_squares_veh_h)


def _uncertainty_of_charging_share(case: Reproduction) -> float:
    charging = case.roads.day.demand.charging
    busy = charging.departures_per_ev >= 0.01 * charging.trips_per_ev
    half = (charging.charging_share_high - charging.charging_share_low)[busy] / 2
    return float(np.max(half / charging.charging_share[busy]))


def _inversion_error(roads: RoadCase, round_to_min: float) -> float:
    """Return the maximum relative error of road flows derived from their times, on used roads."""
    network = roads.day.paths.network
    max_error = 0.0
    for period in roads.day.periods:
        used = np.flatnonzero(~network.is_charging & (period.link_flow_veh_h > 1.0))
        time = period.link_time_min[used]
        time = np.round(time / round_to_min) * round_to_min if round_to_min else time
        flow = flow_at_time_veh_h(network, used, time)
        max_error = max(
            max_error, float(np.max(np.abs(flow / period.link_flow_veh_h[used] - 1), initial=0.0))
        )
    return max_error


def _unevenness_of_shares(roads: RoadCase) -> float:
    """Return the maximum difference of the shares of two paths of an OD at theta close to 0."""
    share = at_theta(roads.problems[FIRST_PERIOD - 1], LOW_THETA_FACTOR).path_share
    groups = roads.day.paths.groups
    return float(np.max(-groups.minimum(-share) - groups.minimum(share)))


def _share_on_cheapest(roads: RoadCase, factor: float) -> float:
    """Return the share of OD 1 on its cheapest path at the peak, at *factor* times theta."""
    solution = at_theta(roads.problems[FIRST_PERIOD - 1], factor)
    members = roads.day.paths.groups.members(OD_1)
    return float(solution.path_share[members][np.argmin(solution.path_cost_min[members])])


def _change_of_eq_8(roads: RoadCase) -> float:
    """Return the relative change of the printed objective for equilibrium flows 1 % larger."""
    equilibrium, larger = (sheffi_powell(roads, growth).printed for growth in (1.0, 1.01))
    return abs(larger / equilibrium - 1)


def unmet_demand_veh_h(case: Reproduction) -> float:
    """Return the maximum residual of Eq. 4, the difference of demand and path flows [veh/h]."""
    groups = case.roads.day.paths.groups
    return max(
        float(np.abs(groups.total(period.path_flow_veh_h) - problem.demand_veh_h).max())
        for period, problem in zip(case.roads.day.periods, case.roads.problems, strict=True)
    )


def _gap_of_eq_9_kw(case: Reproduction) -> float:
    """Return the largest gap between load and session energy x flow; more than rounding where a station is full."""
    day = case.roads.day
    flow = np.array([period.link_flow_veh_h[day.paths.network.charging_arcs] for period in day.periods])
    return float(np.abs(day.load.load_kw - day.demand.session_kwh * flow).max())


def _min_share_of_a_station(case: Reproduction) -> float:
    energy = case.roads.day.load.load_kw.sum(axis=0)
    return float(energy.min() / energy.sum())


MEASURES: dict[str, Measure] = {
    "trips-found-from-counts": of_the_case(
        lambda case: case.trips.relative_error(case.trips.estimated_veh_h)
    ),
    "likelihood-beats-least-squares": of_the_case(lambda case: _error_over_least_squares(case.trips)),
    "charging-share-is-known": of_the_case(_uncertainty_of_charging_share),
    "flow-from-exact-times": of_the_case(lambda case: _inversion_error(case.roads, 0.0)),
    "flow-from-times-in-seconds": of_the_case(lambda case: _inversion_error(case.roads, 1 / 60)),
    "unfamiliar-drivers-spread-evenly": of_the_case(lambda case: _unevenness_of_shares(case.roads)),
    "familiar-drivers-find-the-cheapest-path": of_the_case(
        lambda case: _share_on_cheapest(case.roads, HIGH_THETA_FACTOR) - _share_on_cheapest(case.roads, 1.0)
    ),
    "not-all-on-the-cheapest-path": of_the_case(lambda case: 1 - _share_on_cheapest(case.roads, 1.0)),
    "equilibrium-is-optimal-for-eq-8": of_the_case(lambda case: _change_of_eq_8(case.roads)),
    "every-period-is-an-equilibrium": of_the_case(lambda case: case.roads.day.residual_max),
    "path-flows-meet-the-demand": of_the_case(unmet_demand_veh_h),
    "load-follows-from-flow": of_the_case(_gap_of_eq_9_kw),
    "every-station-is-used": of_the_case(_min_share_of_a_station),
}
