"""Watched EVs: their decisions are recorded with the information and the choice set behind them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from agents.day_record import DayRecord
from agents.decisions import Decision, DecisionContext, DepartingEVs, choice_set, decide
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
    """Decision of one EV, as arrays of one value, with its information and choice set."""

    decision: Decision
    opened: PeriodOpened | None
    """Message with the link times it perceives; None before the first one: free flow."""
    tariff: TariffIssued | None
    """Message with the prices it expects; None before the first one: the published prices."""
    choice_set: ChoiceSet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WatchedDay:
    """One day of one EV."""

    day: int
    index: int
    """Index of the EV in *evs*, from 0."""
    evs: EVAttributes
    state: EVState | None
    """State of the EV as the day begins, as arrays of one value; None: at home, with a state of charge drawn anew."""
    trips: TripTable
    """Trip under way as the day begins, then those planned; in their state at the end of the day."""
    decisions: dict[int, WatchedDecision]
    """Decisions by the row of the trip."""
    sessions: tuple[Session, ...]
    """Sessions that have begun, in their state at the end of the day."""
    lost: tuple[Broadcast, ...]
    """Broadcasts lost on the way to the EV."""


class Watch:
    """Records the decisions of the watched EVs, by the row of the trip."""

    def __init__(self, evs: frozenset[int]) -> None:
        """Watch the EVs of these numbers, from 1."""
        self.evs = evs
        self.decisions: dict[int, WatchedDecision] = {}

    def note(self, context: DecisionContext, departing: DepartingEVs, period: PeriodOfDay) -> None:
        """Record the decisions of departing EVs that are watched; a decision rolled back is overwritten later."""
        if not self.evs:
            return
        for row in np.flatnonzero(np.isin(departing.ev + 1, list(self.evs))).tolist():
            single = departing.select(np.array([row]))
            decision, ev = decide(context, single, period), int(single.ev[0])
            self.decisions[int(single.trip_row[0])] = WatchedDecision(
                decision=decision,
                opened=context.information.opened.last(ev),
                tariff=context.information.tariff.last(ev),
                choice_set=choice_set(context, single, decision, period),
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
    """Return the day, once it is over, of the EV with number *ev*; its trips start at row ``first_row[ev - 1]``."""
    first, end = first_row[ev - 1 : ev + 1].tolist()
    trips = record.trips.select(np.arange(first, end)).cut_at(record.end_s)
    columns = {field.name: getattr(state, field.name) for field in fields(EVState)} if state else {}
    return WatchedDay(
        day=record.day,
        index=ev - 1,
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
