"""All EVs as arrays against every EV on its own: the same tables, to the bit, whatever happens on the day."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from agents.coordinator import Coordinator
from agents.ev import EV
from agents.fleet import Fleet
from agents.model import CoSimModel
from agents.plans import DrawnDay
from cosim.arrays import Frame
from cosim.coupling import day_ahead, solve_equilibrium_day
from cosim.ev.draws import Draws
from cosim.messages import TariffIssued
from cosim.periods import PeriodOfDay
from cosim.scenario import DayAhead, Scenario, load_scenario

Tables = Mapping[str, Frame]
Simulate = Callable[[str], dict[str, Tables]]

DEAF = ["messages.loss_probability=0.4", "messages.delay_s=45", "population.information=last_period"]
TIGHT = ["grid.slack_voltage_pu=0.953", "grid.elastic.voltage_cny_per_pu2_h=1e6"]
FAILURES = (
    'events=[{kind="station", name="S", from="07:30:30", until="09:00"},'
    '{kind="chargers", name="S", from="15:00", chargers=1, until="19:12:13"},'
    '{kind="station", name="S", from="18:00", until="18:30"}]'
)
DISTURBED = (
    '{kind="mail", from="06:00", until="18:00", loss_probability=0.2, delay_max_s=4000, overtaken_probability=0.3}, '
    '{kind="mail", from="15:00", message="TripReported", sender="EVs", duplicate_probability=0.5, delay_s=30}'
)
CASES = {
    "mail lost, late, sent twice and overtaken": [
        f"events=[{DISTURBED}]",
        "tariff.charging_price=nodal",
        "population.information=last_period",
        "mobility.price_sensitivity=1.0",
    ],
    "queues across periods": ["population.evs=1200", "stations.S.chargers=1"],
    "mail lost and late, to drivers who watch the price": [*DEAF, "mobility.price_sensitivity=1.0"],
    "power limits that come late, if at all": [
        *TIGHT,
        "messages.delay_s=50",
        "messages.loss_probability=0.3",
    ],
    "a feeder that can charge nobody": ["grid.base_kv=1.0"],
    "vehicles back within a period": [
        "mobility.soc_target=0.35",
        "mobility.soc_fast_charge=0.6",
        "population.evs=1500",
        "population.energy_in_choice=mean",
        "population.theta_per_min=0.1",
    ],
    "a station and a charger that fail, beside mail that is late": [
        *DEAF,
        "stations.S.chargers=3",
        FAILURES,
        "mobility.battery_kwh=20.0",
    ],
    "batteries too small": ["mobility.battery_kwh=9.0", "mobility.soc_reserve=0.0"],
}


@pytest.fixture(scope="module")
def simulate(toy: Scenario) -> Simulate:
    """Return what gives the agents' tables of a case at both resolutions."""
    file = toy.folder / "toy.toml"

    @cache
    def simulated(case: str) -> dict[str, Tables]:
        settings = CASES[case]
        ahead = day_ahead(toy, solve_equilibrium_day(load_scenario(file, settings)))
        batch, alone = (
            load_scenario(file, [*settings, f"population.resolution={resolution}"])
            for resolution in ("batch", "individual")
        )
        return {
            "individual": CoSimModel(alone, ahead, seed=1).simulate(),
            "batch": CoSimModel(batch, ahead, seed=1).simulate(),
        }

    return simulated


def assert_same(tables: Mapping[str, Tables]) -> None:
    """Ask for the same bytes in all tables but that of messages."""
    one, many = tables["individual"], tables["batch"]
    assert one.keys() == many.keys()
    for name in one.keys() - {"messages"}:
        assert one[name].equals(many[name]), name
        assert one[name].dtypes.equals(many[name].dtypes), name
        for column in one[name].select_dtypes("float"):
            assert one[name][column].to_numpy().tobytes() == many[name][column].to_numpy().tobytes(), column


def test_each_ev_draws_its_own_trips_and_the_numbers_of_its_decisions(
    toy: Scenario, toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One EV at a time, from its row: another seed of one EV changes its trips, and nobody else's."""
    plain = CoSimModel(toy, toy_ahead, seed=1).plan
    draw_own, other = EV.draw_day, Draws(toy_ahead.n_ev, 2, "agents").rows()

    def drawn(ev: EV, *arguments: Any) -> DrawnDay:
        ev.draws = other[6] if ev.number == 7 else ev.draws
        return draw_own(ev, *arguments)

    monkeypatch.setattr(EV, "draw_day", drawn)
    changed = CoSimModel(toy, toy_ahead, seed=1).plan
    for name in ("planned_s", "length_km", "od", "charge_uniform", "route_uniform"):
        own, others = [
            [getattr(plan.trips, name)[select(plan.trips.ev)].tolist() for plan in (plain, changed)]
            for select in (lambda ev: ev == 7, lambda ev: ev != 7)
        ]
        assert others[0] == others[1]
        assert name == "od" or own[0] != own[1]


def test_vehicles_do_come_back_within_a_period(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    returns = []
    serve = Fleet.serve

    def watched(fleet: Fleet, *arguments: int) -> int | None:
        back_s = serve(fleet, *arguments)
        returns.append(back_s is not None)
        return back_s

    monkeypatch.setattr(Fleet, "serve", watched)
    simulate("vehicles back within a period")
    assert sum(returns) > 5


@pytest.mark.parametrize("case", CASES)
def test_both_resolutions_write_the_same_tables(simulate: Simulate, case: str) -> None:
    assert_same(simulate(case))


def test_both_resolutions_write_the_same_tables_of_the_paper(paper: Scenario, paper_tables: Tables) -> None:
    batch = load_scenario(paper.folder / "paper.toml", ["population.resolution=batch"])
    ahead = day_ahead(batch, solve_equilibrium_day(batch))
    assert_same({"individual": paper_tables, "batch": CoSimModel(batch, ahead, seed=1).simulate()})


def test_tariffs_of_every_period_that_come_late_are_paid_and_weighed_alike(
    toy: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def issue_tariff(coordinator: Coordinator, now: PeriodOfDay) -> None:
        prices = tuple(0.3 + 0.1 * ((now.period * 7 + ahead) % 5) for ahead in range(9 - now.period))
        tariff = TariffIssued(
            **coordinator.clock.envelope("coordinator"),
            price_cny_per_kwh=dict.fromkeys(coordinator.stations, prices),
        )
        coordinator.post.broadcast([*coordinator.stations, *coordinator.evs], "stations and EVs", tariff)

    monkeypatch.setattr(Coordinator, "issue_tariff", issue_tariff)
    settings = ["mobility.price_sensitivity=1.0", "messages.delay_s=600", "messages.loss_probability=0.3"]
    ahead = day_ahead(toy, solve_equilibrium_day(toy))
    tables = {
        resolution: CoSimModel(
            load_scenario(toy.folder / "toy.toml", [*settings, f"population.resolution={resolution}"]),
            ahead,
            seed=1,
        ).simulate()
        for resolution in ("individual", "batch")
    }
    assert_same(tables)
    assert tables["batch"]["sessions"].price_cny_per_kwh.nunique() > 5


def test_the_cases_are_what_they_are_called(simulate: Simulate, toy: Scenario) -> None:
    queued = simulate("queues across periods")["batch"]
    assert queued["stations"].queue_mean.max() > 1
    assert (queued["stations"].backlog_kwh > 0).sum() > 2
    capped = simulate("power limits that come late, if at all")["batch"]
    limits = capped["messages"].query("kind == 'PowerLimit' and delivered_s >= 0")
    assert ((limits.delivered_s % toy.periods.seconds) >= 50).all()
    at_chargers = [
        ((capped["sessions"].start_s < now) & (capped["sessions"].end_s > now)).sum()
        for now in limits.delivered_s
    ]
    assert sum(at_chargers) > 0, "a limit found a vehicle charging"
    assert (simulate("batteries too small")["batch"]["trips"].status == "stranded").sum() > 10


def test_messages_of_single_evs_are_in_the_ledger_of_individuals_alone(simulate: Simulate) -> None:
    tables = simulate("mail lost and late, to drivers who watch the price")
    kinds = {resolution: set(found["messages"].kind) for resolution, found in tables.items()}
    single = {"ChargeRequest", "ChargeStarted", "ChargeEnded", "TripReported"}
    assert kinds["individual"] - kinds["batch"] == single
    assert kinds["batch"] - kinds["individual"] == {"TripsReported"}
    shared = [
        found["messages"][~found["messages"].kind.isin([*single, "TripsReported"])]
        for found in tables.values()
    ]
    assert shared[0].reset_index(drop=True).equals(shared[1].reset_index(drop=True))


def test_without_individual_tables_all_others_stay(toy: Scenario, toy_tables: Tables) -> None:
    silent = load_scenario(toy.folder / "toy.toml", ["population.individual_tables=false"])
    tables = CoSimModel(silent, day_ahead(silent, solve_equilibrium_day(silent)), seed=1).simulate()
    assert toy_tables.keys() - tables.keys() == {"trips", "sessions", "ev_days"}
    for name, frame in tables.items():
        assert frame.equals(toy_tables[name]), name


def test_a_base_case_without_evs_is_the_roads_and_the_feeder_alone(toy: Scenario) -> None:
    """At both resolutions to the same tables: nobody departs, stations take nothing, the feeder still buys."""
    empty = load_scenario(toy.folder / "toy.toml", ["population.ev_share=0"])
    ahead = day_ahead(empty, solve_equilibrium_day(empty))
    batch = load_scenario(toy.folder / "toy.toml", ["population.ev_share=0", "population.resolution=batch"])
    tables, others = (CoSimModel(case, ahead, seed=1).simulate() for case in (empty, batch))
    assert ahead.n_ev == tables["evs"].departures.sum() == tables["stations"].energy_kwh.sum() == 0
    assert (tables["dispatch"].purchase_kw > 0).all()
    assert tables.keys() == others.keys()
    assert all(
        others[name].equals(frame) for name, frame in tables.items() if name not in {"messages", "mail"}
    )


def test_the_totals_of_evs_are_those_of_their_trips(toy_tables: Tables) -> None:
    trips, evs = toy_tables["trips"], toy_tables["evs"]
    assert evs.arrived.sum() == (trips.status == "arrived").sum()
    assert evs.charging.sum() == (trips.user_class == "charging").sum()
    for column in ("drive_kwh", "fast_charge_kwh", "slow_charge_kwh"):
        assert evs[column].sum() == pytest.approx(trips[column].sum(), rel=1e-12)
    by_period = trips.groupby(["day", "period"]).drive_min.mean()
    assert evs.drive_min[evs.arrived > 0].to_numpy() == pytest.approx(by_period.to_numpy())
    assert np.isnan(evs.drive_min[evs.arrived == 0]).all()


def test_both_resolutions_agree_on_chained_trips_nodal_prices_and_two_feeders(toy: Scenario) -> None:
    """All at once: each driver goes on from where he is, weighs prices by station, and two operators make them."""
    file = toy.folder / "two_way.toml"
    stations = (
        '{name="A6",road_node=6,feeder="a",bus=16,chargers=4}',
        '{name="A11",road_node=11,feeder="a",bus=32,chargers=4}',
        '{name="B9",road_node=9,feeder="b",bus=20,chargers=4}',
    )
    settings = [
        "population.evs=250",
        "mobility.price_sensitivity=1.0",
        "tariff.charging_price=nodal",
        'coupling.starts=["tariff"]',
        'grid.feeders=[{name="a"},{name="b"}]',
        f"stations=[{','.join(stations)}]",
    ]
    found = {}
    for resolution in ("individual", "batch"):
        scenario = load_scenario(file, [*settings, f"population.resolution={resolution}"])
        if not found:
            ahead = day_ahead(scenario, solve_equilibrium_day(scenario))
        found[resolution] = CoSimModel(scenario, ahead, seed=1).simulate()
    assert_same(found)
    batch = found["batch"]
    assert set(batch["dispatch"].feeder) == {"a", "b"}
    spread = batch["prices"].groupby("period").charging_price_cny_per_kwh.agg(lambda p: p.max() - p.min())
    assert spread.max() > 0.01
    trips = batch["trips"].query("status == 'arrived'").sort_values(["ev", "trip"])
    next_origin = trips.groupby("ev").origin.shift(-1).dropna()
    assert (next_origin == trips.destination[next_origin.index]).all()
