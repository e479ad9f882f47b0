"""The decision of a driver who leaves: whether to fast-charge on the way, and on which path, or (path, station) pair.

One function over arrays for both resolutions: an EV calls it with one row, the fleet with many. No value of a row
depends on the other rows, so both decide alike to the last bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agents.information import InformationState
from agents.path_choice import ChoiceSet, PathChoice
from agents.plans import EVAttributes
from agents.price_list import PriceLists
from agents.roads import Roads
from agents.trip_table import TripTable
from cosim.arrays import FloatArray, IntArray
from cosim.ev.charging import ChargingDecision, Departures, decide_charging
from cosim.ev.session import Session
from cosim.messages import PeriodOpened, TariffIssued
from cosim.periods import PeriodOfDay


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecisionContext:
    """What drivers decide by: their cars and plans, what they were told, how they choose, and the roads."""

    evs: EVAttributes
    trips: TripTable
    information: InformationState
    choice: PathChoice
    prices: PriceLists
    roads: Roads


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaving:
    """EVs that leave on a trip: one value for each."""

    ev: IntArray
    """Counted from 0."""
    row: IntArray
    """Of the trip, in the table of trips."""
    departure_s: IntArray
    soc: FloatArray
    """On arrival at the parking place."""
    parked_since_s: IntArray

    def select(self, rows: IntArray) -> "Leaving":
        """Return these EVs."""
        return Leaving(
            ev=self.ev[rows],
            row=self.row[rows],
            departure_s=self.departure_s[rows],
            soc=self.soc[rows],
            parked_since_s=self.parked_since_s[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """What drivers decide as they leave: one value for each."""

    departure_s: IntArray
    charging: ChargingDecision
    path: IntArray
    """The path, or the (path, station) pair; -1 if stranded."""
    drive_s: IntArray
    """Driving time at the link times in effect."""
    after_s: IntArray
    """The part of it that lies behind the station."""

    @property
    def passes(self) -> IntArray:
        """Places of those who drive and do not charge."""
        return np.flatnonzero(~self.charging.charges & ~self.charging.course.stranded)

    @property
    def stops(self) -> IntArray:
        """Places of those who drive to a station."""
        return np.flatnonzero(self.charging.charges & ~self.charging.course.stranded)


def depart(context: DecisionContext, who: Leaving, period: PeriodOfDay) -> Decision:
    """Return what EVs decide as they leave in *period*, each by what it has been told."""
    price_ratio = np.empty(who.ev.size)
    for issued, some in context.information.tariff.groups(who.ev):
        price_ratio[some] = context.prices.told(issued).ratio(period)
    charging = decide_charging(departures(context, who), price_ratio)
    path = _chosen_paths(context, who, charging, period)
    after_s = context.roads.after_s[path]
    return Decision(
        departure_s=who.departure_s,
        charging=charging,
        path=np.where(charging.course.stranded, -1, path),
        drive_s=context.roads.before_s[path] + after_s,
        after_s=after_s,
    )


def departures(context: DecisionContext, who: Leaving) -> Departures:
    """Return what decides on charging; a first departure of the day may be with the state of charge drawn for it."""
    evs, trips = context.evs, context.trips
    is_drawn = evs.soc_is_drawn & (trips.trip[who.row] == 1)
    return Departures(
        soc=np.where(is_drawn, evs.soc_first[who.ev], who.soc),
        soc_is_drawn=is_drawn,
        parked_s=who.departure_s - who.parked_since_s,
        from_activity=trips.from_activity[who.row],
        has_home_charger=evs.has_home_charger[who.ev],
        has_work_charger=evs.has_work_charger[who.ev],
        length_km=trips.length_km[who.row],
        charge_uniform=trips.charge_uniform[who.row],
        battery=evs.battery.select(who.ev),
        behaviour=evs.behaviour.select(who.ev),
    )


def _chosen_paths(
    context: DecisionContext, who: Leaving, charging: ChargingDecision, period: PeriodOfDay
) -> IntArray:
    """Draw paths, and (path, station) pairs, at the costs drivers perceive (Eq. 7)."""
    choice, od, uniform = context.choice, context.trips.od[who.row], context.trips.route_uniform[who.row]
    path = np.empty(who.ev.size, dtype=np.int64)
    passing, wanting = np.flatnonzero(~charging.charges), np.flatnonzero(charging.charges)
    for opened, places in context.information.opened.groups(who.ev[passing]):
        some = passing[places]
        path[some] = choice.choose_paths(od[some], choice.perceived(opened), uniform[some])
    for opened, issued, some in _groups_told_alike(context.information, who.ev, wanting):
        perceived, prices = choice.perceived(opened), context.prices.told(issued).prices(period)
        priced_kwh = choice.priced_kwh(charging.course.session_kwh[some])
        path[some] = choice.choose_pairs(od[some], perceived, uniform[some], prices, priced_kwh)
    return path


def _groups_told_alike(
    information: InformationState, ev: IntArray, places: IntArray
) -> Iterator[tuple[PeriodOpened | None, TariffIssued | None, IntArray]]:
    """Yield groups of the *places* in *ev* that know the same link times and the same prices."""
    for opened, some in information.opened.groups(ev[places]):
        for issued, among in information.tariff.groups(ev[places[some]]):
            yield opened, issued, places[some][among]


def choice_set(context: DecisionContext, who: Leaving, made: Decision, period: PeriodOfDay) -> ChoiceSet:
    """Return what one EV that leaves chooses from."""
    (ev,), (row,) = who.ev.tolist(), who.row.tolist()
    information, choice, od = context.information, context.choice, int(context.trips.od[row])
    perceived = choice.perceived(information.opened.message(information.opened.number[ev]))
    if not made.charging.charges[0]:
        return choice.paths_of(od, perceived)
    told = context.prices.told(information.tariff.message(information.tariff.number[ev]))
    priced_kwh = float(choice.priced_kwh(made.charging.course.session_kwh)[0])
    return choice.pairs_of(od, perceived, told.prices(period), priced_kwh)


def sessions(context: DecisionContext, who: Leaving, made: Decision) -> list[tuple[int, Session]]:
    """Return the numbers of the stations that EVs head for, each with the session the EV will ask for."""
    stops, trip = made.stops, made.charging.course
    if not stops.size:
        return []
    ev, soc_target = who.ev[stops], context.evs.behaviour.soc_target
    columns = (
        context.roads.paths.station[made.path[stops]],
        ev + 1,
        context.trips.trip[who.row[stops]],
        (made.departure_s + made.drive_s - made.after_s)[stops],
        trip.session_kwh[stops],
        trip.soc_charge_point[stops],
        context.evs.most_kw[ev],
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        (
            station,
            Session(
                ev=number,
                trip=trip_number,
                arrival_s=arrival_s,
                energy_kwh=energy_kwh,
                soc=soc,
                soc_target=soc_target,
                most_kw=most_kw,
            ),
        )
        for station, number, trip_number, arrival_s, energy_kwh, soc, most_kw in rows
    ]
