"""EVs that are watched: their decisions are kept with what they were told and what there was to choose from."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from agents.day_record import DayRecord
from agents.decisions import Decision, DecisionContext, Leaving, choice_set, depart
from agents.information import InformationState
from agents.path_choice import ChoiceSet
from agents.plans import EVAttributes
from agents.trip_table import TripTable
from cosim.arrays import IntArray
from cosim.ev.mobility import EVState
from cosim.ev.session import Session
from cosim.messages import Broadcast, PeriodOpened, TariffIssued
from cosim.periods import PeriodOfDay


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WatchedDecision:
    """What one EV decided, and by what; arrays of one value."""

    made: Decision
    opened: PeriodOpened | None
    """The message whose link times it perceives; None: it has received none and knows those of free flow."""
    tariff: TariffIssued | None
    """The message whose prices it expects; None: it has received none and knows the published ones."""
    choice: ChoiceSet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WatchedDay:
    """One day of one EV."""

    day: int
    place: int
    """Of the EV in *evs*, from 0."""
    evs: EVAttributes
    state: EVState | None
    """Where the EV is as the day begins, as arrays of one value; None: at home, with a state of charge drawn anew."""
    trips: TripTable
    """Those under way as the day begins, then those planned; as they stand at its end."""
    decisions: dict[int, WatchedDecision]
    """By the row of the trip."""
    sessions: tuple[Session, ...]
    """Those that have begun, as they stand at the end of the day."""
    lost: tuple[Broadcast, ...]
    """Broadcasts that did not reach the EV."""


class Watch:
    """Keeps the decisions of some EVs, by the row of the trip."""

    def __init__(self, evs: frozenset[int]) -> None:
        """Watch the EVs of these numbers, from 1."""
        self.evs = evs
        self.decisions: dict[int, WatchedDecision] = {}

    def note(self, context: DecisionContext, who: Leaving, period: PeriodOfDay) -> None:
        """Keep what those decide who leave and are watched; a decision that is rolled back is replaced later."""
        if not self.evs:
            return
        information = context.information
        for place in np.flatnonzero(np.isin(who.ev + 1, list(self.evs))).tolist():
            alone = who.select(np.array([place]))
            made, ev = depart(context, alone, period), int(alone.ev[0])
            self.decisions[int(alone.row[0])] = WatchedDecision(
                made=made,
                opened=information.opened.message(information.opened.number[ev]),
                tariff=information.tariff.message(information.tariff.number[ev]),
                choice=choice_set(context, alone, made, period),
            )


def watched_day(
    ev: int,
    record: DayRecord,
    first_row: IntArray,
    state: EVState | None,
    watch: Watch,
    sessions: Iterable[Session],
    information: InformationState,
) -> WatchedDay:
    """Return the day of the EV with the number *ev*, once it is over."""
    first, end = first_row[ev - 1 : ev + 1].tolist()
    trips = record.trips.select(np.arange(first, end)).cut_at(record.end_s)
    columns = {field.name: getattr(state, field.name) for field in fields(EVState)} if state else {}
    return WatchedDay(
        day=record.day,
        place=ev - 1,
        evs=record.evs,
        state=EVState(**{name: column[[ev - 1]] for name, column in columns.items()}) if state else None,
        trips=trips,
        decisions={
            row - first: decision
            for row, decision in watch.decisions.items()
            if first <= row < end and trips.departure_s[row - first] >= 0
        },
        sessions=tuple(session for session in sessions if session.ev == ev),
        lost=tuple(message for number, message in information.lost if number == ev),
    )
