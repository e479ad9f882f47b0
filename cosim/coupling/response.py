"""First-order response of the station load to charging prices, which the dispatch anticipates."""

import numpy as np
from scipy.sparse import csr_array, diags_array

from cosim.arrays import FloatArray
from cosim.coupling.day import RoadDay
from cosim.grid.device import PriceResponse
from cosim.scenario import FeederCase, Scenario


def price_response(scenario: Scenario, roads: RoadDay, case: FeederCase) -> PriceResponse | None:
    """Return the slope -dL/dp of a feeder's station loads in their charging prices; None for fewer than two stations.

    It is the slope of the logit at the travel times of *roads*. Congestion weakens the response, so the slope is an
    upper bound and a full step does not overshoot. Load that moves to other feeders is left out.
    """
    stations = [station for station in scenario.stations if station.feeder == case.feeder.name]
    if len(stations) < 2:
        return None
    columns = [station.number for station in stations]
    centring = np.eye(len(stations)) - 1 / len(stations)
    slope = centring @ logit_slope(scenario, roads)[:, columns][:, :, columns] @ centring
    eigenvalues, eigenvectors = np.linalg.eigh(slope)
    return PriceResponse(
        buses=tuple(station.bus for station in stations),
        load_kw=roads.load.load_kw[:, columns],
        price_cny_per_kwh=roads.charging_price_cny_per_kwh[:, columns],
        slope_root=eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))[:, None, :],
    )


def logit_slope(scenario: Scenario, roads: RoadDay) -> FloatArray:
    """Return sum_g theta [diag(f_g) - f_g f_g' / q_g] [kW per CNY/kWh], (periods, stations, stations).

    The sum is over the groups g that charge, f_g their flows to the stations, q_g their demand.
    """
    paths, energy_kwh = roads.paths, roads.demand.session_kwh
    charges = np.flatnonzero(paths.station >= 0)
    group, station = paths.groups.group_of_path[charges], paths.station[charges]
    shape = (paths.groups.count, len(scenario.stations))
    weight = (
        scenario.config.road.theta_per_min
        * energy_kwh
        * float(scenario.charging_cost_min(np.ones(()), energy_kwh))
    )
    slope = np.empty((len(roads.periods), shape[1], shape[1]))
    for row, period in enumerate(roads.periods):
        flow = csr_array((period.path_flow_veh_h[charges], (group, station)), shape=shape)
        total = np.asarray(flow.sum(axis=1)).ravel()
        share = diags_array(np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)) @ flow
        slope[row] = weight * (np.diag(np.asarray(flow.sum(axis=0)).ravel()) - (flow.T @ share).toarray())
    return slope
