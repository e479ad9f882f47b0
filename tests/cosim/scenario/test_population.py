"""The population of a scenario: which model, which types, and whether its trips chain."""

from pathlib import Path

import numpy as np
import pytest

from cosim.coupling.demand import expected_demand
from cosim.errors import ConfigError
from cosim.ev.days import simulate_days
from cosim.ev.markov import MarkovModel
from cosim.ev.mobility import sample_diaries, trip_uniforms
from cosim.ev.soc import simulate_soc
from cosim.scenario import CHARGING, NOT_CHARGING, Scenario, load_scenario
from cosim.scenario.trips import first_state, next_state, trip_ods

CONFIGS = Path(__file__).parents[3] / "configs"
MARKOV = ("mobility.kind=markov", "mobility.departures=mobility/departures_by_slot.csv")
DWELL = ("mobility.kind=dwell", "mobility.transitions=mobility/activity_transitions.csv")
TYPES = 'population.types=[{name="small", share=0.25, battery_kwh=30.0}, {name="large", share=0.75, fast_kw=50.0}]'


@pytest.fixture(scope="module")
def two_way() -> Scenario:
    """Nguyen-Dupuis in both directions."""
    return load_scenario(CONFIGS / "two_way.toml")


def test_trips_chain_where_people_can_get_home(two_way: Scenario, paper: Scenario) -> None:
    """By default on the roads of both directions, not on the acyclic ones; one may choose."""
    assert paper.chains is None
    assert two_way.chains is not None
    assert two_way.chains.n_zones == 4
    open_choice = load_scenario(CONFIGS / "two_way.toml", ["population.trips=independent"])
    assert open_choice.chains is None


def test_chained_trips_on_acyclic_roads_are_refused_with_the_reason() -> None:
    """Nobody gets home on Nguyen-Dupuis."""
    with pytest.raises(ConfigError, match="'chained', but no trip starts in zone 2, 3") as told:
        load_scenario(CONFIGS / "paper.toml", ["population.trips=chained"])
    assert "choose 'independent'" in str(told.value)


def test_origins_of_trips_are_the_last_destinations_on_the_roads(two_way: Scenario) -> None:
    """By node; and nobody drives from home to home, for that is no trip between zones."""
    diaries = sample_diaries(two_way.mobility, 2_000, 1, "test")
    od = trip_ods(two_way, diaries, 1, "test")
    later = np.flatnonzero(diaries.trip > 1)
    table = two_way.paths.od
    assert np.array_equal(table.origin[od[later]], table.dest[od[later - 1]])
    assert not ((diaries.from_activity == 0) & (diaries.to_activity == 0)).any()


def test_days_in_a_row_chain_over_midnight_on_the_roads(two_way: Scenario) -> None:
    """State of charge, place and zone of the first evening are those of the second morning."""
    n_ev, name = 1_500, (1, "nights")
    monday = sample_diaries(two_way.mobility, n_ev, *name, 1)
    state = first_state(two_way, monday.soc_first, *name)
    od = trip_ods(two_way, monday, *name, state)
    assert np.array_equal(od, trip_ods(two_way, monday, *name))
    uniform = trip_uniforms(monday, *name)
    record = simulate_soc(monday, two_way.battery, two_way.behaviour, uniform, None, state)
    evening = next_state(two_way, state, monday, record, od)
    tuesday = sample_diaries(two_way.mobility, n_ev, *name, 2, evening)
    zones = np.unique(two_way.paths.od.origin)
    first = tuesday.rows_of_trip(1)
    start = two_way.paths.od.origin[trip_ods(two_way, tuesday, *name, evening)[first]]
    assert np.array_equal(start, zones[evening.zone[tuesday.ev[first]]])
    assert (evening.zone != state.zone).any()


def test_independent_trips_follow_the_table(paper: Scenario) -> None:
    """400, 800, 600 and 200 of 2,000."""
    diaries = sample_diaries(paper.mobility, 5_000, 1, "test")
    counts = np.bincount(trip_ods(paper, diaries, 1, "test"), minlength=4)
    error = np.sqrt(paper.od_share * (1 - paper.od_share) / diaries.ev.size)
    assert (np.abs(counts / diaries.ev.size - paper.od_share) < 4 * error).all()


def test_the_equilibrium_asks_for_the_trips_that_the_agents_make(two_way: Scenario) -> None:
    """OD by period: expected demand against drawn trips of another stream, both per EV."""
    demand = expected_demand(two_way, np.ones(24))
    by_group = demand.group_veh_h.reshape(24, 3, -1)
    evs = (by_group[:, NOT_CHARGING] + by_group[:, CHARGING]) / demand.n_ev
    assert evs.sum() == pytest.approx(demand.charging.trips_per_ev)
    n_ev = 40_000
    diaries = sample_diaries(two_way.mobility, n_ev, 5, "agents")
    od = trip_ods(two_way, diaries, 5, "agents")
    cell = diaries.departure_s // 3600 * 12 + od
    drawn = np.bincount(cell, minlength=24 * 12).reshape(24, 12) / n_ev
    # both are estimates, from 50,000 and from 40,000 EVs; trips of one EV belong together
    error = np.sqrt(np.maximum(evs, 1e-6) * (1 / n_ev + 1 / 50_000))
    assert np.abs((drawn - evs) / error).max() < 6
    charging = by_group[:, CHARGING].sum(axis=1) / demand.n_ev
    assert charging == pytest.approx(evs.sum(axis=1) * demand.charging.charging_share)


def test_evs_that_leave_by_the_profile_do_so_in_both_models() -> None:
    """Of all trips 60 % are EVs' in every period; the drawn ones are so within five standard errors of 40,000 EVs."""
    settings = ["population.timing=profile", "population.estimate_diaries=20000"]
    scenario = load_scenario(CONFIGS / "two_way.toml", settings)
    demand = expected_demand(scenario, np.ones(24))
    by_class = demand.group_veh_h.reshape(24, 3, -1).sum(axis=2)
    assert 1 - by_class[:, 0] / by_class.sum(axis=1) == pytest.approx(0.6, rel=1e-3)  # EVs are whole
    n_ev = 40_000
    drawn = np.bincount(
        sample_diaries(scenario.mobility, n_ev, 5, "agents").departure_s // 3600, minlength=24
    )
    trips = demand.charging.departures_per_ev * n_ev
    assert (np.abs(drawn - trips) < 5 * np.sqrt(trips + n_ev / 20_000 * trips)).all()


def test_the_equilibrium_expects_no_trip_of_a_stranded_ev() -> None:
    """A battery of 8 kWh strands one EV in five; in the last hour a third of the trips by the profile is not made."""
    settings = ["population.timing=profile", "population.estimate_diaries=20000", "mobility.battery_kwh=8"]
    scenario = load_scenario(CONFIGS / "two_way.toml", settings)
    demand, n_ev = expected_demand(scenario, np.ones(24)).charging, 20_000
    (drawn,) = simulate_days(
        scenario.mobility,
        scenario.battery,
        scenario.behaviour,
        n_ev,
        1,
        seed=5,
        purpose="agents",
        carry_over=False,
    )
    made = ~drawn.record.cancelled
    trips = np.bincount(drawn.diaries.departure_s[made] // 3600, minlength=24)
    assert made.mean() < 0.9
    assert (np.abs(trips / n_ev - demand.departures_per_ev) < 5 * np.sqrt(2 * trips.clip(1)) / n_ev).all()


def test_a_chain_and_types_are_named_in_the_file() -> None:
    """What a type leaves out is as in [mobility]."""
    scenario = load_scenario(CONFIGS / "paper.toml", [*MARKOV, TYPES, "population.soc=carried"])
    assert isinstance(scenario.mobility, MarkovModel)
    small, large = scenario.mobility.types
    assert (small.battery.battery_kwh, small.slow_charger_kw, small.fast_kw) == (30.0, 7.0, np.inf)
    assert (large.battery.battery_kwh, large.fast_kw, large.home_charger_share) == (50.0, 50.0, 0.5)
    diaries = sample_diaries(scenario.mobility, 1_000, 1, "types")
    assert 0.2 < (diaries.ev_type == 0).mean() < 0.3


def test_days_carried_on_have_their_own_demand() -> None:
    """0.042 over many days; 0.057 on a single one."""
    few = "population.estimate_diaries=20000"
    daily, carried = (
        expected_demand(load_scenario(CONFIGS / "paper.toml", [few, f"population.soc={way}"]), np.ones(24))
        for way in ("daily", "carried")
    )
    assert daily.charging.mean_charging_share == pytest.approx(0.0573, abs=0.003)
    assert carried.charging.mean_charging_share == pytest.approx(0.0424, abs=0.003)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["mobility.kind=dwell"], "transitions is missing; mobility of kind 'dwell' needs its file"),
        ([MARKOV[0], "mobility.departures=nowhere.csv"], "nowhere.csv: there is no such file"),
        ([TYPES.replace("large", "small")], "population.types has the name 'small' more than once"),
        ([TYPES.replace("share=0.75", "share=0")], "population.types.large.share"),
        (
            [TYPES.replace("share=0.75", "share=0.85")],
            "population: types: the shares add up to 1.1; they must add up to 1",
        ),
        (["population.estimate_diaries=100000000000"], "it must be 10000000 or less"),
        (["population.evs=100000000000"], "population.evs is 100000000000; it must be 10000000 or less"),
        (
            [*DWELL, "population.timing=profile"],
            "population.timing is 'profile', but mobility.kind is 'dwell'",
        ),
        (
            [*MARKOV, "population.timing=profile", "road.trip_profile=come_pu"],
            "should start, but at most",
        ),
        (["population.trips=round"], "population.trips is 'round'"),
    ],
)
def test_what_is_wrong_with_a_population_is_a_sentence(settings: list[str], sentence: str) -> None:
    """With the field and what is allowed."""
    with pytest.raises(ConfigError) as told:
        load_scenario(CONFIGS / "paper.toml", settings)
    assert sentence in str(told.value)
