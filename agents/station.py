"""The charging station: c chargers, one queue, a load to report."""

import math
from collections.abc import Generator
from typing import Any

import mesa
import simpy

from agents.clock import Clock, Phase
from agents.meter import Meter
from agents.price_list import PriceList
from agents.queue_book import QueueBook
from agents.session import Session
from cosim.mailbox import PostOffice
from cosim.messages import (
    ChargeEnded,
    ChargeRequest,
    ChargeStarted,
    DispatchIssued,
    LoadForecast,
    PeriodOpened,
    PowerLimit,
    StationLoad,
    TariffIssued,
)
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import DayAhead
from cosim.scenario import Station as StationData


class Station(mesa.Agent):
    """A fast-charging station on the clock."""

    def __init__(
        self,
        model: mesa.Model,
        data: StationData,
        day_ahead: DayAhead,
        clock: Clock,
        post: PostOffice,
        meter: Meter,
        recorder: Recorder,
    ) -> None:
        """Open the station and start its processes."""
        super().__init__(model)
        self.data, self.name, self.operator = data, data.name, f"operator {data.feeder}"
        self.clock, self.post, self.meter, self.recorder = clock, post, meter, recorder
        self.day_ahead = day_ahead
        self.inbox = post.inbox(self.name)
        self.chargers = simpy.Resource(clock.env, capacity=data.chargers)
        self.sessions: list[Session] = []
        self.waiting: list[ChargeRequest] = []
        self.book = QueueBook()
        self.prices = PriceList(clock.periods, day_ahead)
        self.limits_kw: dict[PeriodOfDay, float] = {}
        """What the operator said the feeder can serve; a limit holds for its period alone."""
        self.limit_changed = clock.env.event()
        self.forecast_kw = math.nan
        clock.env.process(self.serve_vehicles())
        clock.env.process(self.keep_the_books())
        clock.env.process(self.obey_limits())

    # what the station does

    def serve_vehicles(self) -> Generator[simpy.Event, Any, None]:
        """Receive vehicles as they come; each waits, charges and leaves on its own."""
        while True:
            request = yield self.inbox.next(ChargeRequest)
            self.clock.env.process(self.serve(request))

    def serve(self, request: ChargeRequest) -> Generator[simpy.Event, Any, None]:
        """Let one vehicle wait for a charger, charge to its target, and leave."""
        with self.chargers.request() as charger:
            self.welcome(request, must_wait=not charger.triggered)
            yield charger
            session = self.plug_in(request)
            while session.remaining_kwh > 0:
                yield self.clock.until(self.clock.now_s, Phase.RESUME)
                session.power_kw = self.charger_power_kw(self.clock.period)
                yield self.clock.until(self.next_reading_s(session), Phase.METER) | self.limit_changed
                self.read_off(session)
            self.unplug(session)

    def keep_the_books(self) -> Generator[simpy.Event, Any, None]:
        """At each boundary report what was drawn and what is expected; write down each period that ends."""
        while True:
            yield self.clock.until(self.clock.now_s, Phase.REPORT)
            self.report()
            now = self.clock.period
            yield self.clock.end_of_period(Phase.CLOSE)
            self.write_down(now)

    def obey_limits(self) -> Generator[simpy.Event, Any, None]:
        """Bring each power limit into force at once, also on vehicles that are charging."""
        while True:
            heard = yield self.inbox.next(PowerLimit)
            self.limits_kw[PeriodOfDay(heard.day, heard.period)] = heard.limit_kw
            changed, self.limit_changed = self.limit_changed, self.clock.env.event()
            changed.succeed()

    # one vehicle

    def welcome(self, request: ChargeRequest, *, must_wait: bool) -> None:
        """Take a vehicle in."""
        self.book.arrivals += 1
        if must_wait:
            self.waiting.append(request)
            self.book.join(self.clock.now_s)

    def plug_in(self, request: ChargeRequest) -> Session:
        """Start a session."""
        now_s = self.clock.now_s
        if request in self.waiting:
            self.waiting.remove(request)
            self.book.leave(now_s)
        self.book.start(now_s - request.sent_s)
        session = Session(request, start_s=now_s, remaining_kwh=request.energy_kwh, since_s=now_s)
        self.sessions.append(session)
        self.post.send(request.sender, ChargeStarted(**self._envelope(), wait_s=now_s - request.sent_s))
        return session

    def next_reading_s(self, session: Session) -> int:
        """Return the second at which the session is full or the period ends, whichever is first."""
        full_s, boundary_s = session.full_s(), self.clock.next_boundary_s
        return boundary_s if full_s is None else min(full_s, boundary_s)

    def read_off(self, session: Session) -> None:
        """Book what a session drew since it was last read; a boundary second belongs to the period it ends."""
        period = self.clock.periods.at(session.since_s)
        energy_kwh = session.deliver(self.clock.now_s, self.price(period))
        self.meter.record(self.name, period, energy_kwh)

    def unplug(self, session: Session) -> None:
        """End a session and hand the driver the bill."""
        self.sessions.remove(session)
        bill = ChargeEnded(
            **self._envelope(),
            energy_kwh=session.delivered_kwh,
            paid_cny=session.paid_cny,
            soc=session.request.target_soc,
        )
        self.post.send(session.request.sender, bill)
        self.record(session, end_s=self.clock.now_s)

    def record(self, session: Session, end_s: int) -> None:
        """Write a session down; *end_s* is -1 if the vehicle is still plugged in at the end of the simulation."""
        request, energy_kwh = session.request, session.delivered_kwh
        started = self.clock.periods.at(session.start_s)
        self.recorder.add_row(
            "sessions",
            day=started.day,
            period=started.period,
            station=self.name,
            ev=request.ev,
            trip=request.trip,
            arrival_s=request.sent_s,
            start_s=session.start_s,
            end_s=end_s,
            wait_min=(session.start_s - request.sent_s) / 60,
            energy_kwh=energy_kwh,
            price_cny_per_kwh=session.paid_cny / energy_kwh if energy_kwh else math.nan,
            paid_cny=session.paid_cny,
            soc_arrival=request.soc,
            soc_end=session.soc,
        )

    def record_unfinished(self) -> None:
        """Write down the sessions that the end of the simulation cuts off."""
        for session in self.sessions:
            self.record(session, end_s=-1)

    # what the station knows and says

    def limit_kw(self, period: PeriodOfDay) -> float:
        """Return the cap in a period: chargers, site, and what the feeder can serve, as far as heard."""
        return min(self.data.limit_kw, self.limits_kw.get(period, math.inf))

    def charger_power_kw(self, period: PeriodOfDay) -> float:
        """Return the power of each charger in a period: the cap is shared evenly among all chargers."""
        return min(self.data.charger_kw, self.limit_kw(period) / self.data.chargers)

    def price(self, period: PeriodOfDay) -> float:
        """Return the charging price in a period, as far as the station has heard."""
        self.prices.hear(self.inbox.latest(TariffIssued))
        return self.prices.price(self.name, period)

    def report(self) -> None:
        """Tell the operator what was drawn in the period that ended, and what to expect."""
        self.inbox.read(DispatchIssued)
        self.inbox.read(PeriodOpened)
        index = self.clock.periods.index(self.clock.period)
        if index > 0:
            ended = self.clock.periods.nth(index - 1)
            drawn = StationLoad(**self._envelope(), energy_kwh=self.meter.energy_kwh(self.name, ended))
            self.post.send(self.operator, drawn)
        load_kw = self.expected_load_kw()
        self.forecast_kw = load_kw[0]
        self.post.send(self.operator, LoadForecast(**self._envelope(), load_kw=load_kw))

    def expected_load_kw(self) -> tuple[float, ...]:
        """Return the load expected in this and each later period of the day.

        Later periods are the day-ahead forecast. In this one, what the vehicles present will draw is known; of
        those yet to come, some will charge on after its end.
        """
        now = self.clock.period
        first, *later = self.day_ahead.expected_load_kw(now)[:, self.data.number].tolist()
        hours = self.clock.periods.hours
        most_kwh = self.data.charger_power_kw * hours
        present_kwh = math.fsum(min(session.remaining_kwh, most_kwh) for session in self.sessions)
        present_kwh += math.fsum(request.energy_kwh for request in self.waiting)
        expected_kw = first * self.day_ahead.share_drawn_on_arrival + present_kwh / hours
        return (min(expected_kw, self.data.limit_kw), *later)

    def write_down(self, ended: PeriodOfDay) -> None:
        """Record the period that ended."""
        energy_kwh, now_s = self.meter.energy_kwh(self.name, ended), self.clock.now_s
        wanted_kwh = [s.remaining_kwh for s in self.sessions] + [r.energy_kwh for r in self.waiting]
        self.recorder.add(
            "stations",
            day=ended.day,
            period=ended.period,
            station=self.name,
            feeder=self.data.feeder,
            bus=self.data.bus,
            arrivals=self.book.arrivals,
            energy_kwh=energy_kwh,
            load_kw=energy_kwh / self.clock.periods.hours,
            forecast_kw=self.forecast_kw,
            limit_kw=self.limit_kw(ended),
            queue_mean=self.book.mean_length(now_s, self.clock.periods.seconds),
            queue_max=self.book.largest,
            wait_min=self.book.wait_min(),
            backlog_kwh=math.fsum(wanted_kwh),
            price_cny_per_kwh=self.price(ended),
        )
        self.book.close()

    def _envelope(self) -> dict[str, Any]:
        return self.clock.envelope(self.name)
