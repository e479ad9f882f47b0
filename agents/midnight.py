"""What one day leaves to the next: plain records and arrays, from which a day begins as it does from a scenario."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Generic, Self, TypeVar

import numpy as np

from agents.trip_log import TripLog
from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.mobility import EVState
from cosim.ev.session import Session
from cosim.messages import Broadcast, Message, PeriodOpened, TariffIssued
from cosim.scenario import Scenario

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnderWay:
    """Trips that midnight finds on the road or at a station, in the order of EVs; an EV has one at most."""

    log: TripLog
    """The second of arrival is to come; it is -1 for who has not left the station yet."""
    after_s: IntArray
    """Driving time from the station on."""
    report_uniform: FloatArray

    def of(self, which: IntArray) -> "UnderWay":
        """Return some of the trips."""
        return UnderWay(
            log=self.log.of(which), after_s=self.after_s[which], report_uniform=self.report_uniform[which]
        )


@dataclass(frozen=True, slots=True, eq=False)
class LastHeard(Generic[M]):
    """Which message of a kind each of many heard last."""

    messages: tuple[M, ...]
    number: IntArray
    """Place in the messages of each, -1 for who never heard any."""

    @classmethod
    def of(cls, heard: Sequence[M | None], number: IntArray) -> Self:
        """Return what each heard last, its *number* being a place in *heard*; others are forgotten."""
        present, number = np.unique(number, return_inverse=True)
        messages: list[M] = []
        places = []
        for place in present.tolist():
            message = heard[place]
            places.append(-1 if message is None else len(messages))
            messages += [] if message is None else [message]
        return cls(tuple(messages), np.array(places, dtype=np.int64)[number])

    @classmethod
    def of_each(cls, heard: Sequence[M | None]) -> Self:
        """Return what each heard last, from that itself."""
        distinct = list({id(message): message for message in heard}.values())
        places = {id(message): place for place, message in enumerate(distinct)}
        return cls.of(distinct, np.array([places[id(message)] for message in heard], dtype=np.int64))

    def each(self) -> list[M | None]:
        """Return the message that each heard."""
        said = [*self.messages, None]
        return [said[place] for place in self.number.tolist()]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reports:
    """Reports of trips that are on their way to the coordinator, one value for each."""

    delivered_s: IntArray
    departed_s: IntArray
    path: IntArray
    spent_s: IntArray
    """Seconds at a station."""

    @classmethod
    def none(cls) -> Self:
        """Return no reports."""
        return cls(**{field.name: np.zeros(0, dtype=np.int64) for field in fields(cls)})

    def of(self, which: IntArray | BoolArray) -> Self:
        """Return some of them."""
        return type(self)(**{field.name: getattr(self, field.name)[which] for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What the coordinator knows of the traffic so far; T periods, L links, P paths, S stations."""

    last_period_min: FloatArray
    """(L,): link times measured in the last period."""
    yesterday_min: FloatArray
    """(T, L): link times measured in each period when it was last, free flow before."""
    perceived_min: FloatArray
    """(T, L): their mean over the days."""
    trips: IntArray
    """(T, P): trips by their departure, not yet learnt from."""
    spent_s: IntArray
    """(T, S): the seconds they spent at stations."""
    car_link_veh_h: FloatArray
    """(T, L): conventional cars beside them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """A day whose last trips have yet to end before it is written down; T periods, L links, P paths, S stations."""

    log: TripLog
    """The trips that have ended."""
    time_min: FloatArray
    """(T, L): in force."""
    announced_min: FloatArray
    """(T, L): what drivers were told, on average."""
    car_veh_h: FloatArray
    """(T, P)"""
    price_cny_per_kwh: FloatArray
    """(T, S)"""
    entering: IntArray
    """(T, L): EVs of the day before that enter a link on this day."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Midnight:
    """Everything a day has to know of the days before it."""

    day: int
    """The day that begins."""
    evs: EVState | None
    """None where a morning forgets the night: all begin at home with a state of charge drawn anew."""
    under_way: UnderWay
    sessions: tuple[tuple[Session, ...], ...]
    """For each station the vehicles that charge, wait or are coming, in order of arrival."""
    opened: LastHeard[PeriodOpened]
    """The last news of link times, by EV."""
    tariff: LastHeard[TariffIssued]
    """The last news of prices, by EV."""
    station_tariff: LastHeard[TariffIssued]
    """The same by station."""
    mail: tuple[Broadcast, ...]
    """Broadcasts still on their way; whom they will reach is drawn by their names."""
    reports: Reports
    measured: Measured
    drawn_kwh: FloatArray
    """By each station in the last period."""
    yesterday: Traffic


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Morning:
    """How the EVs' day begins."""

    state: EVState | None
    """Where they are; None: at home, with a state of charge drawn for the morning."""
    knowledge: IntArray
    """Number of the kind of knowledge each driver has."""
    start: Midnight | None
    """What the days before have left."""


def evs_after(start: EVState, log: TripLog, scenario: Scenario, midnight_s: int) -> EVState:
    """Return where EVs are after the trips in *log*, ordered by EV and trip, that they began.

    Who is at a station is expected when the diary says, but not before midnight. Who was stranded has charged, if
    at all, up to the departure that failed, and stays where it is.
    """
    activity, since_s, soc = start.activity.copy(), start.parked_since_s.copy(), start.soc.copy()
    zone, ev, stranded = start.zone.copy(), log.ev - 1, log.is_stranded
    made = np.flatnonzero(~stranded)
    expected_s = np.maximum(log.departure_s + scenario.mobility.trip_s(log.length_km), midnight_s)
    # an EV's trips are in order: of several values for one EV the last one stands
    activity[ev[made]] = log.to_activity[made]
    since_s[ev] = np.where(stranded, log.departure_s, np.where(log.has_arrived, log.arrival_s, expected_s))
    soc[ev] = np.where(stranded, log.soc_departure, log.soc_arrival)
    if scenario.chains is not None:
        zone[ev[made]] = scenario.chains.zone_of_arrival(log.od[made])
    return EVState(activity=activity, parked_since_s=since_s, soc=soc, zone=zone)


def copy_of(session: Session) -> Session:
    """Return a session that lives on by itself."""
    twin = replace(session)  # of the fields that are not given on arrival, only what follows
    twin.remaining_kwh = session.remaining_kwh
    return twin
