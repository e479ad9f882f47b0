"""From the flow on charging arcs to the load of stations: Eq. 9 of Ma et al. (2024), with a power limit added."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServedLoad:
    """Load and backlog, (periods, stations) each."""

    load_kw: FloatArray
    backlog_kwh: FloatArray
    """Energy requested and not yet served at the end of the period."""


def station_load(
    flow_veh_h: FloatArray, session_kwh: float, limit_kw: FloatArray, hours: float
) -> ServedLoad:
    """Return P_cs = min(session energy * flow + backlog / period, limit); the rest is the backlog of the next period.

    *flow_veh_h* is (periods, stations), *limit_kw* too, or the same in all periods; *hours* is the period length.
    """
    load_kw, backlog_kwh = np.empty_like(flow_veh_h), np.empty_like(flow_veh_h)
    limit_kw, waiting_kwh = np.broadcast_to(limit_kw, flow_veh_h.shape), np.zeros(flow_veh_h.shape[1])
    for row, flow in enumerate(flow_veh_h):
        requested_kwh = waiting_kwh + session_kwh * flow * hours
        load_kw[row] = np.minimum(requested_kwh / hours, limit_kw[row])
        waiting_kwh = np.maximum(requested_kwh - load_kw[row] * hours, 0.0)
        backlog_kwh[row] = waiting_kwh
    return ServedLoad(load_kw=load_kw, backlog_kwh=backlog_kwh)


def share_drawn_on_arrival(session_min: float, period_min: float) -> float:
    """Return the share of a session's energy drawn in its period of arrival, for arrivals uniform in time.

    A session of length s that starts at a uniform moment of a period of length T has the share 1 - s/(2T) in it,
    or T/(2s) if it is longer than the period.
    """
    if session_min <= period_min:
        return 1 - session_min / (2 * period_min)
    return period_min / (2 * session_min)
