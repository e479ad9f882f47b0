"""The records of a station and the power of its chargers, the same at both resolutions."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agents.meter import Meter
from agents.price_list import PriceLists
from cosim.ev.queue_record import QueueRecord
from cosim.ev.session import Session
from cosim.messages import TariffIssued
from cosim.periods import PeriodOfDay, Periods
from cosim.results import Recorder
from cosim.scenario import Station as StationData


class Vehicles(Iterable[Session], Sized, Protocol):
    """Vehicles at a station."""


class Chargers(Protocol):
    """The chargers with their queue: event-driven (individual), or batched by intervals (batch)."""

    def start(self) -> None:
        """Register the processes of the day on the clock."""
        ...

    @property
    def plugged(self) -> Vehicles:
        """Vehicles that charge."""
        ...

    @property
    def waiting(self) -> Vehicles:
        """Vehicles that wait."""
        ...

    @property
    def in_service(self) -> int:
        """Chargers in service; 0 while the station is closed."""
        ...

    def set_in_service(self, chargers: int) -> list[Session]:
        """Change the chargers in service; return the vehicles that lost their place.

        Where fewer remain than are in use, those in use longest are lost; where none remains, the queue leaves too.
        """
        ...

    def on_limit_changed(self) -> None:
        """Note that the power limit changed: sessions go on at the new power."""
        ...


@dataclass(frozen=True, slots=True)
class StationStart:
    """State from which a station starts a day that is not the first."""

    now_s: int
    tariff: TariffIssued | None
    """Last prices announced to it."""
    last_period_kwh: float
    """Energy drawn in the period before."""


class StationRecords:
    """Prices, power limits, sessions and meter of a station, and its rows of the result tables."""

    def __init__(
        self,
        data: StationData,
        prices: PriceLists,
        periods: Periods,
        meter: Meter,
        recorder: Recorder,
        start: StationStart | None = None,
    ) -> None:
        """Start empty and at the published prices, or from the state left by the day before."""
        self.data, self.name = data, data.name
        self.periods, self.meter, self.recorder = periods, meter, recorder
        self.prices, self.price_list = prices, prices.price_list(start.tariff if start else None)
        """All price lists, and the one in effect."""
        self._had_effect = [self.price_list]
        """Price lists in effect since they were taken."""
        self.queue_record = QueueRecord(counted_until_s=start.now_s if start else 0)
        if start:
            self.meter.record(self.name, periods.at(start.now_s - 1), start.last_period_kwh)
        self.limits_kw: dict[PeriodOfDay, float] = {}
        """Power limits of the operator, each valid in its period alone."""
        self.sessions: list[Session] = []
        """Sessions that have begun."""
        self._plugged_s: dict[PeriodOfDay, int] = defaultdict(int)
        self._paid_cny: dict[PeriodOfDay, list[float]] = defaultdict(list)
        """Seconds that vehicles were plugged in, and their payments, as far as metered."""

    def receive(self, tariff: TariffIssued) -> None:
        """Put a new tariff into effect, unless a newer one has overtaken it."""
        if self.price_list.issued is not None and tariff.sent_s < self.price_list.issued.sent_s:
            return
        self.price_list = self.prices.price_list(tariff)
        self._had_effect.append(self.price_list)

    def take_prices(self, ended: PeriodOfDay) -> tuple[float, float]:
        """Return the lowest and highest price in effect in the period that ended; the next one starts anew."""
        prices = [prices.price(self.name, ended) for prices in self._had_effect]
        self._had_effect = [self.price_list]
        return min(prices), max(prices)

    def limit_kw(self, period: PeriodOfDay) -> float:
        """Return the power limit in a period: of the chargers, the site and the operator."""
        return min(self.data.limit_kw, self.limits_kw.get(period, math.inf))

    def charger_power_kw(self, period: PeriodOfDay) -> float:
        """Return the power of each charger in a period: the limit is shared evenly among all chargers."""
        return min(self.data.charger_kw, self.limit_kw(period) / self.data.chargers)

    def price(self, period: PeriodOfDay) -> float:
        """Return the charging price in a period by the price list in effect."""
        return self.price_list.price(self.name, period)

    def carry_over(self, plugged: Iterable[Session], waiting: Sized) -> None:
        """Add the vehicles that charge and wait as the day starts."""
        self.sessions += plugged
        self.queue_record.waiting = self.queue_record.max_length = len(waiting)

    def begin(self, session: Session) -> None:
        """Record the start of a session."""
        self.queue_record.start(session.start_s - session.arrival_s)
        self.sessions.append(session)

    def stop(self, session: Session, now_s: int) -> None:
        """End a session with the energy it has."""
        if session.metered_until_s < now_s:
            self.read_meter(session, now_s)
        session.end_s = now_s

    def read_meter(self, session: Session, now_s: int) -> None:
        """Record the energy of a session since its last reading; a boundary second belongs to the period it ends."""
        period = self.periods.at(session.metered_until_s)
        price = self.price(period)
        self._plugged_s[period] += now_s - session.metered_until_s
        energy_kwh = session.deliver(now_s, price)
        self._paid_cny[period].append(energy_kwh * price)
        self.meter.record(self.name, period, energy_kwh)

    def record_sessions(self, *, also_unfinished: bool) -> None:
        """Write the sessions that have ended; with *also_unfinished*, at the end of the simulation, the others, too."""
        sessions = [session for session in self.sessions if also_unfinished or session.end_s >= 0]
        if not sessions:
            return
        started = [self.periods.at(session.start_s) for session in sessions]
        arrival_s = np.array([session.arrival_s for session in sessions])
        start_s = np.array([session.start_s for session in sessions])
        energy_kwh = np.array([session.delivered_kwh for session in sessions])
        paid_cny = np.array([session.paid_cny for session in sessions])
        drew = energy_kwh > 0
        self.recorder.add(
            "sessions",
            day=[session.day for session in sessions],
            start_day=[period.day for period in started],
            start_period=[period.period for period in started],
            station=self.name,
            ev=[session.ev for session in sessions],
            trip=[session.trip for session in sessions],
            arrival_s=arrival_s,
            start_s=start_s,
            end_s=[session.end_s for session in sessions],
            wait_min=(start_s - arrival_s) / 60,
            energy_kwh=energy_kwh,
            price_cny_per_kwh=np.divide(paid_cny, energy_kwh, out=np.full(drew.size, np.nan), where=drew),
            paid_cny=paid_cny,
            soc_arrival=[session.soc for session in sessions],
            soc_end=[session.soc_now for session in sessions],
        )

    def record_period(self, ended: PeriodOfDay, forecast_kw: float, chargers: Chargers) -> None:
        """Write the period that ended."""
        energy_kwh = self.meter.energy_kwh(self.name, ended)
        end_s = self.periods.start_s(ended) + self.periods.seconds
        waiting_kwh = [session.remaining_kwh for session in chargers.waiting]
        plugged_kwh = [session.remaining_kwh for session in chargers.plugged]
        held_back = self.charger_power_kw(ended) < self.data.charger_power_kw
        self.recorder.add(
            "stations",
            day=ended.day,
            period=ended.period,
            station=self.name,
            feeder=self.data.feeder,
            bus=self.data.bus,
            arrivals=self.queue_record.arrivals,
            energy_kwh=energy_kwh,
            load_kw=energy_kwh / self.periods.hours,
            forecast_kw=forecast_kw,
            limit_kw=self.limit_kw(ended),
            queue_mean=self.queue_record.mean_length(end_s, self.periods.seconds),
            queue_max=self.queue_record.max_length,
            wait_min=self.queue_record.mean_wait_min(),
            backlog_kwh=math.fsum(waiting_kwh + plugged_kwh),
            unserved_kwh=math.fsum(waiting_kwh + (plugged_kwh if held_back else [])),
            charger_occupancy=self._plugged_s.pop(ended, 0) / (self.data.chargers * self.periods.seconds),
            energy_utilisation=energy_kwh / (self.data.limit_kw * self.periods.hours),
            price_cny_per_kwh=self.price(ended),
            revenue_cny=math.fsum(self._paid_cny.pop(ended, [])),
        )
        self.queue_record.close(end_s)
