"""The agents' model of a day: Mesa holds the agents, SimPy is the only clock."""

from collections.abc import Callable
from typing import Any

import mesa
import numpy as np
import simpy

from agents.clock import Clock, Phase
from agents.coordinator import Coordinator
from agents.counts import record_traffic
from agents.ev import EV, Drivers
from agents.ev_days import record_ev_days
from agents.fleet import Fleet
from agents.grid_operator import GridOperator
from agents.meter import Meter
from agents.plans import DayPlans, plan_day, plan_of_each
from agents.plugs import ClockedPlugs
from agents.price_list import TariffBook
from agents.reckoned_plugs import ReckonedPlugs
from agents.roads import Roads
from agents.site import Site
from agents.station import Station
from cosim.arrays import Frame
from cosim.mailbox import MailRules, PostOffice
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario

INDIVIDUAL_TABLES_UP_TO = 100_000
"""EVs up to which trips and sessions are written one by one, unless the scenario says otherwise."""
Progress = Callable[[PeriodOfDay], None]


class CoSimModel(mesa.Model):
    """Builds the agents, wires their mailboxes, and runs the clock until everyone has arrived."""

    def __init__(self, scenario: Scenario, day_ahead: DayAhead, seed: int) -> None:
        """Build the agents of *scenario*, who know the day ahead as the equilibrium expects it."""
        super().__init__(rng=seed)
        config = scenario.config
        env = simpy.Environment()
        self.world, self.day_ahead = scenario, day_ahead  # Mesa has a `scenario` of its own
        self.clock = Clock(env, scenario.periods)
        rules = MailRules(**config.messages.model_dump(), seed=seed)
        self.post, self.meter, self.recorder = PostOffice(env, rules), Meter(), Recorder()
        self.roads = Roads(scenario, day_ahead, config.population.theta_per_min)
        self.tariffs = TariffBook(scenario.periods, day_ahead)
        common = (self.clock, self.post)
        self.coordinator = Coordinator(self, scenario, day_ahead, self.roads, *common, self.recorder)
        self.operators = [
            GridOperator(self, case, scenario.stations, day_ahead, *common, self.meter, self.recorder)
            for case in scenario.feeders
        ]
        self.sites = [
            Site(data, self.tariffs, scenario.periods, self.meter, self.recorder)
            for data in scenario.stations
        ]
        plans = plan_day(scenario, day_ahead.n_ev, seed)
        self.drivers = self._fleet(plans) if config.population.resolution == "batch" else self._evs(plans)

    def _evs(self, plans: DayPlans) -> Drivers:
        """Let every EV live alone, and every station serve vehicles as they come."""
        for site in self.sites:
            plugs = ClockedPlugs(site, self.clock, self.post)
            Station(self, site, plugs, self.day_ahead, self.clock, self.post)
        world = (self.world, self.roads, self.tariffs, self.clock, self.post)
        evs = [EV(self, plan, *world) for plan in plan_of_each(plans)]
        self.coordinator.evs = [ev.name for ev in evs]
        return Drivers(evs)

    def _fleet(self, plans: DayPlans) -> Fleet:
        """Let all EVs live as arrays, and reckon what happens at the stations."""
        plugs = [ReckonedPlugs(site, self.clock) for site in self.sites]
        for site, chargers in zip(self.sites, plugs, strict=True):
            Station(self, site, chargers, self.day_ahead, self.clock, self.post)
        self.coordinator.evs = [Fleet.name]
        return Fleet(self, plans, self.world, self.roads, self.tariffs, plugs, self.clock, self.post)

    def simulate(self, progress: Progress = lambda _: None) -> dict[str, Frame]:
        """Run the day, and on until every vehicle has arrived; return the result tables.

        *progress* is called as each period begins.
        """
        self.clock.env.process(self._announce(progress))
        self.clock.env.run(until=self.clock.env.process(self._until_everyone_has_arrived()))
        self._record()
        return self.recorder.frames()

    def _announce(self, progress: Progress) -> Any:
        while True:
            progress(self.clock.period)
            yield self.clock.end_of_period(Phase.RESUME)

    def _until_everyone_has_arrived(self) -> Any:
        """Wait for the end of the day, then while someone is on the way, but not longer than another day."""
        for _ in range(self.clock.periods.count):
            yield self.clock.end_of_period(Phase.END)
        for _ in range(self.clock.periods.count):
            if not self.drivers.anyone_out():
                return
            yield self.clock.end_of_period(Phase.END)

    def _record(self) -> None:
        """Write down trips, sessions and traffic, with what the end of the simulation cuts off."""
        log = self.drivers.trips()
        record_traffic(self.recorder, self.world, self.day_ahead, self.roads, log)
        log.record_totals(self.recorder, self.world)
        self._flag_who_is_still_out(int(np.count_nonzero(log.is_under_way)))
        if records_individuals(self.world, self.day_ahead.n_ev):
            log.record(self.recorder, self.world)
            record_ev_days(self.recorder, self.world, log)
            for site in self.sites:
                site.record_sessions()
        _record_messages(self.recorder, self.post)

    def _flag_who_is_still_out(self, still_out: int) -> None:
        if still_out:
            ended = self.clock.periods.at(self.clock.now_s - 1)
            self.recorder.add_row(
                "violations",
                day=ended.day,
                period=ended.period,
                place="roads and stations",
                kind="on_the_way",
                amount=still_out,
                sentence=f"{still_out} EVs have not arrived by the end of {ended}: the stations could not "
                "charge them. Add chargers, or strengthen the feeder.",
            )


def records_individuals(scenario: Scenario, n_ev: int) -> bool:
    """Tell whether trips and sessions are written one by one: if asked for, or if they are not too many."""
    wanted = scenario.config.population.individual_tables
    return n_ev <= INDIVIDUAL_TABLES_UP_TO if wanted is None else wanted


def _record_messages(recorder: Recorder, post: PostOffice) -> None:
    for entry in post.ledger:
        message = entry.message
        recorder.add_row(
            "messages",
            day=message.day,
            period=message.period,
            sent_s=message.sent_s,
            delivered_s=-1 if entry.delivered_s is None else entry.delivered_s,
            kind=type(message).__name__,
            sender=message.sender,
            receiver=entry.receiver,
            receivers=entry.receivers,
            lost=entry.lost,
            content=message.content(),
        )
