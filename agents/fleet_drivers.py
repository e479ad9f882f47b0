"""What the drivers of a fleet have heard, and what they decide by it when they leave, as arrays."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from agents.fleet_state import FleetState
from agents.midnight import LastHeard, Midnight
from agents.plans import DayPlans
from agents.price_list import Tariff, TariffBook
from agents.roads import Belief, Roads
from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.charging import TripSoc, drive, plugs_in, soc_after_parking, wants_fast_charge
from cosim.messages import PeriodOpened, TariffIssued
from cosim.periods import PeriodOfDay
from cosim.scenario import Scenario

T = TypeVar("T")


class Hearsay(Generic[T]):
    """What each EV heard last: one number per EV into the list of all that was ever said."""

    def __init__(self, n_ev: int, at_first: T) -> None:
        """Let all know the same."""
        self.said = [at_first]
        self.heard: IntArray = np.zeros(n_ev, dtype=np.int64)

    def hear(self, news: T, lost: BoolArray, who: IntArray | None = None) -> None:
        """Let those hear whom it reached: of *who*, or of all."""
        self.said.append(news)
        self.heard[np.flatnonzero(~lost) if who is None else who[~lost]] = len(self.said) - 1

    def recall(self, news: Sequence[T], number: IntArray) -> None:
        """Remember what each heard before: a place in *news*, or -1."""
        self.said += news
        self.heard = np.where(number < 0, 0, number + 1)

    def groups(self, ev: IntArray) -> list[tuple[T, IntArray]]:
        """Return what these EVs know, and who of them (as places in *ev*) knows it."""
        heard = self.heard[ev]
        present = np.flatnonzero(np.bincount(heard))
        return [(self.said[number], np.flatnonzero(heard == number)) for number in present]


class FleetDrivers:
    """The drivers of all EVs: EV by EV, what they know and how they choose."""

    def __init__(
        self, scenario: Scenario, plans: DayPlans, roads: Roads, tariffs: TariffBook, start: Midnight | None
    ) -> None:
        """Let them remember what they heard before midnight, or know what was published."""
        self.world, self.plans, self.roads, self.tariffs = scenario, plans, roads, tariffs
        self.battery, self.behaviour = plans.battery, plans.behaviour
        self.beliefs: Hearsay[Belief] = Hearsay(plans.diaries.n_ev, roads.at_free_flow)
        self.told_tariffs: Hearsay[Tariff] = Hearsay(plans.diaries.n_ev, tariffs.published)
        if start:
            opened, tariff = start.opened, start.tariff
            self.beliefs.recall([roads.belief(message) for message in opened.messages], opened.number)
            self.told_tariffs.recall([tariffs.tariff(message) for message in tariff.messages], tariff.number)

    def hear_of_roads(self, message: PeriodOpened, lost: BoolArray, who: IntArray) -> None:
        """Let those of *who* whom it reached believe these link times."""
        self.beliefs.hear(self.roads.belief(message), lost, who)

    def hear_of_prices(self, message: TariffIssued, lost: BoolArray) -> None:
        """Let all whom it reached expect these prices."""
        self.told_tariffs.hear(self.tariffs.tariff(message), lost)

    def opened(self) -> LastHeard[PeriodOpened]:
        """Return the last news of link times that each EV has heard."""
        return LastHeard.of([belief.told for belief in self.beliefs.said], self.beliefs.heard)

    def tariff(self) -> LastHeard[TariffIssued]:
        """Return the last news of prices that each EV has heard."""
        return LastHeard.of([tariff.issued for tariff in self.told_tariffs.said], self.told_tariffs.heard)

    def leave_the_parking_place(
        self, state: FleetState, ev: IntArray, row: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return SOC and the energy slow-charged while parked; a morning may start as drawn."""
        diaries, rows = self.plans.diaries, self.plans.rows
        battery, behaviour = self.battery.of(ev), self.behaviour.of(ev)
        before, is_drawn = state.soc[ev], np.zeros(ev.size, dtype=np.bool_)
        if self.plans.soc_is_drawn:
            is_drawn = rows.trip[row] == 1
            before = np.where(is_drawn, diaries.soc_first[ev], before)
        home, work = diaries.has_home_charger[ev], diaries.has_work_charger[ev]
        plugged = plugs_in(rows.from_activity[row], before, home, work, behaviour) & ~is_drawn
        parked_h = (state.departure_s[ev] - state.parked_s[ev]) / 3600
        soc = soc_after_parking(before, plugged, parked_h, battery, behaviour)
        return soc, battery.charging_kwh(before, soc)

    def decide(
        self, ev: IntArray, row: IntArray, soc: FloatArray, period: PeriodOfDay
    ) -> tuple[BoolArray, TripSoc]:
        """Decide who fast-charges on this trip; return also what it does to the batteries."""
        rows, battery, behaviour = self.plans.rows, self.battery.of(ev), self.behaviour.of(ev)
        trip_kwh = battery.trip_kwh(rows.length_km[row])
        ratio = np.empty(ev.size)
        for tariff, who in self.told_tariffs.groups(ev):
            ratio[who] = tariff.ratio(period)
        charges = wants_fast_charge(
            soc,
            trip_kwh,
            rows.charge_uniform[row],
            battery=battery,
            behaviour=behaviour,
            price_ratio=ratio,
        )
        return charges, drive(soc, trip_kwh, charges, battery, behaviour)

    def choose_routes(
        self, ev: IntArray, row: IntArray, charges: BoolArray, course: TripSoc, period: PeriodOfDay
    ) -> IntArray:
        """Draw paths, and (path, station) pairs, at the costs drivers were told (Eq. 7)."""
        path = np.empty(ev.size, dtype=np.int64)
        od, uniform = self.plans.rows.od[row], self.plans.rows.route_uniform[row]
        passing, charging = np.flatnonzero(~charges), np.flatnonzero(charges)
        for belief, who in self.beliefs.groups(ev[passing]):
            some = passing[who]
            path[some] = self.roads.choose_paths(od[some], belief, uniform[some])
        for belief, who in self.beliefs.groups(ev[charging]):
            for tariff, among in self.told_tariffs.groups(ev[charging[who]]):
                some = charging[who][among]
                prices = tariff.prices(self.roads.stations, period)
                energy_kwh = self.energy_in_choice_kwh(course.session_kwh[some])
                path[some] = self.roads.choose_pairs(od[some], belief, uniform[some], prices, energy_kwh)
        return path

    def energy_in_choice_kwh(self, own_kwh: FloatArray) -> FloatArray:
        """Return the energy with which drivers price a station: their own, or the mean session's."""
        if self.world.config.population.energy_in_choice == "own":
            return own_kwh
        return np.full(own_kwh.size, self.roads.day_ahead.session_kwh)
