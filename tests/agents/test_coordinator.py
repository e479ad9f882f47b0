"""The coordinator alone on the clock: dispatches and reports are sent by hand, broadcasts are read off the ledger."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import mesa
import numpy as np
import pytest
import simpy

from agents.clock import Clock, Phase
from agents.coordinator import Coordinator
from agents.day_boundary import Reports
from agents.information import LastReceived
from agents.roads import Roads
from cosim.mailbox import MailSettings, PostOffice
from cosim.messages import DispatchIssued, Message, PeriodOpened, TariffIssued, TripReported, TripsReported
from cosim.results import Recorder
from cosim.scenario import Scenario
from tests.agents.two_stations import plain_day_ahead, two_stations

THREE_HOURS = 3 * 3600
NODAL = ("tariff.charging_price=nodal", 'coupling.starts=["tariff"]')


@dataclass
class Addresses:
    """EVs of whom nothing but the addresses is known; notes what had happened when it was told to advance."""

    addresses: list[str] = field(default_factory=lambda: ["ev 1", "ev 2", "ev 3"])
    addresses_by_class: dict[str, list[str]] = field(default_factory=dict)
    opened_before: list[int] = field(default_factory=list)
    roads: Roads | None = None

    def advance(self) -> None:
        self.opened_before.append(len(self.roads.periods) if self.roads else -1)


def left_over(**parts: Any) -> Any:
    """Return what the coordinator reads of a day boundary."""
    told = {"opened": LastReceived.none(0), "station_tariff": LastReceived.none(2)}
    return SimpleNamespace(**({"measured": None, "reports": Reports.none(), "mail": (), **told} | parts))


class Bench:
    """A coordinator, two stations on one feeder, and hands that play the operator and the EVs."""

    def __init__(
        self, toy: Scenario, *settings: str, classes: dict[str, list[str]] | None = None, **given: Any
    ) -> None:
        scenario = two_stations(toy, *settings)
        ahead = replace(plain_day_ahead(scenario, days=2), **given.pop("ahead", {}))
        start = given.pop("start", None)
        self.clock = Clock(simpy.Environment(initial_time=given.pop("begin_s", 0)), scenario.periods)
        self.post = PostOffice(self.clock.env, MailSettings(**given))
        self.roads, self.recorder, self.evs = Roads(scenario, ahead), Recorder(), Addresses()
        self.evs.addresses_by_class = classes or {"equilibrium": self.evs.addresses}
        self.evs.roads = self.roads
        world = (scenario, self.roads, self.evs, ahead, self.clock, self.post, self.recorder, start)
        self.coordinator = Coordinator(mesa.Model(rng=1), *world)
        self.coordinator.start()
        (self.operator,) = self.coordinator.operators

    def dispatch(self, period: int, s: list[float], r: list[float], sent_s: int | None = None) -> None:
        """Let the operator send the nodal prices of a period and of the later ones."""
        start_s = THREE_HOURS * (period - 1)
        message = DispatchIssued(
            sender=self.operator,
            sent_s=start_s,
            day=1 + (period - 1) // 8,
            period=1 + (period - 1) % 8,
            status="optimal",
            setpoint_kw={},
            nodal_price_cny_per_kwh={"S": tuple(s), "R": tuple(r)},
            voltage_min_pu=1.0,
            relaxation_error_max=0.0,
            ac_mismatch_max_pu=0.0,
        )
        self.send(message, start_s if sent_s is None else sent_s)

    def send(self, message: Message, second: int) -> None:
        def at() -> Any:
            yield self.clock.until(second, Phase.REPORT, 1)
            self.post.send("coordinator", message)

        self.clock.env.process(at())

    def said(self, kind: type[Message]) -> list[Any]:
        return [entry.message for entry in self.post.ledger if isinstance(entry.message, kind)]


def quiet(bench: Bench, until_period: int, but: frozenset[int] = frozenset()) -> None:
    """Let the operator announce the same nodal prices everywhere."""
    for period in range(1, until_period + 1):
        if period not in but:
            bench.dispatch(period, [0.5] * (9 - period), [0.5] * (9 - period))


def test_the_nodal_prices_of_this_and_all_later_periods_become_charging_prices(toy: Scenario) -> None:
    """Tariff + nodal price - mean of the stations: by hand for each of the periods to come."""
    bench = Bench(toy, *NODAL, ahead={"tariff_cny_per_kwh": np.arange(1.0, 9.0)})
    for period in (1, 2, 3):
        rest = range(9 - period)
        bench.dispatch(period, [0.2 * ahead + period for ahead in rest], [0.0 for _ in rest])
    bench.clock.env.run(until=3 * THREE_HOURS)
    tariffs = bench.said(TariffIssued)
    assert [tariff.sent_s for tariff in tariffs] == [0, THREE_HOURS, 2 * THREE_HOURS]
    for period, tariff in enumerate(tariffs, start=1):
        half = [(0.2 * ahead + period) / 2 for ahead in range(9 - period)]
        level = [period + ahead for ahead in range(9 - period)]
        assert tariff.price_cny_per_kwh["S"] == pytest.approx(np.add(level, half))
        assert tariff.price_cny_per_kwh["R"] == pytest.approx(np.subtract(level, half))


def test_where_an_operator_is_silent_its_last_prices_stand_for_later_periods_too(toy: Scenario) -> None:
    """And the period opens when patience has run out; the next day begins with the prices of the day ahead."""
    bench = Bench(toy, *NODAL, patience_s=60)
    bench.dispatch(1, [0.5] * 8, [0.5] * 8)
    bench.dispatch(2, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], [0.1] * 7)
    bench.clock.env.run(until=8 * THREE_HOURS + 121)
    tariffs = bench.said(TariffIssued)
    assert [tariff.sent_s for tariff in tariffs[2:]] == [number * THREE_HOURS + 120 for number in range(2, 9)]
    assert tariffs[2].price_cny_per_kwh["S"] == pytest.approx(
        [1 + gap / 2 for gap in (0.7, 0.6, 0.5, 0.4, 0.3, 0.2)]
    )
    assert tariffs[8].price_cny_per_kwh == {"S": (1.0,) * 8, "R": (1.0,) * 8}
    assert (tariffs[8].day, tariffs[8].period) == (2, 1)
    prices = bench.recorder.frame("prices").set_index(["period", "station"])
    assert prices.nodal_price_cny_per_kwh[3, "S"] == pytest.approx(0.8)
    assert prices.nodal_price_cny_per_kwh[8, "S"] == pytest.approx(0.3)
    assert prices.charging_price_cny_per_kwh[8, "R"] == pytest.approx(0.9)
    assert (prices.tariff_cny_per_kwh == 1).all()
    assert (prices.published_cny_per_kwh == 1).all()
    assert (prices.day == 1).all()
    assert bench.roads.periods[bench.clock.periods.nth(2)].price_cny_per_kwh == pytest.approx([1.35, 0.65])


def test_without_nodal_prices_the_tariff_is_issued_as_each_day_begins(toy: Scenario) -> None:
    bench = Bench(toy, ahead={"tariff_cny_per_kwh": np.arange(1.0, 9.0)})
    bench.clock.env.run(until=9 * THREE_HOURS)
    tariffs = bench.said(TariffIssued)
    assert [(tariff.day, tariff.period) for tariff in tariffs] == [(1, 1), (2, 1)]
    assert tariffs[0].price_cny_per_kwh == {"S": tuple(range(1, 9)), "R": tuple(range(1, 9))}
    assert tariffs[1].sent_s == 8 * THREE_HOURS + bench.post.settings.dispatch_timeout_s


def test_each_information_class_is_told_its_own_times_and_nobody_else(toy: Scenario) -> None:
    mixed = "population.information={equilibrium=0.4, yesterday=0.3, last_period=0.3}"
    classes = {"equilibrium": ["ev 2"], "yesterday": ["ev 1", "ev 3"], "last_period": []}
    told = np.tile([6.0, 6, 7, 7, 30, 30], (8, 1)) * np.arange(1, 9)[:, None]
    bench = Bench(toy, mixed, classes=classes, ahead={"link_time_min": told})
    quiet(bench, 2)
    bench.clock.env.run(until=2 * THREE_HOURS - 1)
    entries = [entry for entry in bench.post.ledger if isinstance(entry.message, PeriodOpened)]
    names = [(entry.message.information_class, entry.receiver, entry.receivers) for entry in entries]
    groups = [("equilibrium", "EVs that know equilibrium", 1), ("yesterday", "EVs that know yesterday", 2)]
    assert names == groups * 2
    assert entries[2].message.link_time_min == (12, 12, 14, 14, 60, 60)
    assert entries[3].message.link_time_min == tuple(bench.roads.paths.network.t0_min.tolist())
    assert len(bench.post.inbox("ev 1").take(PeriodOpened)) == 2
    assert len(bench.post.inbox("ev 2").take(PeriodOpened)) == 2
    assert bench.post.inbox("S").take(PeriodOpened) == []


def test_where_all_are_told_the_same_stations_and_operators_hear_it_too(toy: Scenario) -> None:
    bench = Bench(toy)
    quiet(bench, 1)
    bench.clock.env.run(until=1)
    opened, tariff = (
        next(entry for entry in bench.post.ledger if isinstance(entry.message, kind))
        for kind in (PeriodOpened, TariffIssued)
    )
    assert (opened.receiver, opened.receivers) == ("all", 6)
    assert (tariff.receiver, tariff.receivers) == ("stations and EVs", 5)
    for address in ("S", "R", bench.operator, "ev 3"):
        assert len(bench.post.inbox(address).take(PeriodOpened)) == 1
    assert opened.message.sent_s == tariff.message.sent_s == 0
    assert opened.message.sender == "coordinator"


def test_evs_live_up_to_the_boundary_before_other_times_take_effect(toy: Scenario) -> None:
    bench = Bench(toy)
    quiet(bench, 3)
    bench.clock.env.run(until=3 * THREE_HOURS - 1)
    assert bench.evs.opened_before == [0, 1, 2]


def trip(departure_s: int, path: int, wait_s: int = 0, charge_s: int = 0) -> TripReported:
    envelope = {"sender": "ev 1", "sent_s": 0, "day": 1, "period": 1}
    return TripReported(
        **envelope,
        ev=1,
        trip=1,
        path=path,
        departure_s=departure_s,
        arrival_s=0,
        wait_s=wait_s,
        charge_s=charge_s,
    )


def test_trips_reported_one_by_one_and_counted_measure_the_same_traffic(toy: Scenario) -> None:
    """Two trips by the upper path in period 1, one reported a period later; three charges of 20 min at S."""
    envelope = {"sender": "fleet", "sent_s": 0, "day": 1, "period": 1}
    alone, counted = (
        Bench(toy, "population.information=yesterday", classes={"yesterday": []}) for _ in range(2)
    )
    for bench in (alone, counted):
        quiet(bench, 3)
    for second, report in [
        (5000, trip(100, 2)),
        (6000, trip(200, 4, 300, 900)),
        (7000, trip(300, 4, 0, 1200)),
        (THREE_HOURS + 10, trip(400, 2)),
        (THREE_HOURS + 20, trip(THREE_HOURS + 5, 4, 600, 600)),
    ]:
        alone.send(report, second)
    first = {"trips": (0, 0, 1, 0, 2, 0), "spent_s": (0, 0, 0, 0, 2400, 0)}
    late = {"trips": (0, 0, 1, 0, 0, 0), "spent_s": (0, 0, 0, 0, 0, 0)}
    second_period = {"trips": (0, 0, 0, 0, 1, 0), "spent_s": (0, 0, 0, 0, 1200, 0)}
    counted.send(TripsReported(**envelope, departed_s=0, **first), THREE_HOURS - 10)
    counted.send(TripsReported(**envelope, departed_s=0, **late), 2 * THREE_HOURS - 10)
    counted.send(TripsReported(**envelope, departed_s=THREE_HOURS, **second_period), 2 * THREE_HOURS - 10)
    for bench in (alone, counted):
        bench.clock.env.run(until=THREE_HOURS + 1)
        measured = bench.coordinator.traffic.measured()
        assert measured.trips[0].tolist() == [0, 0, 1, 0, 2, 0]
        assert measured.spent_s[0].tolist() == [2400, 0]
        assert measured.last_period_min[4:] == pytest.approx([20, 30])
        upper_veh_h = 3 / 3
        by_bpr = 6 * (1 + 0.15 * (upper_veh_h / 100) ** 4)
        assert measured.last_period_min[:4] == pytest.approx([by_bpr, by_bpr, 6, 6], rel=1e-15)
        bench.clock.env.run(until=2 * THREE_HOURS + 1)
        measured = bench.coordinator.traffic.measured()
        assert measured.trips[:2].tolist() == [[0, 0, 2, 0, 2, 0], [0, 0, 0, 0, 1, 0]]
        assert measured.spent_s[:2].tolist() == [[2400, 0], [1200, 0]]


def test_reports_of_the_day_before_are_counted_when_they_arrive(toy: Scenario) -> None:
    """Of two under way at midnight one arrives in the first period, the other in the second."""
    midnight_s = 8 * THREE_HOURS
    reports = Reports(
        delivered_s=np.array([midnight_s + 100, midnight_s + THREE_HOURS + 1]),
        departed_s=np.array([midnight_s - 500, midnight_s - 100]),
        path=np.array([2, 4]),
        spent_s=np.array([0, 900]),
    )
    given = {"classes": {"yesterday": []}, "begin_s": midnight_s, "start": left_over(reports=reports)}
    bench = Bench(toy, "population.information=yesterday", **given)
    for period in (9, 10):
        bench.dispatch(period, [0.5] * (17 - period), [0.5] * (17 - period))
    bench.clock.env.run(until=midnight_s + THREE_HOURS + 1)
    assert bench.coordinator.traffic.trips[7].tolist() == [0, 0, 1, 0, 0, 0]
    assert bench.coordinator.late_reports.path.tolist() == [4]
    bench.clock.env.run(until=midnight_s + 2 * THREE_HOURS + 1)
    assert bench.coordinator.traffic.trips[7].tolist() == [0, 0, 1, 0, 1, 0]
    assert bench.coordinator.traffic.spent_s[7].tolist() == [900, 0]
    assert bench.coordinator.late_reports.path.size == 0


def test_broadcasts_are_on_their_way_for_as_long_as_mail_takes_and_are_redelivered(toy: Scenario) -> None:
    bench = Bench(toy, delay_s=500, patience_s=100)
    bench.clock.env.run(until=1201)
    assert [message.sent_s for message in bench.coordinator.in_transit()] == [1200, 1200]
    bench.clock.env.run(until=1699)
    undelivered = bench.coordinator.in_transit()
    assert len(undelivered) == 2
    bench.clock.env.run(until=1700)
    assert bench.coordinator.in_transit() == ()
    later = Bench(toy, delay_s=500, patience_s=100, begin_s=1300, start=left_over(mail=undelivered))
    later.clock.env.run(until=1700)
    assert later.post.inbox("S").take(PeriodOpened) == []
    later.clock.env.run(until=1701)
    assert len(later.post.inbox("S").take(PeriodOpened)) == 1
    assert len(later.post.inbox("ev 2").take(TariffIssued)) == 1
