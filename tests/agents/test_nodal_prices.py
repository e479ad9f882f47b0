"""Nodal prices among the agents: from the operator's dispatch over the coordinator to drivers, before they act."""

import json
from collections.abc import Mapping

import pytest

from agents.model import CoSimModel
from agents.price_list import PriceLists
from cosim.arrays import Frame
from cosim.coupling import day_ahead, solve_equilibrium_day
from cosim.messages import TariffIssued
from cosim.periods import PeriodOfDay
from cosim.scenario import DayAhead, Scenario, load_scenario

Tables = Mapping[str, Frame]
FEW = ["population.evs=150", "tariff.charging_price=nodal", 'coupling.starts=["tariff"]']


@pytest.fixture(scope="module")
def nodal(paper: Scenario) -> Scenario:
    return load_scenario(paper.folder / "paper.toml", FEW)


@pytest.fixture(scope="module")
def ahead(nodal: Scenario) -> DayAhead:
    return day_ahead(nodal, solve_equilibrium_day(nodal))


@pytest.fixture(scope="module")
def tables(nodal: Scenario, ahead: DayAhead) -> Tables:
    return CoSimModel(nodal, ahead, seed=1).simulate()


def said(tables: Tables, kind: str) -> Frame:
    messages = tables["messages"]
    return messages[(messages.kind == kind) & (messages.day == 1)]


def test_prices_are_the_tariff_and_the_difference_of_the_nodal_prices(
    tables: Tables, ahead: DayAhead
) -> None:
    prices = tables["prices"].query("day == 1")
    mean = prices.groupby("period").nodal_price_cny_per_kwh.transform("mean")
    expected = prices.tariff_cny_per_kwh + prices.nodal_price_cny_per_kwh - mean
    assert prices.charging_price_cny_per_kwh.to_numpy() == pytest.approx(expected.to_numpy())
    spread = prices.groupby("period").charging_price_cny_per_kwh.agg(lambda p: p.max() - p.min())
    assert spread.max() > 0.01
    published = ahead.charging_price_cny_per_kwh.ravel()
    assert prices.charging_price_cny_per_kwh.to_numpy() != pytest.approx(published, abs=1e-6)


def test_each_re_dispatch_becomes_a_tariff_in_the_same_second_and_before_the_period_opens(
    tables: Tables,
) -> None:
    dispatches, tariffs, opened = (
        said(tables, kind) for kind in ("DispatchIssued", "TariffIssued", "PeriodOpened")
    )
    assert tariffs.period.tolist() == dispatches.period.tolist() == list(range(1, 25))
    assert tariffs.delivered_s.tolist() == dispatches.delivered_s.tolist() == opened.delivered_s.tolist()
    assert (tariffs.index < opened.index).all()
    for tariff, dispatch in zip(tariffs.itertuples(), dispatches.itertuples(), strict=True):
        prices = json.loads(tariff.content)["price_cny_per_kwh"]
        nodal = json.loads(dispatch.content)["nodal_price_cny_per_kwh"]
        assert {len(of_station) for of_station in [*prices.values(), *nodal.values()]} == {25 - tariff.period}
        apart = prices["CS6"][0] - prices["CS9"][0]
        assert apart == pytest.approx(nodal["CS6"][0] - nodal["CS9"][0])


def test_who_charges_within_a_period_pays_its_price(tables: Tables) -> None:
    prices = tables["prices"].set_index(["day", "period", "station"]).charging_price_cny_per_kwh
    within = tables["sessions"][lambda s: s.start_s // 3600 == (s.end_s - 1) // 3600]
    assert len(within) > 5
    for session in within.itertuples():
        due = prices[session.start_day, session.start_period, session.station]
        assert session.price_cny_per_kwh == pytest.approx(due)


def test_path_costs_hold_the_price_of_the_station(tables: Tables, nodal: Scenario, ahead: DayAhead) -> None:
    """Two pairs on the same roads differ by the times and the prices of their stations alone."""
    prices = tables["prices"].set_index(["day", "period", "station"]).charging_price_cny_per_kwh
    links = tables["links"].set_index(["day", "period", "link"]).announced_min
    pairs = tables["paths"].query("day == 1 and period == 19 and user_class == 'charging'")
    by_minute = 60 * ahead.session_kwh / nodal.config.road.value_of_time_cny_per_h
    compared = 0
    for _, alike in pairs.groupby(["origin", "destination", "nodes"]):
        first, *others = alike.itertuples()
        for other in others:
            of_station = [
                links[1, 19, pair.station] + by_minute * prices[1, 19, pair.station]
                for pair in (first, other)
            ]
            assert first.cost_min - other.cost_min == pytest.approx(of_station[0] - of_station[1])
            compared += 1
    assert compared > 3


def test_a_driver_who_hears_nothing_knows_what_was_published(nodal: Scenario, ahead: DayAhead) -> None:
    lists = PriceLists(nodal.periods, ahead)
    known = lists.published
    peak = PeriodOfDay(1, 19)
    published = ahead.charging_price_cny_per_kwh
    assert [known.price(s.name, peak) for s in nodal.stations] == pytest.approx(published[18].tolist())
    assert known.ratio(peak) == pytest.approx(published[18].mean() / published.mean())
    prices = {"CS6": (2.0, 3.0), "CS9": (1.0, 1.0), "CS11": (3.0, 2.0)}
    told = TariffIssued(sender="c", sent_s=18 * 3600, day=1, period=19, price_cny_per_kwh=prices)
    known = lists.price_list(told)
    assert known.price("CS6", peak) == 2.0
    assert known.price("CS6", PeriodOfDay(1, 24)) == 3.0
    assert known.ratio(peak) == pytest.approx(2.0 / published.mean())
