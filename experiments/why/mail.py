"""The messages of one EV on one trip, as they must have been: physical acts arrive, a report may be lost."""

from typing import Any

from agents.journey import ev_name
from agents.replay import Decision
from experiments.why.record import EvDay


def mail_of(day: EvDay, made: Decision) -> list[dict[str, Any]]:
    """Return what the EV sent and received on a trip that was made, in order of time."""
    if made.outcome is None:
        return []
    return [*_at_the_station(day, made), *_on_arrival(day, made)]


def _at_the_station(day: EvDay, made: Decision) -> list[dict[str, Any]]:
    """Return the request, and the answers as far as they came."""
    me, station, came = ev_name(day.plan.ev), made.route.station, made.outcome
    if station is None or came is None:
        return []
    wanted_kwh, plugged_s = float(made.course.session_kwh), came.plugged_s
    mail = [_letter("ChargeRequest", made.station_s, me, station, energy_kwh=wanted_kwh)]
    if plugged_s >= 0:
        mail.append(_letter("ChargeStarted", plugged_s, station, me, wait_s=made.wait_s))
    if came.charge_s > 0:
        end_s, got = plugged_s + came.charge_s, {"energy_kwh": came.fast_kwh, "paid_cny": came.paid_cny}
        mail.append(_letter("ChargeEnded", end_s, station, me, **got))
    return mail


def _on_arrival(day: EvDay, made: Decision) -> list[dict[str, Any]]:
    came, rules = made.outcome, day.scenario.config.messages
    if came is None or came.arrival_s < 0:
        return []
    report = _letter(
        "TripReported",
        came.arrival_s,
        ev_name(day.plan.ev),
        "coordinator",
        path=made.route.path,
        wait_s=made.wait_s,
        charge_s=came.charge_s,
    )
    is_lost = made.plan.report_uniform < rules.loss_probability
    return [report | {"delivered_s": -1 if is_lost else came.arrival_s + rules.delay_s}]


def _letter(kind: str, sent_s: int, sender: str, receiver: str, **says: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "sent_s": sent_s,
        "delivered_s": sent_s,
        "sender": sender,
        "receiver": receiver,
        "says": says,
    }
