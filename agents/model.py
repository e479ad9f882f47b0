"""The agents' model of a day: Mesa holds the agents, SimPy is the only clock."""

from collections.abc import Callable
from typing import Any

import mesa
import simpy

from agents.clock import Clock, Phase
from agents.coordinator import Coordinator
from agents.counts import record_traffic
from agents.ev import EV
from agents.grid_operator import GridOperator
from agents.meter import Meter
from agents.plans import plan_day
from agents.roads import Roads
from agents.station import Station
from cosim.arrays import Frame
from cosim.mailbox import MailRules, PostOffice
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario

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
        common = (self.clock, self.post)
        self.coordinator = Coordinator(self, scenario, day_ahead, self.roads, *common, self.recorder)
        self.operators = [
            GridOperator(self, case, scenario.stations, day_ahead, *common, self.meter, self.recorder)
            for case in scenario.feeders
        ]
        self.stations = [
            Station(self, data, day_ahead, *common, self.meter, self.recorder) for data in scenario.stations
        ]
        self.evs = [
            EV(self, plan, scenario, self.roads, *common, self.recorder)
            for plan in plan_day(scenario, day_ahead.n_ev, seed)
        ]
        self.coordinator.evs = [ev.name for ev in self.evs]

    def simulate(self, progress: Progress = lambda _: None) -> dict[str, Frame]:
        """Run the day, and on until every vehicle has arrived; return the result tables.

        *progress* is called as each period begins.
        """
        self.clock.env.process(self._announce(progress))
        self.clock.env.run(until=self.clock.env.process(self._until_everyone_has_arrived()))
        self._record_who_is_still_out()
        record_traffic(self.recorder, self.world, self.day_ahead, self.roads)
        _record_messages(self.recorder, self.post)
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
            if not any(ev.day.is_alive for ev in self.evs):
                return
            yield self.clock.end_of_period(Phase.END)

    def _record_who_is_still_out(self) -> None:
        """Write down the trips and sessions that the end of the simulation cuts off."""
        for station in self.stations:
            station.record_unfinished()
        still_out = 0
        for ev in self.evs:
            if ev.journey is not None:
                ev.write_down(ev.journey)
                still_out += 1
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
