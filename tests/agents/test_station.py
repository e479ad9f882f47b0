"""One station alone on the clock: vehicles and limits are sent by hand."""

from dataclasses import replace
from typing import Any

import mesa
import numpy as np
import pytest
import simpy

from agents.clock import Clock, Phase
from agents.event_chargers import EventDrivenChargers
from agents.meter import Meter
from agents.price_list import PriceLists
from agents.station import StationAgent
from agents.station_records import StationRecords
from cosim.mailbox import MailSettings, PostOffice
from cosim.messages import ChargeRequest, LoadForecast, PowerLimit, TariffIssued
from cosim.periods import PeriodOfDay, Periods
from cosim.results import Recorder
from cosim.scenario import DayAhead
from cosim.scenario import Station as StationData

HOUR = 3600


class Bench:
    """A station with two chargers of 60 kW, and hands to send it vehicles."""

    def __init__(
        self,
        toy_ahead: DayAhead,
        chargers: int = 2,
        expected_kw: float = 0.0,
        site_limit_kw: float | None = None,
    ) -> None:
        self.clock = Clock(simpy.Environment(), Periods(count=24))
        self.post = PostOffice(self.clock.env, MailSettings())
        self.meter, self.recorder = Meter(), Recorder()
        data = StationData(
            number=0,
            name="S",
            road_node="2",
            feeder="f",
            bus="4",
            chargers=chargers,
            charger_kw=60.0,
            site_limit_kw=site_limit_kw,
        )
        ahead = replace(toy_ahead, station_load_kw=np.full((24, 1), expected_kw))
        periods = self.clock.periods
        prices = PriceLists(periods, ahead)
        self.records = StationRecords(data, prices, periods, self.meter, self.recorder)
        chargers = EventDrivenChargers(self.records, self.clock, self.post, (), self.records.data.chargers)
        world = (ahead, self.clock, self.post, lambda: None)
        StationAgent(mesa.Model(rng=1), self.records, chargers, *world).start()

    def arrive(self, second: int, ev: int, energy_kwh: float) -> None:
        def drive_up() -> Any:
            yield self.clock.until(second, Phase.ACT, ev)
            envelope = self.clock.envelope(f"ev {ev}")
            request = ChargeRequest(
                **envelope, ev=ev, day_of_trip=1, trip=1, energy_kwh=energy_kwh, soc=0.2, soc_target=0.8
            )
            self.post.send("S", request)

        self.clock.env.process(drive_up())

    def limit(self, second: int, limit_kw: float) -> None:
        def order() -> Any:
            yield self.clock.until(second, Phase.REPORT)
            self.post.send("S", PowerLimit(**self.clock.envelope("operator f"), limit_kw=limit_kw))

        self.clock.env.process(order())

    def run(self, until_s: int) -> Any:
        self.clock.env.run(until=until_s)
        self.records.record_sessions(also_unfinished=True)
        return self.recorder.frame("sessions")


def test_a_third_vehicle_waits_for_the_first_charger_to_fall_free(toy_ahead: DayAhead) -> None:
    bench = Bench(toy_ahead)
    bench.arrive(0, ev=1, energy_kwh=30.0)
    bench.arrive(60, ev=2, energy_kwh=60.0)
    bench.arrive(120, ev=3, energy_kwh=10.0)
    sessions = bench.run(2 * HOUR + 1).set_index("ev")
    assert sessions.start_s.to_dict() == {1: 0, 2: 60, 3: 1800}
    assert sessions.end_s.to_dict() == {1: 1800, 2: 3660, 3: 2400}
    assert sessions.wait_min.to_dict() == {1: 0, 2: 0, 3: 28}
    stations = bench.recorder.frame("stations").set_index("period")
    assert stations.queue_mean[1] == pytest.approx((1800 - 120) / HOUR)
    assert stations.queue_max[1] == 1
    assert stations.arrivals[1] == 3
    assert stations.energy_kwh[1] == pytest.approx(30 + 10 + 59)
    assert stations.backlog_kwh[1] == pytest.approx(1.0)
    assert stations.energy_kwh[2] == pytest.approx(1.0)


def test_vehicles_of_one_second_queue_in_the_order_of_their_numbers(toy_ahead: DayAhead) -> None:
    bench = Bench(toy_ahead, chargers=1)
    for ev in (9, 4, 7):
        bench.arrive(100, ev, energy_kwh=6.0)
    sessions = bench.run(HOUR + 1)
    assert sessions.sort_values("start_s").ev.tolist() == [4, 7, 9]


def test_a_charger_released_in_a_second_goes_to_who_waited_before_who_arrives(toy_ahead: DayAhead) -> None:
    bench = Bench(toy_ahead, chargers=1)
    bench.arrive(0, ev=5, energy_kwh=10.0)  # full at 600
    bench.arrive(300, ev=9, energy_kwh=10.0)
    bench.arrive(600, ev=1, energy_kwh=10.0)
    sessions = bench.run(HOUR + 1).set_index("ev")
    assert sessions.start_s.to_dict() == {5: 0, 9: 600, 1: 1200}


def test_a_power_limit_is_shared_by_the_chargers_and_ends_with_its_period(toy_ahead: DayAhead) -> None:
    bench = Bench(toy_ahead)
    bench.arrive(1800, ev=1, energy_kwh=75.0)  # 30 kWh in hour 1, 30 in hour 2 at 30 kW, 15 in hour 3
    bench.limit(HOUR, limit_kw=60.0)
    sessions = bench.run(4 * HOUR)
    assert sessions.end_s.tolist() == [2 * HOUR + 900]
    drawn = [bench.meter.energy_kwh("S", PeriodOfDay(1, hour)) for hour in (1, 2, 3)]
    assert drawn == pytest.approx([30.0, 30.0, 15.0])
    limits = bench.recorder.frame("stations").limit_kw.tolist()
    assert limits[:3] == [120.0, 60.0, 120.0]


def test_a_limit_of_zero_stops_charging_but_loses_nobody(toy_ahead: DayAhead) -> None:
    bench = Bench(toy_ahead)
    bench.arrive(HOUR - 600, ev=1, energy_kwh=30.0)
    bench.limit(HOUR, limit_kw=0.0)
    bench.limit(2 * HOUR, limit_kw=0.0)
    sessions = bench.run(5 * HOUR)
    assert sessions.end_s.tolist() == [3 * HOUR + 1200]
    assert sessions.energy_kwh.tolist() == pytest.approx([30.0])


def test_a_limit_that_comes_late_holds_from_then_on_for_vehicles_already_charging(
    toy_ahead: DayAhead,
) -> None:
    bench = Bench(toy_ahead)
    bench.arrive(1800, ev=1, energy_kwh=75.0)  # 30 kWh in hour 1, then 10 in ten minutes, then 30 kW
    bench.limit(HOUR + 600, limit_kw=60.0)
    sessions = bench.run(4 * HOUR)
    drawn = [bench.meter.energy_kwh("S", PeriodOfDay(1, hour)) for hour in (1, 2, 3)]
    assert drawn == pytest.approx([30.0, 10.0 + 25.0, 10.0])
    assert sessions.end_s.tolist() == [2 * HOUR + 600]


def test_a_site_limit_slows_every_charger(toy_ahead: DayAhead) -> None:
    bench = Bench(toy_ahead, site_limit_kw=60.0)
    bench.arrive(0, ev=1, energy_kwh=30.0)
    assert bench.run(HOUR + 1).end_s.tolist() == [HOUR]


def test_sessions_cut_off_by_the_end_are_written_down_as_they_stand(toy_ahead: DayAhead) -> None:
    bench = Bench(toy_ahead)
    bench.arrive(0, ev=1, energy_kwh=90.0)
    (session,) = bench.run(HOUR + 1).itertuples()
    assert session.end_s == -1
    assert session.energy_kwh == pytest.approx(60.0)
    assert session.soc_end == pytest.approx(0.2 + 0.6 * 60 / 90)


def test_the_forecast_counts_vehicles_present_and_part_of_those_to_come(toy_ahead: DayAhead) -> None:
    bench = Bench(toy_ahead, expected_kw=50.0)
    bench.arrive(HOUR - 900, ev=1, energy_kwh=45.0)  # 15 kWh before the boundary, 30 after
    bench.run(HOUR + 1)
    inbox = bench.post.inbox("operator f")
    first, second = inbox.take(LoadForecast)
    share = toy_ahead.share_drawn_on_arrival
    assert first.load_kw == pytest.approx([50 * share, *[50.0] * 23])
    assert second.load_kw == pytest.approx([50 * share + 30.0, *[50.0] * 22])


def test_drivers_pay_the_price_of_the_period_in_which_energy_flows(toy_ahead: DayAhead) -> None:
    bench = Bench(toy_ahead)
    prices = {"S": (0.5, 1.0, *[2.0] * 22)}
    tariff = TariffIssued(sender="coordinator", sent_s=0, day=1, period=1, price_cny_per_kwh=prices)
    bench.post.send("S", tariff)
    bench.arrive(1800, ev=1, energy_kwh=60.0)
    sessions = bench.run(3 * HOUR)
    assert sessions.paid_cny.tolist() == pytest.approx([30 * 0.5 + 30 * 1.0])
    assert sessions.price_cny_per_kwh.tolist() == pytest.approx([0.75])
