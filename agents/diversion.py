"""The decision of a driver who is turned away at a station, or loses a charger or a place in the queue.

An EV that gets to its destination with the reserve goes on as it is. Another one goes to the station with the least
cost among those open in that second, which the driver looks up there: drive at the effective link times, station time
as last announced, price, and the rest of the trip. Where none is open it goes on if the battery lasts, else waits until
the station opens again. The energy of a trip is that of its length in the diary, whatever the roads driven.
"""

from dataclasses import replace

import numpy as np

from agents.decisions import DecisionContext
from cosim.arrays import FloatArray, IntArray
from cosim.ev.session import NEVER_S, Session
from cosim.periods import PeriodOfDay


def turned_away(session: Session, now_s: int, soc: float, remaining_kwh: float) -> Session:
    """Return what a vehicle still requests that has lost its place."""
    return Session(
        ev=session.ev,
        day=session.day,
        trip=session.trip,
        arrival_s=now_s,
        energy_kwh=remaining_kwh,
        soc=soc,
        soc_target=session.soc_target,
        max_power_kw=session.max_power_kw,
    )


def decide_anew(context: DecisionContext, row: int, session: Session, period: PeriodOfDay) -> Session | None:
    """Return the session to come of a vehicle turned away at its time of arrival; None if it goes on as it is.

    *row* is that of its trip, in which the decision is written.
    """
    trips, now_s, here = context.trips, session.arrival_s, int(context.trips.station[row])
    service = context.in_service
    service.tell(here, now_s, "vehicles that decide anew")
    service.tell(here, now_s, "kWh not delivered", session.energy_kwh)
    soc_arrival = session.soc - (session.soc_target - float(trips.soc_arrival[row]))
    if soc_arrival >= context.evs.behaviour.soc_reserve:
        _go_on(context, row, now_s, soc_arrival)
        return None
    drive_s, onward_s = _drive_s(context, row, here)
    cost_min = _cost_min(context, session, period) + (drive_s + onward_s) / 60
    is_open = [service.is_open(station, now_s) for station in range(cost_min.size)]
    reachable = np.flatnonzero(np.array(is_open) & (drive_s < NEVER_S) & (onward_s < NEVER_S))
    if reachable.size:
        station = int(reachable[np.argmin(cost_min[reachable])])
        service.tell(
            here,
            now_s,
            "queue again" if station == here else f"go to station {service.stations[station].name}",
        )
        trips.drive_s[row] += drive_s[station] + onward_s[station] - trips.station_to_destination_s[row]
        trips.station_to_destination_s[row], trips.station[row] = onward_s[station], station
        context.drives.divert(row, here, now_s)
        return replace(session, arrival_s=now_s + int(drive_s[station]))
    if soc_arrival >= 0:
        _go_on(context, row, now_s, soc_arrival)
        return None
    service.tell(here, now_s, "wait until it opens")
    return replace(session, stays=True)


def _go_on(context: DecisionContext, row: int, now_s: int, soc_arrival: float) -> None:
    """Let the EV drive to its destination with the energy it has."""
    trips = context.trips
    context.in_service.tell(int(trips.station[row]), now_s, "go on as they are")
    trips.soc_arrival[row] = soc_arrival
    (trips.arrival_s[row],) = context.drives.arrivals_s(np.array([row]), np.array([now_s]))


def _drive_s(context: DecisionContext, row: int, here: int) -> tuple[IntArray, IntArray]:
    """Return the driving times from this station to each, and from each to the destination; NEVER_S without a way."""
    roads, trips = context.roads, context.trips
    to_station_s, to_node_s = roads.detours_s
    onward_s = to_node_s[:, roads.paths.od.dest[trips.od[row]]].copy()
    onward_s[here] = trips.station_to_destination_s[row]
    return to_station_s[here], onward_s


def _cost_min(context: DecisionContext, session: Session, period: PeriodOfDay) -> FloatArray:
    """Return the time at each station, as last announced to the driver, and the cost of the charge."""
    information, ev = context.information, session.ev - 1
    network = context.roads.paths.network
    opened = information.opened.last(ev)
    free_min = network.t0_min[network.charging_arcs]
    station_min = free_min if opened is None else np.array(opened.link_time_min)[network.charging_arcs]
    price = context.prices.price_list(information.tariff.last(ev)).prices(period)
    charging_cost_min = context.choice.scenario.charging_cost_min(price, session.energy_kwh)
    cost_min: FloatArray = np.where(np.isfinite(station_min), station_min, free_min) + charging_cost_min
    return cost_min
