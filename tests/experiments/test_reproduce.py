"""The paper's case: every verdict is the recorded one, can turn, and rests on numbers checked another way."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim.arrays import FloatArray
from cosim.coupling import solve_equilibrium_day
from cosim.errors import ConfigError
from cosim.grid.tariff import price_class
from cosim.road.assignment import solve_sue
from cosim.road.problem import AssignmentProblem
from cosim.road.semi_dynamic import warm_start_veh_h
from cosim.scenario import load_scenario
from experiments.cli import app
from experiments.reproduce import cases, figures
from experiments.reproduce.cases import Reproduction, reproduce
from experiments.reproduce.errata import ERRATA, NUMBERS, errata_table
from experiments.reproduce.grid_case import VARIANTS, Variant
from experiments.reproduce.page import formula, page
from experiments.reproduce.report import Report, as_text, report_on
from experiments.reproduce.road_case import FIRST_PERIOD, SECOND_PERIOD, TOLERANCE, RoadCase, even_split_veh_h
from experiments.reproduce.statement import Claim
from experiments.reproduce.statements import CHAPTERS
from experiments.reproduce.topology_case import nearest_margin, sigma_interval
from tests.computed_once import case_of_the_paper

PACKAGE = "experiments.reproduce.statements"
ROOT = Path(__file__).parents[2]
STATEMENTS = {own.id: own for statements in CHAPTERS.values() for own in statements}
PROTOTYPE = {
    Variant("A", "table"): (26_909, 2877, 0.9634, 540, 11_850, 2120),
    Variant("A", "dynamic"): (26_500, 2749, 0.9672, 529, 11_850, 1290),
    Variant("B", "table"): (33_122, 2877, 0.9634, 564, 7120, 870),
    Variant("B", "dynamic"): (32_589, 2815, 0.9667, 521, 8600, 530),
}
"""CNY, peak kW, lowest p.u., kWh lost, from the turbine and shifted, by an independent prototype, whose sessions
took 29.9 kWh in place of 27.3."""


ONE, BOTH_TARIFFS = VARIANTS[:1], VARIANTS[:2]
"""Variants of the feeder with which a changed case is seen to turn a verdict."""


@pytest.fixture(scope="module")
def case(store: Path) -> Reproduction:
    return case_of_the_paper(store)


@pytest.fixture(scope="module")
def report(case: Reproduction) -> Report:
    return report_on(case)


def test_every_verdict_is_the_recorded_one(report: Report) -> None:
    assert [(own.id, str(own.variant), own.value) for own in report.changed] == []


def test_what_has_no_value_is_never_as_recorded(report: Report) -> None:
    for recorded in ("agrees", "differs"):
        known = next(one for one in report.judgements if one.recorded == recorded and one.as_recorded)
        assert not replace(known, value=float("nan")).as_recorded


def test_no_recorded_reason_is_idle(report: Report) -> None:
    """Every reason for a difference is that of some judgement, in a variant that exists."""
    told = {own.reason for own in report.judgements}
    assert all(why in told for own in STATEMENTS.values() for why in own.claim.differs.values())


def test_every_claim_has_what_measures_it_and_nothing_is_measured_without_a_claim() -> None:
    measured = [name for chapter in CHAPTERS for name in import_module(f"{PACKAGE}.{chapter}").MEASURES]
    assert sorted(STATEMENTS) == sorted(measured)
    assert {own.item for own in ERRATA} == set(NUMBERS)


def test_every_figure_has_a_statement(report: Report) -> None:
    figures = " ".join(own.claim.figure for own in report.judgements)
    missing = [number for number in range(3, 13) if not re.search(rf"\b{number}\b", figures)]
    assert missing == []
    assert report.statement_count >= 50


def test_what_the_program_itself_holds_is_not_counted_as_evidence(report: Report) -> None:
    assert (len(report.constraints), len(report.calibrated)) == (47, 2)
    assert sum(report.verdict_count.values()) + 47 + 2 == len(report.judgements)
    assert "No evidence: 47 of 47 constraints kept, 2 of 2 by calibration.\n" in as_text(report)
    held = {own.id for own in report.constraints}
    assert {"power-is-balanced", "turbine-keeps-its-ramp", "storage-ends-as-it-began"} <= held
    assert not held & {"less-is-bought", "storage-never-does-both", "od-1-has-eight-paths"}


def test_statements_of_the_feeder_are_judged_in_both_presets(case: Reproduction, report: Report) -> None:
    for name, statement in STATEMENTS.items():
        presets = {own.variant.preset for own in report.judgements if own.id == name and own.variant}
        about_the_feeder = len(statement.judge(case)) > 1
        assert presets == ({"A", "B"} if about_the_feeder else set()), name


ROUNDING = {"flow-from-exact-times", "storage-never-does-both"}
"""Statements whose measure is rounding, and the solver's: other machines have more of it."""
OF_A_RATIO = {
    "warm-start-is-faster", "charging-stacks-on-the-peak", "voltage-falls-too-low", "charging-raises-the-bill",
    "less-is-bought", "taken-in-when-pv-and-wind-are-strong", "load-returns-when-energy-is-cheap",
    "load-returns-when-little-is-charged", "storage-fills-when-energy-is-cheap",
    "storage-lowers-the-purchase-at-the-peak", "peak-to-valley-is-less", "coordination-lowers-the-peak",
    "operation-costs-less", "coordination-costs-less", "likelihood-beats-least-squares",
}  # fmt: skip
"""Statements whose measure is 1 where the paper's sentence says nothing; it is 0 for the others."""


def test_no_band_is_three_times_as_wide_as_what_is_measured(report: Report) -> None:
    """What is measured, over what would still agree; both from where the sentence would say nothing."""
    wide = {}
    for own in (own for own in report.evidence if own.verdict == "agrees" and own.id not in ROUNDING):
        claim, nothing = own.claim, 1.0 if own.id in OF_A_RATIO else 0.0
        needed, allowed = abs(own.value - nothing), abs(claim.expected - nothing)
        if claim.relation == "equal to":
            needed, allowed = claim.tolerance, abs(own.value - claim.expected)
        elif claim.relation == "at most" and not nothing and claim.expected > 0:
            needed, allowed = allowed, needed  # an error: the smaller the better
        if allowed > 0:
            wide[own.id] = min(wide.get(own.id, np.inf), needed / allowed)
    assert {name: times for name, times in wide.items() if times > 3} == {}
    assert len(wide) >= 35


def test_the_check_by_drivers_who_learn_comes_first(report: Report) -> None:
    lines = as_text(report).splitlines()
    roads, stations = report.learners.findings
    assert lines[0].startswith("Drivers who are told nothing of the equilibrium, 20 days later")
    assert lines[1].split()[:2] == ["roads", f"{roads.ratio:.2f}"]
    assert f"difference of {stations.smallest_seen:.1%} would be seen 4 times in 5" in lines[6]
    told = report.as_json()
    assert next(iter(told)) == "learning_check"
    assert told["learning_check"]["roads"]["verdict"] == roads.verdict == "agrees"


def test_no_sigma_makes_exactly_18_to_22_high(case: Reproduction) -> None:
    """By the tariff itself, in steps of 0.001."""
    load, evening = case.preset_a.equivalent_load_kw, np.isin(np.arange(1, 25), range(18, 23))
    high = [price_class(load, sigma) > 0 for sigma in np.arange(0.1, 0.3, 0.001)]
    assert not any((own == evening).all() for own in high)
    low, up = sigma_interval(load, high[110])  # 18 to 21 at 0.21: some sigma does that
    assert low < 0.21 <= up
    assert (price_class(load, (low + up) / 2) > 0).tolist() == high[110].tolist()


def test_a_placement_with_its_margin_exists_and_none_where_the_own_bus_is_not_the_nearest() -> None:
    """Three buses in a row: stations in the order of their buses can be placed, in another order they cannot."""
    row, points = (
        np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]),
        np.array([[5.0, 1.0], [5.0, 3.0], [5.0, 5.0]]),
    )
    assert nearest_margin(points, row, [0, 1, 2]) == pytest.approx(0.5)
    assert nearest_margin(points, row, [2, 1, 0]) == pytest.approx(0.5)
    assert nearest_margin(points, row, [0, 2, 1]) < 0


def turned(case: Reproduction, names: Iterable[str]) -> set[str]:
    """Return which of these statements no longer have their recorded verdict."""
    return {name for name in names if not all(own.as_recorded for own in STATEMENTS[name].judge(case))}


def test_the_warm_start_carries_its_statements() -> None:
    names = {"two-steps-are-mostly-enough", "warm-start-is-faster", "cold-start-needs-tens"}
    assert turned(reproduce(warm_start=False, variants=ONE), names) == names - {"cold-start-needs-tens"}


def test_two_steps_are_always_enough_where_roads_are_empty() -> None:
    """The recorded verdict is that they are not: 15 of 23 pairs."""
    names = {"two-steps-are-always-enough", "two-steps-are-mostly-enough"}
    assert turned(reproduce(["road.demand_scale=0.25"], variants=ONE), names) == {
        "two-steps-are-always-enough"
    }


def test_steps_of_a_warm_start_are_counted_over_all_pairs_of_periods(case: Reproduction) -> None:
    """By the steps written out: a pair is enough if the costs are computed three times at most."""
    search, problems = case.roads.search, case.roads.problems
    enough = [
        iterations(after, warm_start_veh_h(after, before, flow.path_flow_veh_h))[0] <= 3
        for before, after, flow in zip(problems[:-1], problems[1:], search.warm[:-1], strict=True)
    ]
    assert (sum(enough), len(enough)) == (15, 23)
    (own,) = STATEMENTS["two-steps-are-always-enough"].judge(case)
    assert own.value == pytest.approx(15 / 23)


def test_another_demand_response_limit_is_noticed() -> None:
    wider = reproduce([f"grid.demand_response.{i}.share_max=0.6" for i in range(4)], variants=ONE)
    names = {"shifted-load-is-at-most-30-percent", "all-load-is-given-back"}
    assert turned(wider, names) == {"shifted-load-is-at-most-30-percent"}


def test_a_store_that_loses_much_is_noticed() -> None:
    lossy = reproduce([f"grid.storage.0.{way}_efficiency=0.5" for way in ("charge", "discharge")])
    names = {"storage-fills-when-energy-is-cheap", "storage-empties-at-the-peak", "storage-lowers-the-cost"}
    assert turned(lossy, names) == names


def test_another_tariff_band_is_noticed() -> None:
    """With a narrower band all of 18 to 22 are high, as the paper says, and 14, too; recorded is that 22 is not."""
    names = {"evening-is-at-the-high-price"}
    assert turned(reproduce(["tariff.band=0.185"], variants=ONE), names) == names
    assert turned(reproduce(["tariff.band=0.25"], variants=ONE), names) == set()


def test_a_low_slack_voltage_is_noticed() -> None:
    names = {"no-voltage-is-too-low", "relaxation-is-exact"}
    assert turned(reproduce(["grid.slack_voltage_pu=0.96"], variants=ONE), names) == {"no-voltage-is-too-low"}


def test_another_theta_turns_verdicts_and_ends_with_code_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "reproduce", partial(reproduce, variants=BOTH_TARIFFS))
    result = CliRunner().invoke(
        app, ["reproduce", "--set", "road.theta_per_min=2", "--set", "learning_check.enabled=false"]
    )
    assert result.exit_code == 3
    for name in ("all-paths-of-od-1-are-used", "two-steps-are-mostly-enough"):
        assert name in result.stderr
        assert f"{name}: " in result.stdout


@pytest.mark.parametrize(
    ("relation", "agreeing", "differing"),
    [
        ("at most", (-9.0, 1.1), (1.2,)),
        ("at least", (0.9, 9.0), (0.8,)),
        ("equal to", (0.9, 1.1), (0.8, 1.2)),
    ],
)
def test_the_band_decides(relation: str, agreeing: tuple[float, ...], differing: tuple[float, ...]) -> None:
    claim = Claim(figure="1", says="", measure="", relation=relation, expected=1.0, tolerance=0.11)  # type: ignore[arg-type]
    assert [claim.verdict(value) for value in agreeing] == ["agrees"] * len(agreeing)
    assert [claim.verdict(value) for value in (*differing, float("nan"))] == ["differs"] * (
        len(differing) + 1
    )


def iterations(problem: AssignmentProblem, flow: FloatArray) -> tuple[int, FloatArray]:
    """Steps 2 to 6 as the paper has them, corrected, in plain NumPy: iterations and the flows they lead to."""
    for n in range(1, 2_000):
        cost = problem.path_cost_min(problem.link_time_min(problem.paths.link_flow_veh_h(flow)))
        shares = np.empty_like(cost)
        for group in range(problem.paths.groups.count):
            own = problem.paths.groups.members(group)
            weight = np.exp(-problem.theta_per_min[group] * (cost[own] - cost[own].min()))
            shares[own] = weight / weight.sum()
        change = problem.path_demand_veh_h * shares - flow
        if np.max(np.abs(change) / np.maximum(1, problem.path_demand_veh_h)) <= TOLERANCE:
            return n, flow
        flow = flow + change / n
    return 2_000, flow


def test_iterations_are_those_of_the_steps_written_out(case: Reproduction) -> None:
    search, problems = case.roads.search, case.roads.problems
    for period in (8, FIRST_PERIOD):
        cold, _ = iterations(problems[period - 1], even_split_veh_h(problems[period - 1]))
        assert cold == search.cold[period - 1].iterations
    warm, _ = iterations(problems[SECOND_PERIOD - 1], case.roads.start_of_second_veh_h())
    assert warm == search.warm[SECOND_PERIOD - 1].iterations


def test_drawn_path_flows_run_from_an_even_split_to_the_equilibrium(case: Reproduction) -> None:
    problem = case.roads.problems[FIRST_PERIOD - 1]
    flows = case.roads.path_flows_of_od_1(FIRST_PERIOD, even_split_veh_h(problem), 60)
    assert np.ptp(flows[0]) < 1e-9
    exact = case.roads.flows_of_od_1(solve_sue(problem, tolerance=1e-10).path_flow_veh_h)
    np.testing.assert_allclose(flows[-1], exact, atol=0.2)
    np.testing.assert_allclose(flows.sum(axis=1), flows[0].sum(), rtol=1e-12)


@pytest.mark.parametrize("change", ["population.choice=path_size", "tariff.charging_price=nodal"])
def test_the_papers_search_is_asked_what_the_day_was_asked(change: str) -> None:
    scenario = load_scenario("paper", [change, "population.estimate_diaries=2000"])
    roads = RoadCase(scenario, solve_equilibrium_day(scenario))
    answer = solve_sue(roads.problems[FIRST_PERIOD - 1], tolerance=1e-9)
    of_day = roads.day.periods[FIRST_PERIOD - 1].path_flow_veh_h
    assert np.abs(answer.path_flow_veh_h - of_day).max() < 0.01


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_day_is_near_that_of_an_independent_prototype(case: Reproduction, variant: Variant) -> None:
    d = case.grid[variant].dispatch
    found = (
        d.cost_cny, d.purchase_kw.max(), d.voltage_pu.min(),
        d.losses_kw.sum(), d.setpoints["turbine_kw"].sum(), d.setpoints["shift_out_kw"].sum(),
    )  # fmt: skip
    np.testing.assert_allclose(found, PROTOTYPE[variant], rtol=0.07)
    assert d.certified


def test_the_dispatch_is_cheaper_and_lower_than_the_baseline(case: Reproduction) -> None:
    """The baseline of the prototype: lowest voltage .891, peak 4.61 MW, 47,700 to 50,200 CNY."""
    for grid in case.grids:
        np.testing.assert_allclose(grid.bare.voltage_pu.min(), 0.891, atol=0.003)
        np.testing.assert_allclose(grid.bare.slack_kw.max(), 4610, rtol=0.02)
        assert 46_000 < grid.purchase_cny(grid.bare) < 50_200
        assert grid.dispatch.cost_cny < 35_000
        assert grid.dispatch.purchase_kw.max() < 3000


def numbers(report: Report, item: str) -> tuple[float, ...]:
    return next(own.numbers for own in report.errata if own.erratum.item == item)


def test_errata_cover_all_equations_and_steps(report: Report) -> None:
    items = {own.erratum.item for own in report.errata}
    assert {f"Eq. {n}" for n in range(1, 24)} | {f"MSA step {n}" for n in range(1, 8)} <= items
    assert all(np.isfinite(own.numbers).all() and own.numbers for own in report.errata)
    assert len(items) == len(ERRATA)


def test_errata_are_those_of_the_documentation() -> None:
    assert errata_table() in (ROOT / "docs" / "method.md").read_text(encoding="utf-8")


def test_numbers_of_the_errata_hold_when_computed_another_way(case: Reproduction, report: Report) -> None:
    roads, grid = case.roads, case.grid[VARIANTS[0]]
    assert numbers(report, "Eq. 1") == (10, 19)
    share = roads.peak.path_share
    kept = [
        np.sum(share[roads.day.paths.groups.members(g)] ** 2) for g in range(roads.day.paths.groups.count)
    ]
    np.testing.assert_allclose(numbers(report, "MSA step 4"), 100 * (1 - min(kept)), rtol=1e-4)
    others = np.delete(grid.dispatch.injection_kw, grid.feeder.feeder.slack_bus, axis=1)
    np.testing.assert_allclose(numbers(report, "Eq. 12")[0], 2 * np.abs(others).max(), rtol=1e-6)
    assert numbers(report, "Eq. 12")[1] < 1e-3
    printed, true = numbers(report, "Eq. 8")
    assert abs(printed) > 100 * abs(true)
    assert true > 0  # the equilibrium is a minimum along this direction
    assert numbers(report, "Eq. 20")[0] < 1e-3 < numbers(report, "Eq. 20")[1]
    np.testing.assert_allclose(numbers(report, "Eq. 22")[2:], (0.603, 0.485), atol=5e-4)
    assert numbers(report, "Eq. 23")[0] > 1e4 * numbers(report, "Eq. 23")[1]


def test_sheffi_and_powells_objective_is_least_at_the_equilibrium(case: Reproduction) -> None:
    """A hundred times smaller step, ten thousand times smaller change: stationary. The printed one: a hundred times."""
    from experiments.reproduce.road_case import sheffi_powell

    at = sheffi_powell(case.roads)
    far, near = (sheffi_powell(case.roads, growth) for growth in (1.01, 1.0001))
    np.testing.assert_allclose((far.true - at.true) / (near.true - at.true), 1e4, rtol=0.2)
    np.testing.assert_allclose((far.printed - at.printed) / (near.printed - at.printed), 1e2, rtol=0.2)


def test_the_command_writes_the_same_verdicts_and_a_page_that_opens_offline(
    case: Reproduction, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, object]] = []
    monkeypatch.setattr(
        cases, "reproduce", lambda settings, *, warm_start: (asked.append((settings, warm_start)), case)[1]
    )
    out = tmp_path / "paper"
    result = CliRunner().invoke(app, ["reproduce", "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert asked == [((), True)]  # the case as the paper has it
    told = json.loads(result.stdout)
    assert told == json.loads((out / "statements.json").read_text(encoding="utf-8"))
    assert told == json.loads(json.dumps(report.as_json()))
    keys = {"figure", "statement", "value", "tolerance", "verdict"}
    assert all(keys <= set(own) and own["verdict"] in {"agrees", "differs"} for own in told["statements"])
    page = (out / "report.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in page for name in STATEMENTS)
    assert page.count('class="figure"') == page.count('class="chart"') == 18
    assert not re.search(r'(src|href)="https?:', page)
    assert len(page) < 8e6
    again = CliRunner().invoke(app, ["reproduce", "--out", str(out)])
    assert isinstance(again.exception, ConfigError)


def test_subscripts_and_code_of_formulas_are_set() -> None:
    text = "U_j² = q_{t-1} < P_max, `road.assignment.carry_over`"
    assert formula(text) == (
        "U<sub>j</sub>² = q<sub>t-1</sub> &lt; P<sub>max</sub>, <code>road.assignment.carry_over</code>"
    )


def test_a_day_of_another_length_is_refused() -> None:
    with pytest.raises(ConfigError, match="24"):
        reproduce(["periods=48"])


def test_a_figure_that_cannot_be_drawn_is_a_note_on_the_page(
    case: Reproduction, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_figure(*_: object) -> None:
        raise KeyError("station")  # noqa: EM101

    monkeypatch.setattr(figures, "link_flows", no_figure)
    monkeypatch.setattr(figures, "shaded", no_figure)
    notes = page(case, report).count("This figure cannot be drawn (KeyError: ")
    assert notes == 1 + 2 * 3  # flows, and three figures of two variants
