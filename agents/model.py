"""The agent-based model of a day: Mesa holds the agents, SimPy is the only clock."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import mesa
import numpy as np

from agents.announced_prices import AnnouncedPrices
from agents.batched_chargers import BatchedChargers
from agents.choice_watch import watch_choice
from agents.clock import Clock, Phase
from agents.coordinator import Coordinator
from agents.day_boundary import DayBoundary, Reports, ev_states_after, initial_state
from agents.day_record import DayRecord, record_day, record_messages
from agents.decisions import DecisionContext
from agents.ev import EV
from agents.event_chargers import EventDrivenChargers
from agents.events.closures import Closures
from agents.events.devices import BranchEvents, DeviceEvents, tell_devices
from agents.events.mail import MailEvents, mail_settings, tell_mail
from agents.events.roads import RoadEvents
from agents.events.room import Effects, EventFamily, EventRoom
from agents.events.silence import Silence, tell_silence
from agents.events.stations import StationEvents, StationsInService
from agents.fleet import Fleet
from agents.grid_operator import GridOperator
from agents.individuals import Individuals, draw_own_days
from agents.information import InformationState, LastReceived
from agents.invariants import Invariants
from agents.mail_record import MailOfDay, record_mail
from agents.meter import Meter
from agents.path_choice import PathChoice
from agents.plans import PURPOSE, DrawnDay, draw_day, plan_of
from agents.population import Population
from agents.price_list import PriceLists
from agents.rerouting import Drives
from agents.roads import Roads
from agents.station import StationAgent
from agents.station_records import Chargers, StationRecords, StationStart
from agents.step_deadline import StepDeadline
from agents.supervision import CountedEnvironment, record_failures
from agents.watch import Watch, WatchedDay, watched_day
from cosim.arrays import FloatArray, Frame
from cosim.errors import ConfigError
from cosim.ev.draws import Draws
from cosim.ev.mobility import EVState
from cosim.mailbox import PostOffice
from cosim.periods import SECONDS_PER_DAY, PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead, Scenario
from cosim.scenario.choice import CheckedChoice

Progress = Callable[[PeriodOfDay], None]
CHOICES = 10
"""A step of a single agent may take so many times as long as a call of a choice class."""


class CoSimModel(mesa.Model):
    """A day of the agents: creates them, starts their processes, and runs the clock to the end of the day.

    All random numbers come from named streams (``cosim.randomness``), none from Mesa's generator.
    """

    def __init__(
        self,
        scenario: Scenario,
        day_ahead: DayAhead,
        seed: int,
        start: DayBoundary | None = None,
        watched: Iterable[int] = (),
    ) -> None:
        """Create the agents with the day-ahead forecast; *start* is the state at the day boundary, None on day 1.

        The decisions of the EVs *watched*, numbered from 1, are recorded.
        """
        super().__init__(rng=seed)
        self.day = start.day if start else 1
        env = CountedEnvironment((self.day - 1) * SECONDS_PER_DAY, day_ahead.n_ev + len(scenario.stations))
        self.scenario_case = scenario  # Mesa's Model has an attribute `scenario` of its own
        self.day_ahead, self.start = day_ahead, start
        self.clock, self.counted = Clock(env, scenario.periods), env
        self.start_s = self.clock.now_s
        mail = mail_settings(scenario, seed)
        self.post, self.meter, self.recorder = PostOffice(env, mail), Meter(), Recorder()
        self.roads = Roads(scenario, day_ahead, start.yesterday.effective_min[-1] if start else None)
        self.prices = PriceLists(scenario.periods, day_ahead)
        self.effects = Effects()
        self.in_service = StationsInService(scenario.stations, scenario.all_events, self.effects)
        self.watch = Watch(frozenset(watched))
        self.initial = initial_state(scenario, day_ahead.n_ev, seed, start)
        under_way = start.under_way if start else None
        self.evs: list[EV] = []
        drawn = self._draw_day(Draws(day_ahead.n_ev, seed, PURPOSE), start.evs if start else None)
        self.plan = plan_of(scenario, drawn, under_way)
        self.stations = self._station_records()
        self.population = self._population()
        common = (day_ahead, self.clock, self.post)
        self.coordinator = Coordinator(
            self, scenario, self.roads, self.population, *common, self.recorder, start
        )
        for case in scenario.feeders:
            GridOperator(self, case, scenario.stations, *common, self.meter, self.recorder)
        self.events = self._event_room()
        self.events.start()
        self.invariants = self._invariants()
        for kind in (Coordinator, GridOperator, StationAgent, EV, Fleet):
            self.agents.select(agent_type=kind).do("start")

    def _event_room(self) -> EventRoom:
        """Return what makes the events of the scenario happen."""
        families = self._event_families()
        events = self.scenario_case.all_events
        return EventRoom(events, families, self.effects, self.population, self.clock, self.post)

    def _invariants(self) -> Invariants:
        """Return what is checked after every period."""
        return Invariants(
            self.clock,
            self.recorder,
            self.stations,
            self.chargers,
            self.population,
            self.scenario_case.feeders,
            AnnouncedPrices(self.post, self.prices),
        )

    def _draw_day(self, draws: Draws, state: EVState | None) -> DrawnDay:
        """Return the day of the EVs: of single agents, which are created here, each draws its own."""
        scenario = self.scenario_case
        if scenario.config.population.resolution == "batch" or not draws.n_ev:
            return draw_day(scenario, draws, self.day, state)
        self.evs = [EV(self, row, self.clock, self.post) for row in draws.rows()]
        return draw_own_days(self.evs, scenario, self.day, state)

    def _station_records(self) -> list[StationRecords]:
        """Return the records of the stations, with the state left by the day before."""
        shared = (self.prices, self.clock.periods, self.meter, self.recorder)
        starts: list[StationStart | None] = [None] * len(self.scenario_case.stations)
        if before := self.start:
            last = zip(before.station_tariff.last_messages(), before.last_period_kwh.tolist(), strict=True)
            starts = [StationStart(self.clock.now_s, tariff, energy_kwh) for tariff, energy_kwh in last]
        pairs = zip(self.scenario_case.stations, starts, strict=True)
        return [StationRecords(station, *shared, start) for station, start in pairs]

    def _population(self) -> Population:
        """Create the EVs, as single agents or as a fleet, and the stations with the chargers of that resolution."""
        n_ev, before = self.plan.evs.count, self.start
        information = InformationState(
            before.opened.compacted() if before else LastReceived.none(n_ev),
            before.tariff.compacted() if before else LastReceived.none(n_ev),
            self.watch.evs,
        )
        self.choice = PathChoice(self.scenario_case, self.day_ahead)
        self.drives = Drives(self.roads, self.plan.trips, before.drives if before else ())
        context = DecisionContext(
            evs=self.plan.evs,
            trips=self.plan.trips,
            information=information,
            choice=self.choice,
            prices=self.prices,
            roads=self.roads,
            drives=self.drives,
            in_service=self.in_service,
        )
        shared, clock, post = (self.plan, self.initial, context, self.watch), self.clock, self.post
        self.chargers: Sequence[Chargers]
        population: Population
        before_s = self.clock.now_s - 1
        in_service = [self.in_service.chargers(number, before_s) for number in range(len(self.stations))]
        present = self.initial.sessions_at(len(self.stations))
        stations = list(zip(self.stations, present, in_service, strict=True))
        if self.scenario_case.config.population.resolution == "batch":
            batched = [BatchedChargers(records, clock, evs, count) for records, evs, count in stations]
            fleet = Fleet(self, *shared, batched, clock, post, self.scenario_case)
            self.chargers, population = batched, fleet
        else:
            driven = [
                EventDrivenChargers(records, clock, post, evs, count) for records, evs, count in stations
            ]
            self.chargers, population = driven, Individuals(self.evs, *shared, driven)
        for number, records in enumerate(self.stations):
            StationAgent(
                self, records, self.chargers[number], self.day_ahead, clock, post, population.advance
            )
        return population

    def _event_families(self) -> tuple[EventFamily, ...]:
        """Create what the events of the scenario do."""
        network = self.scenario_case.network
        closures = Closures(self.choice)
        arcs = np.arange(len(network.links)) == network.charging_arcs[:, None]
        stations = StationEvents(self.in_service, self.chargers, self.population, closures, arcs)
        self.road_events = RoadEvents(
            self.roads, self.drives, self.population, closures, self.effects, self.start_s
        )
        feeders = self.scenario_case.feeders
        of_grid = DeviceEvents(feeders), BranchEvents(feeders)
        return stations, self.road_events, MailEvents(), Silence(self), *of_grid

    @property
    def is_last_day(self) -> bool:
        """Whether no EV has trips on the day after."""
        return self.day >= self.day_ahead.days

    def simulate(self, progress: Progress = lambda _: None) -> dict[str, Frame]:
        """Run the day, the last one until every vehicle has arrived, and return the result tables.

        On a day that is not the last, they hold links, paths, trips and EVs of the day before, whose last trips have
        ended. *progress* is called as each period begins.
        """
        self.clock.env.process(self._announce(progress))
        self.clock.env.process(self.invariants.watch())
        self.live()
        record_failures(self.recorder, self.counted.failures, self.clock.periods.at)
        record_messages(self.recorder, self.post)
        mail = MailOfDay.of(self.post, self.plan.trips, self.clock.periods, self.start_s, self.clock.now_s)
        record_mail(self.recorder, mail)
        self.drives.settle()
        self.road_events.tell_departures(self.events)
        tell_mail(self.events, mail)
        tell_silence(self.events, self.clock.periods, self.clock.now_s)
        tell_devices(self.events, self, self.clock.periods)
        self.events.record(self.recorder, self.plan.trips)
        record = self.record
        record_day(self.recorder, record)
        if record.records_individuals:
            for station in self.stations:
                station.record_sessions(also_unfinished=self.is_last_day)
        return self.recorder.frames()

    def live(self) -> None:
        """Run the clock to the end of the day, on the last one until every vehicle has arrived."""
        if isinstance(self.scenario_case.choice, CheckedChoice):
            self.clock.env.process(watch_choice(self.scenario_case.choice, self.clock, self.recorder))
        step_max_s = CHOICES * self.scenario_case.config.population.choice_time_max_s
        try:
            with StepDeadline(self.counted, step_max_s):
                self.clock.env.run(until=self.clock.env.process(self._until_the_end()))
        except ConfigError as error:  # of a choice strategy of the user's, which had passed its check
            problems = [replace(problem, period=str(self.clock.period)) for problem in error.problems]
            raise ConfigError(error.source, problems) from error

    @cached_property
    def record(self) -> DayRecord:
        """State of the day at its end, once it has been simulated."""
        return DayRecord(
            scenario=self.scenario_case,
            day_ahead=self.day_ahead,
            day=self.day,
            end_s=self.clock.now_s,
            start=self.start,
            evs=self.plan.evs,
            trips=self.plan.trips,
            roads=self.roads.periods,
        )

    def boundary(self) -> DayBoundary:
        """Return the state from which the next day starts, once this one has been simulated."""
        record, now_s, state = self.record, self.clock.now_s, self.initial.state
        stations = self.stations
        information = self.population.information
        last = self.clock.periods.at(now_s - 1)
        under_way = record.trips.select(record.at_end.is_under_way)
        counts_reports = self.scenario_case.config.population.information.needs_reports
        return DayBoundary(
            day=self.day + 1,
            evs=None if state is None else ev_states_after(state, record.trips, self.scenario_case, now_s),
            under_way=under_way,
            drives=self.drives.of(under_way),
            sessions=self.population.sessions_by_station(now_s),
            opened=information.opened.compacted(),
            tariff=information.tariff.compacted(),
            station_tariff=LastReceived.from_messages([station.price_list.issued for station in stations]),
            mail=self.coordinator.in_transit(),
            reports=self.coordinator.late_reports.joined(
                Reports.in_transit(record.trips, self.post.settings, now_s)
            )
            if counts_reports
            else Reports.none(),
            measured=self.coordinator.traffic.measured(),
            last_period_kwh=np.array([self.meter.energy_kwh(station.name, last) for station in stations]),
            yesterday=record.traffic_so_far,
        )

    def station_load_kw(self, period: int) -> FloatArray:
        """Return the mean load of each station in a period of the day, (stations,), once it has been simulated."""
        when = PeriodOfDay(self.day, period)
        energy_kwh = [self.meter.energy_kwh(station.name, when) for station in self.stations]
        return np.array(energy_kwh) / self.clock.periods.hours

    def watched_days(self) -> dict[int, WatchedDay]:
        """Return the day of each watched EV, once it has been simulated."""
        return {
            ev: watched_day(
                ev,
                self.record,
                self.plan.first_row,
                self.initial.state,
                self.watch,
                [session for station in self.stations for session in station.sessions],
                self.population.information,
            )
            for ev in sorted(self.watch.evs)
        }

    def _announce(self, progress: Progress) -> Any:
        while True:
            progress(self.clock.period)
            yield self.clock.end_of_period(Phase.RESUME)

    def _until_the_end(self) -> Any:
        """Wait for the end of the day, on the last one until all trips have ended, but at most another day."""
        for _ in range(self.clock.periods.count):
            yield self.clock.end_of_period(Phase.END)
        for _ in range(self.clock.periods.count if self.is_last_day else 0):
            if not self.population.has_pending_trips():
                return
            yield self.clock.end_of_period(Phase.END)
