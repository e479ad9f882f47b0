"""The state between two days: plain records and arrays, from which a day begins as it does from a scenario."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from agents.information import LastReceived
from agents.plans import first_ev_state, information_class_of_each
from agents.trip_table import TripTable
from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.mobility import EVState
from cosim.ev.session import Session
from cosim.mailbox import MailRules
from cosim.messages import Broadcast, PeriodOpened, TariffIssued
from cosim.scenario import Scenario


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

    @classmethod
    def on_their_way(cls, trips: TripTable, rules: MailRules, now_s: int) -> Self:
        """Return the reports of trips that have ended before *now_s*, and that arrive later."""
        rows = trips.reported(now_s - rules.delay_s + 1, now_s, rules.loss_probability)
        return cls(
            delivered_s=trips.arrival_s[rows] + rules.delay_s,
            departed_s=trips.departure_s[rows],
            path=trips.path[rows],
            spent_s=trips.wait_s[rows] + trips.charge_s[rows],
        )

    def select(self, rows: IntArray | BoolArray) -> Self:
        """Return these reports."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


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
class DayTraffic:
    """The traffic of a day; N periods, or more if trips began after its end, L links, P paths, S stations."""

    day: int
    trips: TripTable
    effective_min: FloatArray
    """(N, L): the link times that trips took."""
    announced_min: FloatArray
    """(N, L): announced to drivers, on average."""
    car_veh_h: FloatArray
    """(N, P)"""
    price_cny_per_kwh: FloatArray
    """(N, S)"""
    entering: IntArray
    """(periods of a day, L): EVs of the day before that enter a link on this day."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayBoundary:
    """Everything a day has to know of the days before it."""

    day: int
    """The day that begins."""
    evs: EVState | None
    """None where the state of charge is not carried over: all begin at home, with one drawn anew."""
    under_way: TripTable
    """Trips on the road or at a station, in the order of EVs; an EV has one at most."""
    sessions: tuple[tuple[Session, ...], ...]
    """For each station the vehicles that charge, wait or are coming, in order of arrival."""
    opened: LastReceived[PeriodOpened]
    """The last link times announced, by EV."""
    tariff: LastReceived[TariffIssued]
    """The last prices announced, by EV."""
    station_tariff: LastReceived[TariffIssued]
    """The same by station."""
    mail: tuple[Broadcast, ...]
    """Broadcasts still on their way; whom they will reach is drawn by their names."""
    reports: Reports
    measured: Measured
    drawn_kwh: FloatArray
    """By each station in the last period."""
    yesterday: DayTraffic
    """The trips that have ended of the day before; it is recorded when the others have ended, too."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InitialState:
    """How the EVs' day begins."""

    state: EVState | None
    """Where they are; None: at home, with a state of charge drawn for the first departure."""
    classes: tuple[str, ...]
    """Names of the information classes."""
    information_class: IntArray
    """Place of each EV's class in the names; beyond the last: told nothing."""
    start: DayBoundary | None
    """What the days before have left."""

    def soc(self, drawn: FloatArray) -> FloatArray:
        """Return the state of charge on the last arrival, or that *drawn*."""
        return drawn if self.state is None else self.state.soc

    def parked_since_s(self, n_ev: int) -> IntArray:
        """Return the second of the last arrival."""
        return np.zeros(n_ev, dtype=np.int64) if self.state is None else self.state.parked_since_s

    def sessions_at(self, stations: int) -> list[list[Session]]:
        """Return copies, for each station, of the sessions of vehicles that charge, wait or are coming."""
        if self.start is None:
            return [[] for _ in range(stations)]
        return [[copy_of(session) for session in sessions] for sessions in self.start.sessions]


def initial_state(scenario: Scenario, n_ev: int, seed: int, start: DayBoundary | None) -> InitialState:
    """Return how the EVs' day begins."""
    state = start.evs if start else None
    if start is None and scenario.config.population.soc == "carried":
        state = first_ev_state(scenario, n_ev, seed)
    shares = scenario.config.population.information.shares()
    return InitialState(
        state=state,
        classes=tuple(shares),
        information_class=information_class_of_each(shares, n_ev, seed),
        start=start,
    )


def ev_states_after(start: EVState, begun: TripTable, scenario: Scenario, end_s: int) -> EVState:
    """Return where EVs are after the trips *begun*, ordered by EV and departure.

    An EV at a station is expected when the diary says, but not before the end of the day. An EV that was stranded has
    charged, if at all, up to the departure that failed, and stays where it is.
    """
    activity, since_s, soc = start.activity.copy(), start.parked_since_s.copy(), start.soc.copy()
    zone, ev, stranded = start.zone.copy(), begun.ev - 1, begun.is_stranded
    made = np.flatnonzero(~stranded)
    expected_s = np.maximum(begun.departure_s + scenario.mobility.trip_s(begun.length_km), end_s)
    # an EV's trips are in order: of several values for one EV the last one stands
    activity[ev[made]] = begun.to_activity[made]
    since_s[ev] = np.where(
        stranded, begun.departure_s, np.where(begun.has_arrived, begun.arrival_s, expected_s)
    )
    soc[ev] = np.where(stranded, begun.soc_departure, begun.soc_arrival)
    if scenario.chains is not None:
        zone[ev[made]] = scenario.chains.zone_of_arrival(begun.od[made])
    return EVState(activity=activity, parked_since_s=since_s, soc=soc, zone=zone)


def copy_of(session: Session) -> Session:
    """Return a session that lives on by itself."""
    twin = replace(session)  # of the fields that are not given on arrival, only what follows
    twin.remaining_kwh = session.remaining_kwh
    return twin
