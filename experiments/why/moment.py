"""What an EV does, and what its battery holds, at one moment of its day."""

from dataclasses import dataclass

from agents.replay import Decision
from cosim.ev.charging import plugs_in, soc_after_parking
from cosim.ev.transitions import ACTIVITIES
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
    last: Decision | None = None
    for made in day.decisions:
        if second < made.departure_s or made.is_stranded:
            break
        came = made.outcome
        if came is not None and (came.arrival_s < 0 or second < came.arrival_s):
            return _under_way(day, made, second)
        last = made
    return _parked(day, last, second)


def _parked(day: EvDay, last: Decision | None, second: int) -> Moment:
    """Return the state of a parked EV; in the morning the battery is taken as at the first departure."""
    if last is None or last.outcome is None:
        first = day.plan.trips[0].from_activity if day.plan.trips else 0
        return Moment(f"parked ({ACTIVITIES[first]})", day.plan.soc_first, None)
    plan, activity, arrived = day.plan, last.plan.to_activity, float(last.course.soc_arrival)
    behaviour = plan.behaviour
    plugged = bool(plugs_in(activity, arrived, plan.has_home_charger, plan.has_work_charger, behaviour))
    parked_h = (second - last.outcome.arrival_s) / 3600
    soc = float(soc_after_parking(arrived, plugged, parked_h, day.battery, behaviour))
    how = "at a slow charger" if plugged and soc < 1 else "not charging"
    return Moment(f"parked ({ACTIVITIES[activity]}), {how}", soc, None)


def _under_way(day: EvDay, made: Decision, second: int) -> Moment:
    route, trip, start = made.route, made.plan.trip, made.departure_s + made.route.before_s
    reached, arrived = float(made.course.soc_charge_point), float(made.course.soc_arrival)
    if route.station is None:
        share = (second - made.departure_s) / max(1, route.before_s)
        return Moment("driving", made.soc + share * (arrived - made.soc), trip)
    if second < start:
        share = (second - made.departure_s) / route.before_s
        return Moment(f"driving to station {route.station}", made.soc + share * (reached - made.soc), trip)
    came, plugged_s = made.outcome, day.charge_start_s.get(trip, start if not day.is_recorded else None)
    if plugged_s is None or second < plugged_s:
        return Moment(f"waiting for a charger at station {route.station}", reached, trip)
    charged = max(reached, day.plan.behaviour.target_soc)
    if came is None or came.arrival_s < 0 or second < plugged_s + came.charge_s:
        share = (second - plugged_s) / came.charge_s if came is not None and came.charge_s else 0.0
        return Moment(f"charging at station {route.station}", reached + share * (charged - reached), trip)
    share = (second - plugged_s - came.charge_s) / max(1, route.after_s)
    return Moment(f"driving on from station {route.station}", charged + share * (arrived - charged), trip)
