"""The messages of one EV on one trip: physical acts arrive, a report may be lost."""

from typing import Any

from cosim.messages import ev_address
from experiments.why.record import EvDay, Trip


def mail_of(day: EvDay, trip: Trip) -> list[dict[str, Any]]:
    """Return what the EV sent and received on a trip that was made, in order of time."""
    return [] if trip.is_stranded else [*_at_the_station(day, trip), *_on_arrival(day, trip)]


def _at_the_station(day: EvDay, trip: Trip) -> list[dict[str, Any]]:
    """Return the request, and the answers as far as they were given."""
    if not trip["charges"]:
        return []
    me, session = ev_address(day.ev), trip.session
    station = day.scenario.stations[day.ahead.paths.station[trip["path"]]].name
    wanted_kwh = float(trip.decision.made.charging.course.session_kwh[0])
    mail = [_letter("ChargeRequest", trip.station_s, me, station, energy_kwh=wanted_kwh)]
    if session is not None:
        wait_s = session.start_s - session.arrival_s
        mail.append(_letter("ChargeStarted", session.start_s, station, me, wait_s=wait_s))
    if session is not None and session.end_s >= 0:
        bill = {"energy_kwh": session.delivered_kwh, "paid_cny": session.paid_cny}
        mail.append(_letter("ChargeEnded", session.end_s, station, me, **bill))
    return mail


def _on_arrival(day: EvDay, trip: Trip) -> list[dict[str, Any]]:
    rules, arrival_s = day.scenario.config.messages, trip["arrival_s"]
    if arrival_s < 0:
        return []
    says = {"path": trip["path"], "wait_s": trip["wait_s"], "charge_s": trip["charge_s"]}
    report = _letter("TripReported", arrival_s, ev_address(day.ev), "coordinator", **says)
    is_lost = trip["report_uniform"] < rules.loss_probability
    return [report | {"delivered_s": -1 if is_lost else arrival_s + rules.delay_s}]


def _letter(kind: str, sent_s: int, sender: str, receiver: str, **says: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "sent_s": sent_s,
        "delivered_s": sent_s,
        "sender": sender,
        "receiver": receiver,
        "says": says,
    }
