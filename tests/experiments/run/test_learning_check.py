"""The check by drivers who learn: it agrees with the equilibrium, and sees a wrong one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from warnings import warn

import numpy as np
import pytest
from scipy.sparse import csr_array

from cosim.arrays import FloatArray
from cosim.coupling import EquilibriumDay
from cosim.coupling.day import road_day
from cosim.coupling.prices import day_tariff, dispatch_feeders, nodal_prices
from cosim.results import Run
from cosim.road.paths import PathSet
from cosim.scenario import DayAhead, Scenario, charging_price_cny_per_kwh, load_scenario
from experiments.run import learning_check, runner
from experiments.run.figures.day import Day
from experiments.run.learning import sampling_floor
from experiments.run.learning_check import (
    Finding,
    Learnt,
    LearntPrices,
    apart,
    check_facts,
    check_tables,
    ev_path_veh_h,
    findings,
    learn,
    prices_move_drivers,
    verdict_in_words,
)
from experiments.run.report import OF_THE_RUN
from experiments.run.report_words import learners
from experiments.run.runner import RunUnderWay, Stages, run
from experiments.store.pieces import Pieces
from experiments.terminal import study_of
from tests.agents.two_stations import TWO_STATIONS, plain_day_ahead
from tests.experiments import commands

IS_MADE = learning_check.is_made
"""As it is where no test has set it."""

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="module")
def learnt(paper: Scenario, paper_ahead: DayAhead) -> Learnt:
    """Twenty days of the paper's drivers."""
    return learn(paper, paper_ahead)


def verdicts(found: tuple[Finding, ...]) -> dict[str, str]:
    return {finding.links: finding.verdict for finding in found}


def planted(
    paper: Scenario,
    day: EquilibriumDay,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[PathSet], PathSet],
) -> FloatArray:
    """Return the EV path flows of an equilibrium with another path set: other times, other capacities."""
    whole = Scenario.with_session_energy
    monkeypatch.setattr(Scenario, "with_session_energy", lambda self, kwh: change(whole(self, kwh)))
    return ev_path_veh_h(road_day(paper, day.charging_price_cny_per_kwh))


def test_learners_of_the_paper_end_at_its_equilibrium(learnt: Learnt, paper_day: EquilibriumDay) -> None:
    roads, stations = findings(learnt, ev_path_veh_h(paper_day))
    assert roads.verdict == "agrees"
    assert 0.9 < roads.ratio < 1.2
    assert (
        stations.ratio < 1.6
    )  # waits are shorter than Davidson's, which draws 6 % of the flow to other stations


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_an_ev_demand_that_is_wrong_by_5_percent_is_seen(
    learnt: Learnt, paper_day: EquilibriumDay, factor: float
) -> None:
    assert verdicts(findings(learnt, factor * ev_path_veh_h(paper_day)))["roads"] == "differs"


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_theta_that_is_wrong_by_10_percent_is_seen(
    learnt: Learnt, paper: Scenario, paper_day: EquilibriumDay, factor: float
) -> None:
    road = paper.config.road.model_copy(update={"theta_per_min": factor * paper.config.road.theta_per_min})
    other = replace(paper, config=paper.config.model_copy(update={"road": road}))
    wrong = ev_path_veh_h(road_day(other, paper_day.charging_price_cny_per_kwh))
    assert verdicts(findings(learnt, wrong))["roads"] == "differs"


def test_a_station_whose_time_is_wrong_by_2_minutes_is_seen(
    learnt: Learnt, paper: Scenario, paper_day: EquilibriumDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slower(paths: PathSet) -> PathSet:
        t0_min = paths.network.t0_min.copy()
        t0_min[paths.network.charging_arcs[0]] += 2
        return replace(paths, network=replace(paths.network, t0_min=t0_min))

    wrong = planted(paper, paper_day, monkeypatch, slower)
    assert verdicts(findings(learnt, wrong))["stations"] == "differs"


def test_capacities_of_roads_that_are_wrong_by_20_percent_are_seen(
    learnt: Learnt, paper: Scenario, paper_day: EquilibriumDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def narrower(paths: PathSet) -> PathSet:
        network = paths.network
        capacity = np.where(network.is_charging, 1.0, 0.8) * network.capacity_veh_h
        return replace(paths, network=replace(network, capacity_veh_h=capacity))

    wrong = planted(paper, paper_day, monkeypatch, narrower)
    assert verdicts(findings(learnt, wrong))["roads"] == "differs"


def test_draws_from_the_equilibrium_stay_below_the_bound_but_for_one_in_200_and_others_do_not(
    learnt: Learnt, paper_day: EquilibriumDay
) -> None:
    expected, drawing = ev_path_veh_h(paper_day), np.random.default_rng(1)
    links = csr_array(learnt.paths.incidence[:, ~learnt.paths.network.is_charging])
    finding = Finding(
        links="roads",
        distance=0.0,
        floor=sampling_floor(expected @ links, 1.0),
        drift=0.0,
        freedom=learning_check._freedom(expected, links),
    )

    def squared(mean: FloatArray, count: int) -> FloatArray:
        return np.array(
            [
                np.square((drawing.poisson(mean) - expected) @ links).sum() / (expected @ links).sum()
                for _ in range(count)
            ]
        )

    chance = squared(expected, 400)
    assert np.mean(chance) == pytest.approx(1, abs=0.03)
    assert 0.98 < np.mean(chance <= finding.ratio_max**2) < 1
    more = squared((1 + finding.smallest_seen) * expected, 200)  # all flows larger: seen four times in five
    assert 0.7 < np.mean(more > finding.ratio_max**2) < 0.9


def test_numbers_close_to_each_other_are_told_with_digits_that_tell_them_apart() -> None:
    assert apart(1.0134, 1.2) == ("1.01", "1.20")
    assert apart(1.4081, 1.4123) == ("1.408", "1.412")
    close = {"ratio": 1.4081, "ratio_max": 1.4123, "verdict": "agrees"}
    assert verdict_in_words(close) == "barely agrees"
    assert verdict_in_words(close | {"ratio": 1.2}) == "agrees"
    assert verdict_in_words(close | {"ratio": 1.42, "verdict": "differs"}) == "differs"


def test_drivers_whose_times_still_move_get_no_verdict(learnt: Learnt, paper_day: EquilibriumDay) -> None:
    *earlier, last = learnt.days
    moving = replace(learnt, days=(*earlier, replace(last, told_min=1.5 * last.told_min)))
    tables = check_tables(moving, ev_path_veh_h(paper_day))
    facts = check_facts(tables["learning_check"].to_dict("records"))
    assert facts is not None
    assert facts["verdict"] is None
    assert facts["roads"]["verdict"] is None
    assert facts["roads"]["ratio_max"] is None


def test_a_wrong_equilibrium_is_no_reason_to_say_that_drivers_have_not_settled(
    learnt: Learnt, paper_day: EquilibriumDay
) -> None:
    right, wrong = (findings(learnt, factor * ev_path_veh_h(paper_day))[0] for factor in (1.0, 4.0))
    assert wrong.verdict == "differs"
    assert wrong.drift < right.drift


def test_prices_are_dispatched_only_where_they_move_drivers(paper: Scenario) -> None:
    nodal = load_scenario(CONFIGS / "coupled.toml")
    ignored = load_scenario(
        CONFIGS / "coupled.toml", {"road.price_in_choice": False, "mobility.price_sensitivity": 0}
    )
    assert [prices_move_drivers(case) for case in (paper, nodal, ignored)] == [False, True, False]


def test_learnt_prices_are_the_mean_of_what_the_loads_so_far_imply(toy: Scenario) -> None:
    apart = TWO_STATIONS.replace('name="R", road_node=3, bus=4', 'name="R", road_node=3, bus=2')
    scenario = load_scenario(toy.folder / "toy.toml", [apart, "tariff.charging_price=nodal"])
    load_kw = np.full((8, 2), 100.0)

    def implied(load_kw: FloatArray) -> FloatArray:
        tariff = day_tariff(scenario, load_kw)
        nodal = nodal_prices(scenario, dispatch_feeders(scenario, load_kw, tariff))
        return charging_price_cny_per_kwh(scenario, tariff, nodal)

    learnt, published = LearntPrices(scenario), plain_day_ahead(scenario)
    told = [
        learnt(published, load).charging_price_cny_per_kwh for load in (0 * load_kw, load_kw, 3 * load_kw)
    ]
    assert np.allclose(told[0], implied(0 * load_kw))
    assert np.allclose(told[1], implied(load_kw))
    assert np.allclose(told[2], (implied(load_kw) + implied(2 * load_kw)) / 2)
    assert (told[1][:, 0] > told[1][:, 1]).all()  # S is at the end of the feeder


@pytest.fixture(scope="module")
def checked(toy: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the toy with the check."""
    asked = load_scenario(toy.folder / "toy.toml", ["learning_check.enabled=true", "learning_check.days=8"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "_write_report", lambda _: None)
        return run(asked, out=tmp_path_factory.mktemp("runs") / "checked")


def test_a_run_tells_how_its_learners_end(checked: Run) -> None:
    answer = study_of(checked)
    told = answer.facts["learning_check"]
    assert told["days"] == 8
    assert told["verdict"] == "agrees"
    assert told["roads"]["ratio"] == told["roads"]["distance"] / told["roads"]["floor"]
    shown = f"learners of 8 days vs SUE: roads        {told['roads']['ratio']:.2f} floors, agrees"
    assert any(line.startswith(shown) for line in answer.lines)
    words = learners(checked.summary)
    assert words is not None
    assert f"on roads they end {told['roads']['ratio']:.2f} sampling floors from it" in words["sentence"]
    (figure,) = OF_THE_RUN["learning_check"](Day(checked))
    assert [trace.name for trace in figure.data][::2] == ["roads", "stations"]
    assert checked.comparison.learning_check_days.day.max() == 8


def test_the_check_changes_no_other_table(checked: Run, toy_run: Run) -> None:
    tables = checked.manifest["tables"]
    new = {f"comparison/{name}.parquet" for name in ("learning_check", "learning_check_days")}
    assert {name: digest for name, digest in tables.items() if name not in new} == toy_run.manifest["tables"]


def test_repeated_days_make_no_check(
    toy: Scenario, toy_day: EquilibriumDay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning_check, "is_made", lambda *_: True)
    monkeypatch.setattr(learning_check, "check_of_equilibrium", lambda *_: {"learning_check": None})
    stages, pieces = Stages(lambda *_: None), Pieces(tmp_path, "")
    once, repeated = (
        RunUnderWay(toy, tmp_path, seeds, 1, stages, pieces, warn)._check(toy_day) for seeds in ((1,), (1, 2))
    )
    assert once
    assert not repeated


def test_above_100_000_evs_the_check_is_made_on_request_alone(toy: Scenario) -> None:
    def is_made(n_ev: int, **fields: bool) -> bool:
        check = toy.config.learning_check.model_copy(update=fields)
        return IS_MADE(replace(toy, config=toy.config.model_copy(update={"learning_check": check})), n_ev)

    assert is_made(100_000)
    assert not is_made(100_001)
    assert is_made(100_001, enabled=True)
    assert not is_made(1, enabled=False)


@pytest.mark.parametrize(("option", "asked"), [("--no-learning-check", False), ("--learning-check", True)])
def test_an_option_turns_the_check_on_and_off(
    option: str, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Scenario] = []
    monkeypatch.setattr(
        "experiments.run.command.run_and_show", lambda scenario, *_, **__: given.append(scenario)
    )
    assert commands.run("run", "toy", option).exit_code == 0
    assert given[0].config.learning_check.enabled is asked
