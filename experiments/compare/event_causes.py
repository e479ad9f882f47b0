"""Events that happen to one of two samples only: faults and closings of the scenarios."""

from collections import Counter
from dataclasses import replace

from cosim.config.events import AnyEvent
from experiments.compare.indicator import Cause, Indicator
from experiments.compare.sample import Sample

ALONE = "events [number]"
TOLD = 3
"""Events that the sentence names."""


def events(cause: Cause) -> list[Indicator]:
    """Compare the events that happen: to agents all, in an equilibrium those that are planned."""
    first, second = _happening(cause.reference), _happening(cause.other)
    if not first and not second:
        return []
    gone, come = list((first - second).elements()), list((second - first).elements())
    parts = [
        f"{len(alone)} in the {which} only ({_some(alone)})"
        for which, alone in (("reference", gone), ("other", come))
        if alone
    ]
    sentence = f"events: {', and '.join(parts) or 'the same in both'}"
    counts = float(first.total()), float(second.total())
    return [replace(cause.apart(ALONE, counts, 0.0, sentence), effect=float(len(gone) + len(come)))]


def _happening(sample: Sample) -> Counter[AnyEvent]:
    return Counter(event for event in sample.config.events if sample.is_random or event.planned)


def _some(alone: list[AnyEvent]) -> str:
    told = [event.told + (f" on day {event.day}" if event.day else "") for event in alone[:TOLD]]
    return "; ".join(told) + (f"; and {len(alone) - TOLD} more" if len(alone) > TOLD else "")
