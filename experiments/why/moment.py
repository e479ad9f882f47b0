"""Activity state and state of charge of an EV at one moment of its day."""

from dataclasses import dataclass
from typing import NamedTuple

from cosim.ev.charging import plugs_in, soc_after_parking
from cosim.ev.transitions import ACTIVITIES, HOME
from experiments.why.record import EvDay, Trip


@dataclass(frozen=True, slots=True)
class Moment:
    """State of an EV at one moment."""

    activity_state: str
    soc: float
    trip: int | None
    """Number of the trip under way; None while parked."""


def moment(day: EvDay, second: int) -> Moment:
    """Return the state of the EV at *second*: parked, or on one of its trips."""
    begun = [trip for trip in day.begun if trip["departure_s"] <= second]
    if begun and begun[-1].is_under_way(second + 1):
        return Moment(*_under_way(day, begun[-1], second), trip=begun[-1]["trip"])
    return Moment(*_parked(day, begun, second), trip=None)


def _parked(day: EvDay, begun: list[Trip], second: int) -> tuple[str, float]:
    """Return the state of a parked EV; one that is stranded stays where it was."""
    stay = _last_arrival(day, begun)
    if stay is None:  # the state of charge is drawn for the first departure: taken as at that
        return f"parked ({ACTIVITIES[HOME]})", day.attribute("soc_first")
    chargers = day.attribute("has_home_charger"), day.attribute("has_work_charger")
    plugged = bool(plugs_in(stay.activity, stay.soc, *chargers, day.behaviour))
    parked_h = (second - stay.arrival_s) / 3600
    soc = float(soc_after_parking(stay.soc, plugged, parked_h, day.battery, day.behaviour))
    state = "stranded" if begun and begun[-1].is_stranded else "parked"
    charging = "at a slow charger" if plugged and soc < 1 else "not charging"
    return f"{state} ({ACTIVITIES[stay.activity]}), {charging}", soc


class Arrival(NamedTuple):
    """Start of a stay."""

    activity: int
    arrival_s: int
    soc: float
    """State of charge on arrival."""


def _last_arrival(day: EvDay, begun: list[Trip]) -> Arrival | None:
    """Return the start of the stay; None before a first departure with a state of charge drawn for it."""
    state, last = day.recording.state, begun[-1] if begun else None
    if last is None and state is not None:
        return Arrival(int(state.activity[0]), int(state.parked_since_s[0]), float(state.soc[0]))
    if last is None or (state is None and last is day.carried_over_trip):
        return None
    if last.is_stranded:
        return Arrival(last["from_activity"], last["departure_s"], last["soc_departure"])
    return Arrival(last["to_activity"], last["arrival_s"], last["soc_arrival"])


def _under_way(day: EvDay, trip: Trip, second: int) -> tuple[str, float]:
    """Return the state of an EV on a trip; the state of charge is linear in time over each part of it."""
    driven_s = second - trip["departure_s"]
    soc_departure, soc_arrival = trip["soc_departure"], trip["soc_arrival"]
    to_stop_s = trip.stop_arrival_s - trip["departure_s"]
    if not trip["charges"]:
        return "driving", _interpolated(soc_departure, soc_arrival, driven_s, to_stop_s)
    station = day.scenario.stations[day.day_ahead.paths.station[trip["path"]]].name
    soc_stop = float(trip.watched.decision.charging.energy_use.soc_charging_stop[0])
    if second < trip.stop_arrival_s:
        soc = _interpolated(soc_departure, soc_stop, driven_s, to_stop_s)
        return f"driving to station {station}", soc
    session = trip.session
    if session is None or second < session.start_s:
        return f"waiting for a charger at station {station}", soc_stop
    charging, soc_charged = f"charging at station {station}", max(soc_stop, day.behaviour.soc_target)
    if session.end_s < 0:  # not before the end of the simulation
        return charging, soc_stop
    if second < session.end_s:
        session_s = session.end_s - session.start_s
        return charging, _interpolated(soc_stop, soc_charged, second - session.start_s, session_s)
    onward_s = trip["station_to_destination_s"]
    soc = _interpolated(soc_charged, soc_arrival, second - session.end_s, onward_s)
    return f"driving on from station {station}", soc


def _interpolated(soc_start: float, soc_end: float, elapsed_s: int, duration_s: int) -> float:
    """Return the state of charge after *elapsed_s* of *duration_s* seconds."""
    return soc_start + min(1.0, elapsed_s / max(1, duration_s)) * (soc_end - soc_start)
