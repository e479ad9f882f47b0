"""How the load of stations responds to their prices, to first order: what the dispatch anticipates."""

import numpy as np
from scipy.sparse import csr_array, diags_array

from cosim.arrays import FloatArray
from cosim.coupling.day import RoadDay
from cosim.grid.device import PriceResponse
from cosim.scenario import FeederCase, Scenario


def price_response(scenario: Scenario, roads: RoadDay, case: FeederCase) -> PriceResponse | None:
    """Return how the load of a feeder's stations responds to their charging prices; None where it has no two.

    It is -dL/dp of the logit at the travel times of *roads*. Congestion weakens the response, so the slope is an
    upper bound, and stepping as far as it says does not overshoot. What goes to other feeders is left out.
    """
    own = [station for station in scenario.stations if station.feeder == case.feeder.name]
    if len(own) < 2:
        return None
    number = [station.number for station in own]
    centred = np.eye(len(own)) - 1 / len(own)
    slope = centred @ logit_slope(scenario, roads)[:, number][:, :, number] @ centred
    value, vector = np.linalg.eigh(slope)
    return PriceResponse(
        buses=tuple(station.bus for station in own),
        load_kw=roads.load.load_kw[:, number],
        price_cny_per_kwh=roads.charging_price_cny_per_kwh[:, number],
        slope_root=vector * np.sqrt(np.maximum(value, 0.0))[:, None, :],
    )


def logit_slope(scenario: Scenario, roads: RoadDay) -> FloatArray:
    """Return sum_g theta [diag(f_g) - f_g f_g' / q_g] over the groups that charge, f_g their flows to stations.

    In kW per CNY/kWh, (periods, stations, stations).
    """
    paths, energy_kwh = roads.paths, roads.demand.session_kwh
    charges = np.flatnonzero(paths.station >= 0)
    group, station = paths.groups.of_path[charges], paths.station[charges]
    shape = (paths.groups.count, len(scenario.stations))
    weight = (
        scenario.config.road.theta_per_min * energy_kwh * float(scenario.price_min(np.ones(()), energy_kwh))
    )
    slope = np.empty((len(roads.periods), shape[1], shape[1]))
    for number, period in enumerate(roads.periods):
        flow = csr_array((period.path_flow_veh_h[charges], (group, station)), shape=shape)
        total = np.asarray(flow.sum(axis=1)).ravel()
        share = diags_array(np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)) @ flow
        slope[number] = weight * (np.diag(np.asarray(flow.sum(axis=0)).ravel()) - (flow.T @ share).toarray())
    return slope
