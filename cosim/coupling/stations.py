"""From the flow on charging arcs to the load of stations (Eq. 9, with the cap the paper leaves out)."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServedLoad:
    """Arrays are (periods, stations)."""

    load_kw: FloatArray
    backlog_kwh: FloatArray
    """Energy wanted and not yet served at the end of the period."""


def station_load(
    flow_veh_h: FloatArray, session_kwh: float, limit_kw: FloatArray, hours: float
) -> ServedLoad:
    """Return P_cs = min(session energy * flow + backlog, limit); what is not served waits for the next period.

    *flow_veh_h* is (periods, stations), *limit_kw* has one value per station, *hours* is the period length.
    """
    load_kw, backlog_kwh = np.empty_like(flow_veh_h), np.empty_like(flow_veh_h)
    waiting_kwh = np.zeros_like(limit_kw)
    for period, flow in enumerate(flow_veh_h):
        wanted_kwh = waiting_kwh + session_kwh * flow * hours
        load_kw[period] = np.minimum(wanted_kwh / hours, limit_kw)
        waiting_kwh = np.maximum(wanted_kwh - load_kw[period] * hours, 0.0)
        backlog_kwh[period] = waiting_kwh
    return ServedLoad(load_kw=load_kw, backlog_kwh=backlog_kwh)


def share_drawn_on_arrival(session_min: float, period_min: float) -> float:
    """Return the part of a session's energy drawn in its period of arrival, if arrivals are even in time.

    A session of length s started at a random moment of a period of length T has the part 1 - s/(2T) in it,
    or T/(2s) if it is longer than the period.
    """
    if session_min <= period_min:
        return 1 - session_min / (2 * period_min)
    return period_min / (2 * session_min)
