"""Many days: the same at both resolutions, and from a checkpoint."""

import gc
import weakref
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from agents.checkpoint import load_boundary, save_boundary
from agents.days import DayOfAgents, simulate_days
from agents.model import CoSimModel
from agents.plans import information_class_of_each, plan_day
from cosim.arrays import Frame
from cosim.coupling import day_ahead, solve_equilibrium_day
from cosim.periods import SECONDS_PER_DAY
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.run.many_days import joined

CONFIGS = Path(__file__).parents[2] / "configs"
TYPES = (
    'population.types=[{name="small", share=0.3333333333, battery_kwh=30, fast_kw=30, slow_charger_kw=3.5},'
    '{name="large", share=0.6666666667, battery_kwh=70, home_charger_share=0.9}]'
)
NIGHT_MAIL = (
    '{kind="mail", from="12:00", delay_max_s=30000, overtaken_probability=0.4, loss_probability=0.1}, '
    '{kind="mail", from="20:00", duplicate_probability=0.5}'
)
SILENT_NIGHT = ", ".join(
    f"{{{event}, day={day}, {time}}}"
    for event in (
        'kind="operator", name="feeder"',
        'kind="coordinator"',
        'kind="meter", name="S", reading="frozen"',
    )
    for day, time in ((1, 'from="17:00"'), (2, 'from="00:00", until="07:00"'))
)
CASES = {
    "queues over midnight, what was measured": (
        "toy",
        [
            "days=3",
            "population.information=yesterday",
            "population.evs=300",
            "stations.S.chargers=1",
            "stations.S.charger_kw=20",
        ],
    ),
    "carried, mixed information, mail lost and late": (
        "toy",
        [
            "days=3",
            "population.soc=carried",
            "population.information={equilibrium=0.2, yesterday=0.5, last_period=0.2}",
            "messages.loss_probability=0.4",
            "messages.delay_s=45",
            "mobility.price_sensitivity=1.0",
            "population.evs=250",
            "stations.S.chargers=1",
            "stations.S.charger_kw=20",
        ],
    ),
    "types of EVs, carried": (
        "toy",
        ["days=3", "population.soc=carried", "population.evs=300", "stations.S.chargers=2", TYPES],
    ),
    "chained trips, carried": (
        "two_way",
        ["days=2", "population.soc=carried", "population.evs=80", "population.information=yesterday"],
    ),
    "broadcasts on their way at midnight": (
        "toy",
        [
            "days=2",
            "population.information={equilibrium=0.4, yesterday=0.6}",
            "messages.loss_probability=0.3",
            "messages.delay_s=5000",
            "mobility.price_sensitivity=1.0",
            "population.evs=250",
        ],
    ),
    "mail disturbed around midnight": (
        "toy",
        [
            "days=2",
            f"events=[{NIGHT_MAIL}]",
            "population.information={equilibrium=0.4, last_period=0.6}",
            "messages.delay_s=600",
            "tariff.charging_price=nodal",
            "mobility.price_sensitivity=1.0",
            "population.evs=250",
        ],
    ),
    "nobody answers around midnight": (
        "toy",
        [
            "days=2",
            f"events=[{SILENT_NIGHT}]",
            "population.information={equilibrium=0.4, last_period=0.6}",
            "tariff.charging_price=nodal",
            "mobility.price_sensitivity=1.0",
            "population.evs=250",
        ],
    ),
    "batteries too small, carried": (
        "toy",
        ["days=2", "population.soc=carried", "mobility.battery_kwh=9.0", "mobility.soc_reserve=0.0"],
    ),
}
WITH_FEEDER = {
    "types of EVs, carried",
    "nobody answers around midnight",
    "broadcasts on their way at midnight",
}
"""Elsewhere the roads and stations alone: a day costs half as much."""


@cache
def scenario_of(case: str, resolution: str) -> tuple[Scenario, DayAhead]:
    name, settings = CASES[case]
    ahead = _ahead(name, tuple(settings))
    scenario = load_scenario(CONFIGS / f"{name}.toml", [*settings, f"population.resolution={resolution}"])
    return (scenario if case in WITH_FEEDER else replace(scenario, feeders=())), ahead


@cache
def _ahead(name: str, settings: tuple[str, ...]) -> DayAhead:
    scenario = load_scenario(CONFIGS / f"{name}.toml", [*settings, "population.estimate_diaries=5000"])
    return day_ahead(scenario, solve_equilibrium_day(scenario))


@cache
def days_of(case: str, resolution: str) -> tuple[DayOfAgents, ...]:
    return tuple(simulate_days(*scenario_of(case, resolution), seed=1))


def tables_of(case: str) -> dict[str, Frame]:
    return joined(days_of(case, "batch"))


def assert_same(one: Mapping[str, Frame], other: Mapping[str, Frame], *, but: frozenset[str]) -> None:
    assert one.keys() == other.keys()
    for name in one.keys() - but:
        assert one[name].equals(other[name]), name
        assert one[name].dtypes.equals(other[name].dtypes), name
        for column in one[name].select_dtypes("float"):
            assert one[name][column].to_numpy().tobytes() == other[name][column].to_numpy().tobytes(), column


@pytest.mark.parametrize("case", CASES)
def test_both_resolutions_live_through_the_same_days(case: str) -> None:
    for one, other in zip(days_of(case, "individual"), days_of(case, "batch"), strict=True):
        assert_same(one.tables, other.tables, but=frozenset({"messages"}))


@pytest.mark.parametrize("resolution", ["batch", "individual"])
@pytest.mark.parametrize(
    "case", ["carried, mixed information, mail lost and late", "broadcasts on their way at midnight"]
)
def test_a_killed_run_goes_on_from_a_file_to_the_same_bytes(
    case: str, resolution: str, tmp_path: Path
) -> None:
    whole = days_of(case, resolution)
    assert whole[0].boundary is not None
    save_boundary(tmp_path / "boundary", whole[0].boundary)
    again = simulate_days(*scenario_of(case, resolution), 1, load_boundary(tmp_path / "boundary"))
    for one, other in zip(whole[1:], again, strict=True):
        assert one.day == other.day
        assert_same(one.tables, other.tables, but=frozenset())


def test_before_the_first_period_is_opened_trips_take_the_times_of_the_night() -> None:
    """Late mail opens a period late; the first day begins at free flow."""
    case = "queues over midnight, what was measured"
    (scenario, ahead), boundary = scenario_of(case, "batch"), days_of(case, "batch")[0].boundary
    assert boundary is not None
    last = (
        days_of(case, "batch")[1].tables["links"].query("day == 1 and period == 8").effective_min.to_numpy()
    )
    free = ahead.paths.network.t0_min
    assert (last > 1.0001 * free).any()
    for start, times_min in ((None, free), (boundary, last)):
        before_s = CoSimModel(scenario, ahead, 1, start).roads.origin_to_station_s
        assert before_s == pytest.approx(60 * ahead.paths.legs(times_min).before_min, abs=0.5)


def test_a_day_boundary_of_one_resolution_is_one_of_the_other() -> None:
    case = "carried, mixed information, mail lost and late"
    boundary = days_of(case, "batch")[0].boundary
    assert boundary is not None
    assert sum(len(sessions) for sessions in boundary.sessions) > 5, "vehicles wait at midnight"
    assert boundary.under_way.ev.size > 10
    again = simulate_days(*scenario_of(case, "individual"), 1, boundary)
    for one, other in zip(days_of(case, "batch")[1:], again, strict=True):
        assert_same(one.tables, other.tables, but=frozenset({"messages"}))


def test_broadcasts_on_their_way_at_midnight_arrive_when_due_at_those_they_would_have_reached() -> None:
    """Sent on day 1, it arrives in one second of day 2: at both resolutions for the same EVs, but for the loss."""
    case = "broadcasts on their way at midnight"
    boundary = days_of(case, "individual")[0].boundary
    assert boundary is not None
    assert len(boundary.mail) == 2, "the last period, as told to each kind of drivers"
    (due_s,) = {news.sent_s + 5000 for news in boundary.mail}
    assert due_s > SECONDS_PER_DAY + 1000
    heard = {}
    for resolution in ("individual", "batch"):
        model = CoSimModel(*scenario_of(case, resolution), 1, boundary)
        for name, until_s in (("before", due_s), ("after", due_s + 1)):
            model.clock.env.run(until=until_s)
            opened = model.population.information.opened.last_messages()
            heard[resolution, name] = np.array([0 if news is None else news.sent_s + 5000 for news in opened])
    for name in ("before", "after"):
        assert np.array_equal(heard["individual", name], heard["batch", name])
    assert (heard["batch", "before"] < due_s).all()
    assert (heard["batch", "after"] == due_s).mean() == pytest.approx(0.7, abs=4 * (0.21 / 250) ** 0.5)


@pytest.mark.parametrize("case", CASES)
def test_nobody_is_in_two_places_and_nobody_leaves_before_having_arrived(case: str) -> None:
    trips = tables_of(case)["trips"]
    made = trips[trips.status != "stranded"].sort_values(["ev", "departure_s"])
    same = (made.ev.to_numpy()[1:] == made.ev.to_numpy()[:-1]).astype(bool)
    arrival_s, departure_s = made.arrival_s.to_numpy()[:-1][same], made.departure_s.to_numpy()[1:][same]
    known = arrival_s >= 0
    assert (departure_s[known] >= arrival_s[known]).all()
    assert known.all() or case.startswith(("queues", "carried")), "who never arrives leaves no more"
    assert made.day.nunique() >= 2


@pytest.mark.parametrize("case", CASES)
def test_the_state_of_charge_stays_between_empty_and_full(case: str) -> None:
    trips = tables_of(case)["trips"]
    soc = trips[["soc_departure", "soc_arrival"]].to_numpy()
    soc = soc[~np.isnan(soc)]
    assert ((soc >= 0) & (soc <= 1)).all()


@pytest.mark.parametrize("case", [case for case in CASES if "carried" in case])
def test_energy_balances_over_days(case: str) -> None:
    """What an EV has charged since its first departure is what it has driven, and the change of its charge."""
    scenario, ahead = scenario_of(case, "batch")
    trips = tables_of(case)["trips"].sort_values(["ev", "departure_s"])
    trips = trips[trips.status != "on_the_way"]
    battery = plan_day(scenario, ahead.n_ev, 1).evs.battery.select(trips.ev.to_numpy() - 1)
    efficiency, capacity = battery.charging_efficiency, battery.battery_kwh
    driven = np.where(trips.status == "arrived", battery.trip_kwh(trips.length_km.to_numpy()), 0.0)
    fast = np.nan_to_num(trips.fast_charge_kwh.to_numpy())
    moved = (fast * efficiency - driven) / capacity
    departure = trips.soc_departure.to_numpy()
    assert departure + moved == pytest.approx(trips.soc_arrival.to_numpy(), abs=1e-9)
    slow = trips.slow_charge_kwh.to_numpy() * efficiency / capacity
    same = trips.ev.to_numpy()[1:] == trips.ev.to_numpy()[:-1]
    charged = (trips.soc_arrival.to_numpy()[:-1] + slow[1:])[same]
    assert charged == pytest.approx(departure[1:][same], abs=1e-9)
    overnight = same & (trips.day.to_numpy()[1:] > trips.day.to_numpy()[:-1])
    assert (slow[1:][overnight] > 0).any(), "somebody charges overnight"


def test_chained_trips_go_on_where_the_day_before_ended() -> None:
    trips = tables_of("chained trips, carried")["trips"].sort_values(["ev", "departure_s"])
    same = trips.ev.to_numpy()[1:] == trips.ev.to_numpy()[:-1]
    here, there = trips.destination.to_numpy()[:-1][same], trips.origin.to_numpy()[1:][same]
    assert (here == there).all()


def test_storage_returns_to_where_it_began_every_day() -> None:
    """Not so the night after the last day, of which only some periods are needed to bring everyone home."""
    tables = tables_of("types of EVs, carried")
    stored = tables["devices"].query("kind == 'storage' and day <= 3").groupby("day").stored_kwh.last()
    assert len(stored) == 3
    assert stored.to_numpy() == pytest.approx(stored.iloc[0], abs=1e-3)


def test_the_day_of_an_ev_says_of_which_type_it_is() -> None:
    """Every day the same, and that of the battery its plans have."""
    case = "types of EVs, carried"
    scenario, ahead = scenario_of(case, "batch")
    plans = plan_day(scenario, ahead.n_ev, 1)
    days = tables_of(case)["ev_days"]
    small = np.asarray(plans.evs.battery.battery_kwh)[days.ev - 1] == 30
    assert (days.type == np.where(small, "small", "large")).all()
    assert days.day.nunique() >= 3
    assert days.type.nunique() == 2


def test_small_cars_take_no_more_than_they_can_from_a_fast_charger() -> None:
    case = "types of EVs, carried"
    scenario, ahead = scenario_of(case, "batch")
    plans = plan_day(scenario, ahead.n_ev, 1)
    sessions = tables_of(case)["sessions"].query("end_s > start_s")
    power = sessions.energy_kwh / ((sessions.end_s - sessions.start_s) / 3600)
    most = np.broadcast_to(plans.evs.max_power_kw, ahead.n_ev)[sessions.ev.to_numpy() - 1]
    assert (power.to_numpy() <= np.minimum(most, 60.0) + 1e-6).all()
    assert (most == 30).sum() > 10
    assert power.to_numpy()[most > 60].max() > 40


def link_times(case: str) -> dict[str, np.ndarray]:
    """Return the link times of each day, (days, periods, links)."""
    scenario, ahead = scenario_of(case, "batch")
    links = tables_of(case)["links"].query("day <= @scenario.config.days")
    shape = (-1, scenario.periods.count, len(ahead.paths.network.links))
    return {
        name: links[f"{name}_min"].to_numpy().reshape(shape) for name in ("time", "announced", "effective")
    }


def test_drivers_are_told_the_mean_of_the_days_before() -> None:
    """What was measured on a day is in force on the next; the free flow of day 1 is no part of the mean."""
    case = "queues over midnight, what was measured"
    found, free_min = link_times(case), scenario_of(case, "batch")[1].paths.network.t0_min
    announced, effective = found["announced"], found["effective"]
    assert announced[0] == pytest.approx(np.broadcast_to(free_min, announced[0].shape))
    assert announced[1] == pytest.approx(effective[1])
    assert announced[2] == pytest.approx((effective[1] + effective[2]) / 2)
    assert np.abs(effective[1] - effective[2]).max() > 0.01


def test_where_all_arrive_a_day_takes_what_the_trips_of_the_day_before_make_of_the_links() -> None:
    """As counted in the table of links, trip by trip."""
    found = link_times("chained trips, carried")
    assert found["effective"][1] == pytest.approx(found["time"][0], rel=1e-12)
    assert np.ptp(found["time"][0], axis=0).max() > 0.1


def test_the_information_class_belongs_to_the_driver_and_has_the_shares_asked_for() -> None:
    known = information_class_of_each({"equilibrium": 0.3, "yesterday": 0.6}, 20_000, seed=1)
    shares = np.bincount(known, minlength=3) / known.size
    assert shares == pytest.approx([0.3, 0.6, 0.1], abs=4 * (0.25 / known.size) ** 0.5)
    assert (
        known[:100] == information_class_of_each({"equilibrium": 0.3, "yesterday": 0.6}, 100, seed=1)
    ).all()
    assert (information_class_of_each({"last_period": 1 / 3, "yesterday": 2 / 3}, 20_000, seed=1) < 2).all()


def test_each_information_class_is_told_its_own_link_times() -> None:
    messages = tables_of("carried, mixed information, mail lost and late")["messages"]
    opened = messages[messages.kind == "PeriodOpened"]
    scenario, ahead = scenario_of("carried, mixed information, mail lost and late", "batch")
    shares = scenario.config.population.information.shares()
    known = information_class_of_each(shares, ahead.n_ev, seed=1)
    for number, kind in enumerate(shares):
        here = opened[opened.receiver == f"EVs that know {kind}"]
        assert len(here) >= 3 * scenario.periods.count
        assert set(here.receivers) == {int((known == number).sum())}


def models() -> weakref.WeakSet[CoSimModel]:
    return weakref.WeakSet(kept for kept in gc.get_objects() if isinstance(kept, CoSimModel))


def test_a_day_that_is_over_is_forgotten() -> None:
    scenario, ahead = scenario_of("batteries too small, carried", "batch")
    gc.collect()
    before, seen = len(models()), []
    for _ in simulate_days(scenario, ahead, seed=1, progress=lambda _: seen.append(len(models()))):
        assert len(models()) == before
    assert max(seen) == before + 1
