"""The messages of one EV on one trip: physical acts arrive, a report may be lost."""

from typing import Any

import numpy as np

from agents.events.mail import mail_settings
from cosim.mail_settings import LOST_S
from cosim.messages import ev_address
from experiments.why.record import EvDay, Trip


def messages_of_trip(day: EvDay, trip: Trip) -> list[dict[str, Any]]:
    """Return the messages the EV sent and received on a trip, in order of time; none if it was stranded."""
    return [] if trip.is_stranded else [*_charging_messages(day, trip), *_trip_reports(day, trip)]


def _charging_messages(day: EvDay, trip: Trip) -> list[dict[str, Any]]:
    """Return the request, and the answers sent so far."""
    if not trip["charges"]:
        return []
    ev, session = ev_address(day.ev), trip.session
    station = day.scenario.stations[day.day_ahead.paths.station[trip["path"]]].name
    energy_kwh = float(trip.watched.decision.charging.energy_use.session_kwh[0])
    messages = [_message("ChargeRequest", trip.stop_arrival_s, ev, station, energy_kwh=energy_kwh)]
    if session is not None:
        wait_s = session.start_s - session.arrival_s
        messages.append(_message("ChargeStarted", session.start_s, station, ev, wait_s=wait_s))
    if session is not None and session.end_s >= 0:
        bill = {"energy_kwh": session.delivered_kwh, "paid_cny": session.paid_cny}
        messages.append(_message("ChargeEnded", session.end_s, station, ev, **bill))
    return messages


def _trip_reports(day: EvDay, trip: Trip) -> list[dict[str, Any]]:
    arrival_s = trip["arrival_s"]
    if arrival_s < 0:
        return []
    content = {"path": trip["path"], "wait_s": trip["wait_s"], "charge_s": trip["charge_s"]}
    report = _message("TripReported", arrival_s, ev_address(day.ev), "coordinator", **content)
    mail, uniform = mail_settings(day.scenario, day.scenario.config.seed), np.array([trip["report_uniform"]])
    (delivered_s,) = mail.reports_s(np.array([arrival_s]), uniform).tolist()
    return [report | {"delivered_s": -1 if delivered_s == LOST_S else delivered_s}]


def _message(kind: str, sent_s: int, sender: str, receiver: str, **content: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "sent_s": sent_s,
        "delivered_s": sent_s,
        "sender": sender,
        "receiver": receiver,
        "content": content,
    }
