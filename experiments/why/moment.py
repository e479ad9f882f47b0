"""What an EV does, and what its battery holds, at one moment of its day."""

from dataclasses import dataclass

from agents.replay import Decision, Outcome
from cosim.ev.charging import plugs_in, soc_after_parking
from cosim.ev.transitions import ACTIVITIES, HOME
from experiments.why.record import EvDay


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of an EV."""

    doing: str
    soc: float
    trip: int | None
    """The trip under way."""


def moment(day: EvDay, second: int) -> Moment:
    """Return what the EV does at *second*; it is parked where it is before its trips, between, and after them."""
    begun = [made for made in day.lived.begun if made.departure_s <= second]
    last = begun[-1] if begun else None
    if last is not None and last.outcome is not None and last.is_under_way(second + 1):
        return Moment(*_under_way(day, last, last.outcome, second), trip=last.plan.trip)
    return Moment(*_parked(day, begun, second), trip=None)


def _parked(day: EvDay, begun: list[Decision], second: int) -> tuple[str, float]:
    """Return the state of a parked EV; who is stranded stays where it was."""
    plan, since = day.plan, _parked_since(day, begun)
    if since is None:  # the battery is drawn for the morning: taken as at the first departure
        return f"parked ({ACTIVITIES[HOME]})", plan.soc_first
    activity, since_s, before = since
    plugged = bool(plugs_in(activity, before, plan.has_home_charger, plan.has_work_charger, plan.behaviour))
    soc = float(soc_after_parking(before, plugged, (second - since_s) / 3600, plan.battery, plan.behaviour))
    where = "stranded" if begun and begun[-1].is_stranded else "parked"
    how = "at a slow charger" if plugged and soc < 1 else "not charging"
    return f"{where} ({ACTIVITIES[activity]}), {how}", soc


def _parked_since(day: EvDay, begun: list[Decision]) -> tuple[int, int, float] | None:
    """Return the activity, the second of arrival and the state of charge then; None in a morning that is drawn."""
    state, last = day.lived.night.state, begun[-1] if begun else None
    if last is None and state is not None:
        return int(state.activity[0]), int(state.parked_since_s[0]), float(state.soc[0])
    if last is None or (state is None and last is day.lived.night.under_way):
        return None
    if last.outcome is None:
        return last.plan.from_activity, last.departure_s, last.soc
    return last.plan.to_activity, last.outcome.arrival_s, float(last.course.soc_arrival)


def _under_way(day: EvDay, made: Decision, came: Outcome, second: int) -> tuple[str, float]:
    """Return the state of an EV on a trip; energy is taken to flow evenly over each part of it."""
    route = made.route
    reached, arrived = float(made.course.soc_charge_point), float(made.course.soc_arrival)
    if route.station is None:
        return "driving", _between(made.soc, arrived, second - made.departure_s, route.before_s)
    if second < made.station_s:
        soc = _between(made.soc, reached, second - made.departure_s, route.before_s)
        return f"driving to station {route.station}", soc
    if second < came.plugged_s or came.plugged_s < 0:
        return f"waiting for a charger at station {route.station}", reached
    charging, charged = f"charging at station {route.station}", max(reached, day.plan.behaviour.target_soc)
    if came.charge_s == 0:  # not before the end of the simulation
        return charging, reached
    end_s = came.plugged_s + came.charge_s
    if second < end_s:
        return charging, _between(reached, charged, second - came.plugged_s, came.charge_s)
    soc = _between(charged, arrived, second - end_s, route.after_s)
    return f"driving on from station {route.station}", soc


def _between(first: float, last: float, passed_s: int, whole_s: int) -> float:
    """Return the state of charge after *passed_s* of *whole_s* seconds."""
    return first + min(1.0, passed_s / max(1, whole_s)) * (last - first)
