"""The state between two days as plain records and arrays, from which the next day starts."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from agents.information import LastReceived
from agents.plans import first_ev_state, information_class_of_each
from agents.rerouting import Drive
from agents.trip_table import TripTable
from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.mobility import EVState
from cosim.ev.session import Session
from cosim.mail_settings import LOST_S, MailSettings
from cosim.messages import Broadcast, PeriodOpened, TariffIssued
from cosim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reports:
    """Reports of trips in transit to the coordinator, one value for each."""

    delivered_s: IntArray
    departed_s: IntArray
    path: IntArray
    spent_s: IntArray
    """Wait and charge at the station."""

    @classmethod
    def none(cls) -> Self:
        """Return no reports."""
        return cls(**{field.name: np.zeros(0, dtype=np.int64) for field in fields(cls)})

    @classmethod
    def in_transit(cls, trips: TripTable, rules: MailSettings, now_s: int) -> Self:
        """Return the reports of trips that ended before *now_s* and that are delivered later."""
        rows, delivered_s = trips.reports(rules, 0, now_s, LOST_S - 1)
        before = trips.arrival_s[rows] < now_s
        rows, delivered_s = rows[before], delivered_s[before]
        return cls(
            delivered_s=delivered_s,
            departed_s=trips.departure_s[rows],
            path=trips.path[rows],
            spent_s=trips.wait_s[rows] + trips.charge_s[rows],
        )

    def joined(self, other: Self) -> Self:
        """Return these reports and others."""
        names = [field.name for field in fields(self)]
        return type(self)(**{n: np.concatenate([getattr(self, n), getattr(other, n)]) for n in names})

    def select(self, rows: IntArray | BoolArray) -> Self:
        """Return these reports."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Traffic measured by the coordinator so far; T periods, L links, P paths, S stations."""

    last_period_min: FloatArray
    """(L,): link times measured in the last period."""
    yesterday_min: FloatArray
    """(T, L): link times measured in the last occurrence of each period; free flow before the first one."""
    perceived_min: FloatArray
    """(T, L): mean of these link times over the days."""
    trips: IntArray
    """(T, P): trips by departure period that are not yet in ``perceived_min``."""
    spent_s: IntArray
    """(T, S): seconds of these trips at stations."""
    car_link_veh_h: FloatArray
    """(T, L): flow of conventional cars in the same periods."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayTraffic:
    """Traffic of a day; N periods (more than a day has if trips began after its end), L links, P paths, S stations."""

    day: int
    trips: TripTable
    effective_min: FloatArray
    """(N, L): link times that trips took."""
    announced_min: FloatArray
    """(N, L): announced link times, mean over all drivers."""
    car_veh_h: FloatArray
    """(N, P): expected flow of conventional cars."""
    price_cny_per_kwh: FloatArray
    """(N, S): charging price."""
    carried_over_entries: IntArray
    """(periods of a day, L): EVs of the day before that enter a link on this day."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayBoundary:
    """State from which a day starts, left by the days before it."""

    day: int
    """Number of the day that starts."""
    evs: EVState | None
    """State of the EVs; None where it is not carried over: all start at home, with a state of charge drawn anew."""
    under_way: TripTable
    """Trips on the road or at a station, in order of EVs; at most one for each."""
    drives: tuple[Drive, ...]
    """Ways of these trips, where a road was closed or a station chosen under way."""
    sessions: tuple[tuple[Session, ...], ...]
    """For each station the vehicles that charge, wait or are on the way, in order of arrival."""
    opened: LastReceived[PeriodOpened]
    """Last link times announced, by EV."""
    tariff: LastReceived[TariffIssued]
    """Last prices announced, by EV."""
    station_tariff: LastReceived[TariffIssued]
    """Last prices announced, by station."""
    mail: tuple[Broadcast, ...]
    """Broadcasts in transit; their losses are drawn from the streams of their names."""
    reports: Reports
    measured: Measured
    last_period_kwh: FloatArray
    """(stations,): energy drawn in the last period."""
    yesterday: DayTraffic
    """Traffic of the day before, with the trips that have ended; it is recorded when the others have ended."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InitialState:
    """State of the EVs as the day starts."""

    state: EVState | None
    """Parking and state of charge; None: at home, with a state of charge drawn for the first departure."""
    classes: tuple[str, ...]
    """Names of the information classes."""
    information_class: IntArray
    """Index of each EV's class in ``classes``; beyond the last one: without information."""
    start: DayBoundary | None
    """State left by the days before; None on the first day."""

    def soc(self, drawn: FloatArray) -> FloatArray:
        """Return the state of charge on the last arrival, or the one *drawn*."""
        return drawn if self.state is None else self.state.soc

    def parked_since_s(self, n_ev: int) -> IntArray:
        """Return the second of the last arrival."""
        return np.zeros(n_ev, dtype=np.int64) if self.state is None else self.state.parked_since_s

    def sessions_at(self, stations: int) -> list[list[Session]]:
        """Return for each station copies of the sessions of vehicles that charge, wait or are on the way."""
        if self.start is None:
            return [[] for _ in range(stations)]
        return [[copy_session(session) for session in sessions] for sessions in self.start.sessions]


def initial_state(scenario: Scenario, n_ev: int, seed: int, start: DayBoundary | None) -> InitialState:
    """Return the state of the EVs as the day starts."""
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


def ev_states_after(start: EVState, trips: TripTable, scenario: Scenario, end_s: int) -> EVState:
    """Return the state of the EVs after those *trips* that have begun, ordered by EV and departure.

    The arrival of an EV at a station is taken from the diary, but not before the end of the day. A stranded EV stays
    where it is, with the state of charge at the departure that failed.
    """
    trips = trips.select(trips.has_begun)
    activity, parked_since_s, soc = start.activity.copy(), start.parked_since_s.copy(), start.soc.copy()
    zone, ev, stranded = start.zone.copy(), trips.ev - 1, trips.is_stranded
    arriving = np.flatnonzero(~stranded)
    expected_s = np.maximum(trips.departure_s + scenario.mobility.trip_s(trips.length_km), end_s)
    # an EV's trips are in order: of several values for one EV the last one is kept
    activity[ev[arriving]] = trips.to_activity[arriving]
    parked_since_s[ev] = np.where(
        stranded, trips.departure_s, np.where(trips.has_arrived, trips.arrival_s, expected_s)
    )
    soc[ev] = np.where(stranded, trips.soc_departure, trips.soc_arrival)
    if scenario.chains is not None:
        zone[ev[arriving]] = scenario.chains.zone_of_arrival(trips.od[arriving])
    return EVState(activity=activity, parked_since_s=parked_since_s, soc=soc, zone=zone)


def copy_session(session: Session) -> Session:
    """Return an independent copy of a session."""
    copy = replace(session)  # sets remaining_kwh anew, from the energy requested
    copy.remaining_kwh = session.remaining_kwh
    return copy
