"""Each thing that separates the models, switched on alone, is named; with all switched off they agree."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agents.model import CoSimModel
from cosim.coupling import day_ahead, equilibrium_tables, solve_equilibrium_day
from cosim.scenario import load_scenario
from experiments.compare.comparison import Comparison, compare_models
from experiments.run.many_days import recorded
from experiments.run.replications import replication_seeds

CONFIGS = Path(__file__).parents[3] / "configs"
AMPLE = ("stations.S.chargers=60",)
AMPLE_OF_PAPER = tuple(f"stations.{name}.chargers=60" for name in ("CS6", "CS9", "CS11"))


def compared(
    name: str, settings: Sequence[str], days: int, *, with_grid: bool = False, seed: int = 1
) -> Comparison:
    """Return agents against equilibrium; the roads alone unless the feeder matters."""
    scenario = load_scenario(CONFIGS / f"{name}.toml", ["population.resolution=batch", *settings])
    scenario = scenario if with_grid else replace(scenario, feeders=())
    day = solve_equilibrium_day(scenario)
    ahead, seeds = day_ahead(scenario, day), replication_seeds(seed, days)
    simulated = [recorded(CoSimModel(scenario, ahead, seed).simulate()) for seed in seeds]
    return compare_models(scenario.config, recorded(equilibrium_tables(scenario, day)), simulated, seeds)


@pytest.fixture(scope="module")
def many_agents() -> Comparison:
    # one seed in twenty rejects where nothing differs: 1 does, by the routes of one OD
    return compared("paper", AMPLE_OF_PAPER, days=4, seed=2)


def test_with_all_switched_off_the_models_agree_on_every_link_and_station(many_agents: Comparison) -> None:
    """Told the equilibrium's times, chargers for all, 6,800 EV-days."""
    (verdict,) = many_agents.verdicts
    tested = {family.name: family for family in verdict.families}
    assert verdict.word == "agrees"
    assert verdict.headline == "agrees within sampling error"
    assert tested["link flows"].tests == 24 * 19
    assert tested["station flows"].tests == 24 * 3
    assert tested["G-tests of route choice"].tests > 140
    assert sum(family.rejected for family in verdict.families) == 0


def test_flows_of_many_agents_have_the_equilibriums_mean_on_every_link(many_agents: Comparison) -> None:
    measures = many_agents.tables["measures"].set_index(["kind", "quantity"])
    assert measures.loc[("link", "ev_veh_h"), "r_squared"] > 0.99
    assert measures.loc[("link", "flow_veh_h"), "geh_below_5_share"] == 1


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        (["stations.S.chargers=3"], "queueing"),
        ([*AMPLE, "mobility.battery_kwh=15"], "range"),
        ([*AMPLE, "messages.loss_probability=0.5"], "information"),
        ([*AMPLE, "messages.delay_s=1200"], "information"),
    ],
)
def test_what_is_switched_on_alone_is_named_alone(settings: list[str], cause: str) -> None:
    (verdict,) = compared("toy", settings, days=4).verdicts
    assert verdict.causes == (cause,)
    assert verdict.headline == f"differs because of {cause}"
    assert any(character.isdigit() for character in verdict.present[0].sentence)


def test_times_of_the_period_before_are_named_where_drivers_followed_them() -> None:
    settings = [*AMPLE_OF_PAPER, "population.information=last_period"]
    (verdict,) = compared("paper", settings, days=1).verdicts
    assert verdict.causes == ("information",)
    assert "road times put" in verdict.present[0].sentence


def test_a_charge_is_forced_by_the_battery_of_the_ev_whatever_its_type_is_called() -> None:
    """Of two types the charges of each are told apart; two types of the same car are that car."""
    half = '{name="one", share=0.5, battery_kwh=15}, {name="other", share=0.5, battery_kwh=%s}'
    alike, small, mixed = (
        compared("toy", [*AMPLE, setting], days=2).tables["causes"].set_index("cause").loc["range", "other"]
        for setting in (
            f"population.types=[{half % 15}]",
            "mobility.battery_kwh=15",
            f"population.types=[{half % 50}]",
        )
    )
    assert alike == small > 0.02
    assert 0.3 * small < mixed < 0.7 * small


def test_power_that_the_feeder_withholds_is_named_capacity() -> None:
    weak = [*AMPLE, "grid.elastic.station_cny_per_kwh=0.01", "grid.slack_voltage_pu=0.952"]
    comparison = compared("toy", weak, days=1, with_grid=True)
    assert comparison.verdicts[0].causes == ("capacity",)
    assert "cuts stations" in comparison.verdicts[0].present[0].sentence


def test_a_site_that_cannot_serve_who_comes_is_named_capacity() -> None:
    (verdict,) = compared("toy", [*AMPLE, "stations.S.site_limit_kw=40"], days=1).verdicts
    assert "capacity" in verdict.causes


def test_drivers_who_choose_by_half_the_theta_are_found_and_measured() -> None:
    settings = [*AMPLE_OF_PAPER, "population.theta_per_min=0.1"]
    comparison = compared("paper", settings, days=1)
    (verdict,) = comparison.verdicts
    assert verdict.causes == ("information",)
    assert not verdict.flows_agree
    causes = comparison.tables["causes"].set_index("indicator")
    assert causes.loc["theta estimated from path choices [1/min]", "other"] == pytest.approx(0.1, abs=0.01)


def test_where_trips_were_not_kept_range_is_not_known_and_the_rest_is_judged() -> None:
    """A run of many agents keeps no table of single trips or sessions."""
    scenario = replace(load_scenario(CONFIGS / "toy.toml", AMPLE), feeders=())
    day = solve_equilibrium_day(scenario)
    tables = CoSimModel(scenario, day_ahead(scenario, day), 1).simulate()
    kept = recorded({name: table for name, table in tables.items() if name not in {"trips", "sessions"}})
    comparison = compare_models(scenario.config, recorded(equilibrium_tables(scenario, day)), [kept], [1])
    causes = comparison.tables["causes"].set_index("cause")
    assert "unknown" in causes.loc["range", "sentence"]
    assert not causes.loc["range", "present"]
    assert comparison.verdicts[0].word == "cannot tell"
    assert len(comparison.tables["g_tests"]) > 0
