"""The agents' model of a day: Mesa holds the agents, SimPy is the only clock."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.coordinator import Coordinator
from agents.drivers import Drivers, since_midnight
from agents.ev import EV
from agents.evening import Evening
from agents.fleet import Fleet
from agents.grid_operator import GridOperator
from agents.meter import Meter
from agents.midnight import Midnight, Morning, copy_of
from agents.plans import first_evening, knowledge_of_each, plan_day, plan_of_each
from agents.plugs import ClockedPlugs
from agents.price_list import TariffBook
from agents.reckoned_plugs import ReckonedPlugs
from agents.roads import Roads
from agents.site import Site
from agents.station import Station
from cosim.arrays import Frame
from cosim.errors import ConfigError
from cosim.ev.session import Session
from cosim.mailbox import MailRules, PostOffice
from cosim.periods import SECONDS_PER_DAY, PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario

Progress = Callable[[PeriodOfDay], None]


class CoSimModel(mesa.Model):
    """A day of the agents: builds them, wires their mailboxes, and runs the clock from midnight to midnight."""

    def __init__(
        self, scenario: Scenario, day_ahead: DayAhead, seed: int, start: Midnight | None = None
    ) -> None:
        """Build the agents, who know the day ahead as the equilibrium expects it; *start*: what was before."""
        super().__init__(rng=seed)
        config, self.day = scenario.config, start.day if start else 1
        env = simpy.Environment(initial_time=(self.day - 1) * SECONDS_PER_DAY)
        self.world = scenario  # Mesa has a `scenario` of its own
        self.day_ahead, self.start = day_ahead, start
        self.clock = Clock(env, scenario.periods)
        rules = MailRules(**config.messages.model_dump(), seed=seed)
        self.post, self.meter, self.recorder = PostOffice(env, rules), Meter(), Recorder()
        self.roads = Roads(scenario, day_ahead, config.population.theta_per_min)
        if start:
            self.roads.set_times(start.yesterday.time_min[-1])
        self.tariffs = TariffBook(scenario.periods, day_ahead)
        common = (self.clock, self.post)
        self.coordinator = Coordinator(self, scenario, day_ahead, self.roads, *common, self.recorder, start)
        self.operators = [
            GridOperator(self, case, scenario.stations, day_ahead, *common, self.meter, self.recorder)
            for case in scenario.feeders
        ]
        self.sites = self._sites()
        self.morning = morning(scenario, day_ahead.n_ev, seed, start)
        self.plans = plan_day(scenario, day_ahead.n_ev, seed, self.day, start.evs if start else None)
        self.evening = Evening(self)
        self.drivers = self._fleet() if config.population.resolution == "batch" else self._evs()

    def _sites(self) -> list[Site]:
        """Return the stations' books, with what is left of the day before."""
        sites = [
            Site(data, self.tariffs, self.world.periods, self.meter, self.recorder)
            for data in self.world.stations
        ]
        if self.start:
            tariffs = self.start.station_tariff.each()
            for site, tariff, drawn_kwh in zip(sites, tariffs, self.start.drawn_kwh.tolist(), strict=True):
                site.go_on(self.clock.now_s, tariff, drawn_kwh)
        return sites

    def _present(self, number: int) -> list[Session]:
        """Return the vehicles that charge at, wait at, or head for a station as the day begins."""
        return [copy_of(session) for session in self.start.sessions[number]] if self.start else []

    def _evs(self) -> Drivers:
        """Let every EV live alone, and every station serve vehicles as they come."""
        plugs = []
        for number, site in enumerate(self.sites):
            there = [session for session in self._present(number) if session.arrival_s < self.clock.now_s]
            plugs.append(ClockedPlugs(site, self.clock, self.post, there))
            Station(self, site, plugs[-1], self.day_ahead, self.clock, self.post)
        world = (self.world, self.roads, self.tariffs, self.clock, self.post)
        since = since_midnight(self.morning, self.plans, self.roads)
        evs = [
            EV(self, plan, *world, before)
            for plan, before in zip(plan_of_each(self.plans), since, strict=True)
        ]
        self.coordinator.evs = [ev.name for ev in evs]
        for number, kind in enumerate(self.world.config.population.information.shares()):
            members = np.flatnonzero(self.morning.knowledge == number)
            self.coordinator.drivers[kind] = [evs[member].name for member in members]
        return Drivers(evs, plugs, self.post)

    def _fleet(self) -> Fleet:
        """Let all EVs live as arrays, and reckon what happens at the stations."""
        plugs = [
            ReckonedPlugs(site, self.clock, self._present(number)) for number, site in enumerate(self.sites)
        ]
        for site, chargers in zip(self.sites, plugs, strict=True):
            Station(self, site, chargers, self.day_ahead, self.clock, self.post)
        world = (self.world, self.roads, self.tariffs, plugs, self.clock, self.post)
        fleet = Fleet(self, self.plans, *world, self.morning)
        self.coordinator.evs = [Fleet.name]
        self.coordinator.drivers = fleet.addresses()
        return fleet

    @property
    def is_last_day(self) -> bool:
        """Whether nobody has plans for the day after."""
        return self.day >= self.day_ahead.days

    def simulate(self, progress: Progress = lambda _: None) -> dict[str, Frame]:
        """Run the day, the last one on until every vehicle has arrived; return the result tables.

        On a day that is not the last, they hold links, paths, trips and EVs of the day before: its last trips have
        ended by now. *progress* is called as each period begins.
        """
        self.clock.env.process(self._announce(progress))
        try:
            self.clock.env.run(until=self.clock.env.process(self._until_the_end()))
        except ConfigError as error:  # of a class of the user's, which had passed its trial
            problems = [replace(problem, period=str(self.clock.period)) for problem in error.problems]
            raise ConfigError(error.source, problems) from error
        self.evening.record()
        return self.recorder.frames()

    def _announce(self, progress: Progress) -> Any:
        while True:
            progress(self.clock.period)
            yield self.clock.end_of_period(Phase.RESUME)

    def _until_the_end(self) -> Any:
        """Wait for the end of the day, after the last one while someone is on the way, but at most another day."""
        for _ in range(self.clock.periods.count):
            yield self.clock.end_of_period(Phase.END)
        for _ in range(self.clock.periods.count if self.is_last_day else 0):
            if not self.drivers.anyone_out():
                return
            yield self.clock.end_of_period(Phase.END)


def morning(scenario: Scenario, n_ev: int, seed: int, start: Midnight | None) -> Morning:
    """Return how the EVs' day begins."""
    state = start.evs if start else None
    if start is None and scenario.config.population.soc == "carried":
        state = first_evening(scenario, n_ev, seed)
    shares = scenario.config.population.information.shares()
    return Morning(state=state, knowledge=knowledge_of_each(shares, n_ev, seed), start=start)
