"""What an EV does, and what its battery holds, at one moment of its day."""

from dataclasses import dataclass

from cosim.ev.charging import plugs_in, soc_after_parking
from cosim.ev.transitions import ACTIVITIES, HOME
from experiments.why.record import EvDay, Trip


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of an EV."""

    doing: str
    soc: float
    trip: int | None
    """The trip under way."""


def moment(day: EvDay, second: int) -> Moment:
    """Return what the EV does at *second*; it is parked where it is before its trips, between, and after them."""
    begun = [trip for trip in day.begun if trip["departure_s"] <= second]
    if begun and begun[-1].is_under_way(second + 1):
        return Moment(*_under_way(day, begun[-1], second), trip=begun[-1]["trip"])
    return Moment(*_parked(day, begun, second), trip=None)


def _parked(day: EvDay, begun: list[Trip], second: int) -> tuple[str, float]:
    """Return the state of a parked EV; one that is stranded stays where it was."""
    parked = _parked_since(day, begun)
    if parked is None:  # the state of charge is drawn for the first departure: taken as at that
        return f"parked ({ACTIVITIES[HOME]})", day.own("soc_first")
    activity, since_s, before = parked
    chargers = day.own("has_home_charger"), day.own("has_work_charger")
    plugged = bool(plugs_in(activity, before, *chargers, day.behaviour))
    soc = float(soc_after_parking(before, plugged, (second - since_s) / 3600, day.battery, day.behaviour))
    where = "stranded" if begun and begun[-1].is_stranded else "parked"
    how = "at a slow charger" if plugged and soc < 1 else "not charging"
    return f"{where} ({ACTIVITIES[activity]}), {how}", soc


def _parked_since(day: EvDay, begun: list[Trip]) -> tuple[int, int, float] | None:
    """Return the activity, the second of arrival and the state of charge then; None before a SOC that is drawn."""
    state, last = day.lived.state, begun[-1] if begun else None
    if last is None and state is not None:
        return int(state.activity[0]), int(state.parked_since_s[0]), float(state.soc[0])
    if last is None or (state is None and last is day.trip_before):
        return None
    if last.is_stranded:
        return last["from_activity"], last["departure_s"], last["soc_departure"]
    return last["to_activity"], last["arrival_s"], last["soc_arrival"]


def _under_way(day: EvDay, trip: Trip, second: int) -> tuple[str, float]:
    """Return the state of an EV on a trip; energy is taken to flow evenly over each part of it."""
    departed_s, left_with, arrived = trip["departure_s"], trip["soc_departure"], trip["soc_arrival"]
    before_s = trip.station_s - departed_s
    if not trip["charges"]:
        return "driving", _between(left_with, arrived, second - departed_s, before_s)
    station = day.scenario.stations[day.ahead.paths.station[trip["path"]]].name
    reached = float(trip.decision.made.charging.course.soc_charge_point[0])
    if second < trip.station_s:
        return f"driving to station {station}", _between(left_with, reached, second - departed_s, before_s)
    session = trip.session
    if session is None or second < session.start_s:
        return f"waiting for a charger at station {station}", reached
    charging, charged = f"charging at station {station}", max(reached, day.behaviour.soc_target)
    if session.end_s < 0:  # not before the end of the simulation
        return charging, reached
    if second < session.end_s:
        passed_s, whole_s = second - session.start_s, session.end_s - session.start_s
        return charging, _between(reached, charged, passed_s, whole_s)
    soc = _between(charged, arrived, second - session.end_s, trip["after_s"])
    return f"driving on from station {station}", soc


def _between(first: float, last: float, passed_s: int, whole_s: int) -> float:
    """Return the state of charge after *passed_s* of *whole_s* seconds."""
    return first + min(1.0, passed_s / max(1, whole_s)) * (last - first)
