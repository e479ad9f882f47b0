"""What the events of a run did, as records and in sentences."""

from typing import Any

from cosim.arrays import Frame
from cosim.scenario import Scenario

CLOSING = frozenset({"station", "chargers", "road"})
"""Kinds of events that drivers who set out know of or are told of, which is not counted."""


def event_records(scenario: Scenario, events: Frame | None) -> list[dict[str, Any]]:
    """Return each event of each day with what it did, from the table ``events``; none where no agents ran."""
    if events is None:
        return []
    key = ["day", "event", "kind", "name", "planned", "from_s", "until_s"]
    rows = events.to_dict("records")
    did: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in rows:
        did.setdefault(tuple(row[name] for name in key), {})[row["effect"]] = row["amount"]
    records = [dict(zip(key, values, strict=True)) | {"effects": effects} for values, effects in did.items()]
    return [record | {"what": scenario.events[record["event"] - 1].config.told} for record in records]


def event_sentences(scenario: Scenario, records: list[dict[str, Any]], *, of_agents: bool) -> list[str]:
    """Return what happened, when, and what it did: a sentence for each event and day.

    Without agents it is whether the event is part of the equilibrium.
    """
    if not of_agents:
        known = {True: "it is part of the equilibrium", False: "it is sudden, and no part of the equilibrium"}
        return [f"{event.config.told}: {known[event.planned]}." for event in scenario.events]
    days = scenario.config.days > 1
    return [
        (f"day {record['day']}: " if days else "")
        + f"{record['what']}, {'planned' if record['planned'] else 'sudden'}: {what_it_did(record)}."
        for record in records
    ]


def what_it_did(record: dict[str, Any]) -> str:
    """Return the effects of an event that are not 0 as they are told."""
    told = [
        f"{effect} {amount:,.{0 if amount.is_integer() else 1}f}"
        for effect, amount in record["effects"].items()
        if round(amount, 1)
    ]
    nothing = "nobody under way was affected" if record["kind"] in CLOSING else "nothing came of it"
    return "; ".join(told) or nothing
