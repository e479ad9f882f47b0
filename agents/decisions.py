"""The decision at departure: whether to fast-charge on the way, and on which path, or (path, station) pair.

One function over arrays for both resolutions: an EV calls it with one row, the fleet with many. No value of a row
depends on the other rows, so the results are bit-identical. Eq. 7 is that of Ma et al. (2024).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from agents.events.stations import StationsInService
from agents.information import InformationState
from agents.path_choice import ChoiceSet, PathChoice
from agents.plans import EVAttributes
from agents.price_list import PriceLists
from agents.rerouting import Drives
from agents.roads import Roads
from agents.trip_table import TripTable
from cosim.arrays import FloatArray, IntArray
from cosim.ev.charging import ChargingDecision, ChargingInputs, decide_charging, drive
from cosim.ev.session import Session
from cosim.messages import PeriodOpened, TariffIssued
from cosim.periods import SECONDS_PER_DAY, PeriodOfDay


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecisionContext:
    """Inputs of every decision: EVs and their trips, information state, choice model, prices, roads."""

    evs: EVAttributes
    trips: TripTable
    information: InformationState
    choice: PathChoice
    prices: PriceLists
    roads: Roads
    drives: Drives
    in_service: StationsInService


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DepartingEVs:
    """EVs that depart on a trip: one value for each."""

    ev: IntArray
    """Index of the EV, from 0."""
    trip_row: IntArray
    """Row of the trip in the table of trips."""
    departure_s: IntArray
    soc: FloatArray
    """State of charge on arrival at the parking place."""
    parked_since_s: IntArray

    def select(self, rows: IntArray) -> "DepartingEVs":
        """Return these EVs."""
        return DepartingEVs(
            ev=self.ev[rows],
            trip_row=self.trip_row[rows],
            departure_s=self.departure_s[rows],
            soc=self.soc[rows],
            parked_since_s=self.parked_since_s[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """Decisions of departing EVs: one value for each."""

    departure_s: IntArray
    charging: ChargingDecision
    path: IntArray
    """Number of the path, or the (path, station) pair; -1 if stranded."""
    station: IntArray
    """Number of the station; -1 without a charge."""
    drive_s: IntArray
    """Driving time of the trip at the effective link times."""
    station_to_destination_s: IntArray
    """Part of it after the station; 0 without a charge."""

    @property
    def not_charging(self) -> IntArray:
        """Rows of the EVs that drive without charging."""
        return np.flatnonzero(~self.charging.charges & ~self.charging.energy_use.stranded)

    @property
    def charging_en_route(self) -> IntArray:
        """Rows of the EVs that drive to a station."""
        return np.flatnonzero(self.charging.charges & ~self.charging.energy_use.stranded)


def decide(context: DecisionContext, departing: DepartingEVs, period: PeriodOfDay) -> Decision:
    """Return the decisions of EVs that depart in *period*, each by the information it has received."""
    price_ratio = np.empty(departing.ev.size)
    for tariff, rows in context.information.tariff.groups(departing.ev):
        price_ratio[rows] = context.prices.price_list(tariff).ratio(period)
    inputs = charging_inputs(context, departing)
    charging = decide_charging(inputs, price_ratio)
    if context.in_service.any_events:
        charging = _as_roads_allow(context, departing, inputs, charging)
    path = _chosen_paths(context, departing, charging, period)
    station_to_destination_s = context.roads.station_to_destination_s[path]
    return Decision(
        departure_s=departing.departure_s,
        charging=charging,
        path=np.where(charging.energy_use.stranded, -1, path),
        station=np.where(charging.energy_use.stranded, -1, context.roads.paths.station[path]),
        drive_s=context.roads.origin_to_station_s[path] + station_to_destination_s,
        station_to_destination_s=station_to_destination_s,
    )


def charging_inputs(context: DecisionContext, departing: DepartingEVs) -> ChargingInputs:
    """Return the inputs of the charging decision; on the first departure of a day the SOC may be drawn for it."""
    evs, trips = context.evs, context.trips
    soc_is_drawn = evs.soc_is_drawn & (trips.trip[departing.trip_row] == 1)
    return ChargingInputs(
        soc=np.where(soc_is_drawn, evs.soc_first[departing.ev], departing.soc),
        soc_is_drawn=soc_is_drawn,
        parked_s=departing.departure_s - departing.parked_since_s,
        from_activity=trips.from_activity[departing.trip_row],
        has_home_charger=evs.has_home_charger[departing.ev],
        has_work_charger=evs.has_work_charger[departing.ev],
        length_km=trips.length_km[departing.trip_row],
        charge_uniform=trips.charge_uniform[departing.trip_row],
        battery=evs.battery.select(departing.ev),
        behaviour=evs.behaviour.select(departing.ev),
    )


def _as_roads_allow(
    context: DecisionContext, departing: DepartingEVs, inputs: ChargingInputs, charging: ChargingDecision
) -> ChargingDecision:
    """Return the decision as what is open allows: no charge where no station is, stranded where no path is."""
    has_path, has_pair = np.ones((2, departing.ev.size), dtype=np.bool_)
    od = context.trips.od[departing.trip_row]
    for opened, rows in context.information.opened.groups(departing.ev):
        perceived = context.choice.perceived(opened)
        has_path[rows], has_pair[rows] = perceived.has_path[od[rows]], perceived.has_pair[od[rows]]
    charges, soc = charging.charges & has_pair, charging.soc_departure
    use = drive(soc, charging.drive_kwh, charges, inputs.battery, inputs.behaviour)
    stays = ~charges & ~has_path
    use = replace(
        use,
        stranded=use.stranded | stays,
        soc_charging_stop=np.where(stays, soc, use.soc_charging_stop),
        soc_arrival=np.where(stays, soc, use.soc_arrival),
    )
    return replace(charging, charges=charges, energy_use=use)


def _chosen_paths(
    context: DecisionContext, departing: DepartingEVs, charging: ChargingDecision, period: PeriodOfDay
) -> IntArray:
    """Return the paths, and (path, station) pairs, drawn at the perceived costs (Eq. 7)."""
    choice, od = context.choice, context.trips.od[departing.trip_row]
    uniform = context.trips.route_uniform[departing.trip_row]
    path = np.empty(departing.ev.size, dtype=np.int64)
    not_charging = np.flatnonzero(~charging.charges)
    for opened, members in context.information.opened.groups(departing.ev[not_charging]):
        rows = not_charging[members]
        path[rows] = choice.choose_paths(od[rows], choice.perceived(opened), uniform[rows])
    for opened, tariff, rows in _information_groups(
        context.information, departing.ev, np.flatnonzero(charging.charges)
    ):
        perceived, prices = choice.perceived(opened), context.prices.price_list(tariff).prices(period)
        priced_kwh = choice.priced_kwh(charging.energy_use.session_kwh[rows])
        path[rows] = choice.choose_pairs(od[rows], perceived, uniform[rows], prices, priced_kwh)
    return path


def _information_groups(
    information: InformationState, ev: IntArray, rows: IntArray
) -> Iterator[tuple[PeriodOpened | None, TariffIssued | None, IntArray]]:
    """Yield the *rows* of *ev* in groups with the same last messages: link times, prices, rows."""
    for opened, by_times in information.opened.groups(ev[rows]):
        for tariff, by_prices in information.tariff.groups(ev[rows[by_times]]):
            yield opened, tariff, rows[by_times][by_prices]


def choice_set(
    context: DecisionContext, departing: DepartingEVs, decision: Decision, period: PeriodOfDay
) -> ChoiceSet:
    """Return the choice set of one departing EV."""
    (ev,), (row,) = departing.ev.tolist(), departing.trip_row.tolist()
    information, choice, od = context.information, context.choice, int(context.trips.od[row])
    perceived = choice.perceived(information.opened.last(ev))
    if not decision.charging.charges[0]:
        return choice.paths_of(od, perceived)
    price_list = context.prices.price_list(information.tariff.last(ev))
    priced_kwh = float(choice.priced_kwh(decision.charging.energy_use.session_kwh)[0])
    return choice.pairs_of(od, perceived, price_list.prices(period), priced_kwh)


def sessions(
    context: DecisionContext, departing: DepartingEVs, decision: Decision
) -> list[tuple[int, Session]]:
    """Return the station number and the session to come of each EV that charges en route."""
    rows, energy_use = decision.charging_en_route, decision.charging.energy_use
    ev, trip = departing.ev, context.trips.trip[departing.trip_row]
    arrival_s = decision.departure_s + decision.drive_s - decision.station_to_destination_s
    return [
        (
            int(decision.station[row]),
            Session(
                ev=int(ev[row]) + 1,
                day=int(decision.departure_s[row]) // SECONDS_PER_DAY + 1,
                trip=int(trip[row]),
                arrival_s=int(arrival_s[row]),
                energy_kwh=float(energy_use.session_kwh[row]),
                soc=float(energy_use.soc_charging_stop[row]),
                soc_target=context.evs.behaviour.soc_target,
                max_power_kw=float(context.evs.max_power_kw[ev[row]]),
            ),
        )
        for row in rows.tolist()
    ]
