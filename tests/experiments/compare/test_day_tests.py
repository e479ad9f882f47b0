"""Tests of the day: their size where nothing differs, and what they see that no period shows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, kstest

from agents.model import CoSimModel
from cosim.arrays import FloatArray, Frame
from cosim.coupling import EquilibriumDay, equilibrium_tables
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.compare.comparison import Comparison, compare_samples
from experiments.compare.day_choices import stratified
from experiments.compare.families import selected
from experiments.compare.power import Detectable
from experiments.compare.sample import Sample
from experiments.run.many_days import recorded
from tests.conftest import CONFIGS

SHARE = np.array([0.5, 0.3, 0.2])
PERIODS = 24
NAMES = ("EV trips", "station shares", *"abcdefgh")


def drawn(rng: np.random.Generator, share: FloatArray, trips: int = 12) -> FloatArray:
    """Return the choices of each period."""
    return rng.multinomial(trips, np.tile(share, (PERIODS, 1))).astype(np.float64)


def p_values(share: FloatArray, *, is_random: bool) -> FloatArray:
    """Return p-values of 400 days whose trips choose with *share*, against the shares or a day of their own."""
    rng = np.random.default_rng(1)
    first = [drawn(rng, SHARE) if is_random else np.tile(SHARE, (PERIODS, 1)) for _ in range(400)]
    return np.array([stratified(own, drawn(rng, share), is_random=is_random).test()[0] for own in first])


@pytest.mark.parametrize("is_random", [False, True])
def test_choices_of_a_day_are_rejected_as_often_as_the_level_says(is_random: bool) -> None:
    assert kstest(p_values(SHARE, is_random=is_random), "uniform").pvalue > 0.01


def test_a_small_bias_of_every_period_adds_up_over_the_day() -> None:
    """A station favoured 1.5-fold: of 12 trips no period can tell, of 288 the day does."""
    biased = SHARE * [1, 1, 1.5]
    biased /= biased.sum()
    found = (p_values(biased, is_random=False) <= 0.05).mean()
    noncentral = PERIODS * 12 * ((biased - SHARE) ** 2 / SHARE).sum()
    from scipy.stats import ncx2

    assert found == pytest.approx(ncx2.sf(chi2.isf(0.05, 2), 2, noncentral), abs=0.06)
    assert found > 0.6


def test_alternatives_that_hardly_anybody_takes_are_put_together() -> None:
    """Ninety paths of one trip each are no ninety degrees of freedom: nothing is left to reject."""
    share = np.concatenate([[0.7], np.full(90, 0.3 / 90)])
    rng = np.random.default_rng(2)
    tests = [stratified(np.tile(share, (8, 1)), drawn(rng, share)[:8], is_random=False) for _ in range(200)]
    assert np.mean([own.test()[0] <= 0.05 for own in tests]) < 0.1


def test_families_are_selected_first_and_then_tested_at_their_share_of_the_level() -> None:
    """Benjamini and Bogomolov: of four families two see something, so their tests reject at half of 5 %."""
    families = selected({
        "a": np.array([1e-4, 0.02, 0.03]),
        "b": np.array([0.01]),
        "c": np.array([0.2]),
        "d": np.array([0.9, 0.9]),
    })  # fmt: skip
    assert [(own.name, own.rejected) for own in families] == [("a", 2), ("b", 1), ("c", 0), ("d", 0)]
    assert families[0].cut == pytest.approx(0.025)


def test_what_a_shift_of_the_day_shows_in_first_has_most_of_the_level() -> None:
    """Of ten families station shares have 2.75 %, where Bonferroni leaves 0.5 %; eight others share 0.75 %."""
    quiet = {str(k): np.array([0.5]) for k in range(8)}
    (lead, *_), (_, *other) = (
        selected({"station shares": np.array([p]), "EV trips": np.array([0.5])} | quiet)
        for p in (0.027, 0.028)
    )
    assert (lead.rejected, lead.alone) == (1, pytest.approx(0.05 * 0.55))
    assert not any(own.rejected for own in other)
    assert other[-1].alone == pytest.approx(0.05 * 0.15 / 8)


def test_where_nothing_differs_one_comparison_in_twenty_rejects() -> None:
    rng = np.random.default_rng(3)
    days = [selected(dict(zip(NAMES, rng.random((10, 1)), strict=True))) for _ in range(2000)]
    rejected = np.mean([any(own.rejected for own in families) for families in days])
    assert rejected == pytest.approx(0.05, abs=0.015)


def test_what_is_smaller_than_stated_is_seen() -> None:
    own = Detectable(figure="theta", shift=0.2, stated=0.25)
    assert own.is_seen
    assert not replace(own, shift=0.3).is_seen
    assert (str(own), replace(own, unit="min").missed) == ("20 % of theta", "0.25 min of theta")


@pytest.fixture(scope="module")
def expected(paper: Scenario, paper_day: EquilibriumDay) -> Sample:
    tables = recorded(equilibrium_tables(paper, paper_day))
    return Sample(name="equilibrium", model="equilibrium", days=(tables,), seeds=(), config=paper.config)


def a_day(ahead: DayAhead, seed: int, *settings: str, evs: int | None = None) -> Sample:
    """Return a day of the paper's agents on its roads."""
    scenario = load_scenario(CONFIGS / "paper.toml", ["population.resolution=batch", *settings])
    tables = recorded(CoSimModel(replace(scenario, feeders=()), ahead, seed).simulate())
    return Sample(
        name="agents", model="agents", days=(tables,), seeds=(seed,), config=scenario.config, evs=evs
    )


@pytest.fixture(scope="module")
def plain(expected: Sample, paper_ahead: DayAhead, paper_day: EquilibriumDay) -> Comparison:
    return compare_samples([expected, a_day(paper_ahead, 1, evs=paper_day.demand.n_ev)], seed=1)


def test_trips_of_one_ev_come_together_so_a_total_scatters_more_than_a_count(
    plain: Comparison, paper: Scenario
) -> None:
    """Var(x) / E(x) of the trips of an EV, to which the diaries of the equilibrium add N / M."""
    tests, day = plain.tables["day_tests"].set_index(["kind", "item"]), plain.samples[1]
    (trips,) = day.tables("trips")
    assert day.evs is not None
    each = np.zeros(day.evs)
    counts = trips.groupby("ev").size()
    each[: len(counts)] = counts
    dispersion = each.var(ddof=1) / each.mean()
    exposure = paper.config.population.estimate_diaries / day.evs
    row = tests.loc["class", "EV trips"]
    largest = max(row.reference, row.other)
    assert dispersion > 1.3
    assert row.error * row.reference == pytest.approx(
        np.sqrt(dispersion * largest * (1 + 1 / exposure)), rel=0.02
    )


def test_totals_of_the_day_are_the_sums_of_the_tables(plain: Comparison) -> None:
    tests, (links,) = plain.tables["day_tests"], plain.samples[0].tables("links")
    roads = links[links.kind == "road"]
    flow = (roads.ev_not_charging_veh_h + roads.ev_charging_veh_h) * plain.samples[0].hours
    ours = tests[tests.kind == "link"].set_index("item").reference
    assert ours.sort_index().to_numpy() == pytest.approx(
        flow.groupby(roads.link).sum().sort_index().to_numpy()
    )


def test_with_the_verdict_comes_what_could_have_been_seen(plain: Comparison) -> None:
    seen = {own.figure: own.shift for own in plain.verdicts[0].detectable}
    assert 0.04 < seen["EV trips"] < 0.1 < seen["charging trips"] < 0.25
    assert "Found with power 0.8 would have been" in plain.verdicts[0].sentence


def test_cars_have_no_chance_so_five_per_cent_more_of_them_differ_on_any_day(
    expected: Sample, plain: Comparison
) -> None:
    more = compare_samples([expected, _with_cars(plain.samples[1], 1.05)], seed=1).verdicts[0]
    assert not more.flows_agree
    assert "4 of 4 car totals of ODs differ" in more.sentence


def _with_cars(sample: Sample, factor: float) -> Sample:
    def read(table: str) -> Frame:
        frame = sample.days[0](table)
        if table != "paths":
            return frame
        return frame.assign(
            flow_veh_h=frame.flow_veh_h.where(frame.user_class != "car", factor * frame.flow_veh_h)
        )

    return replace(sample, days=(read,))


def test_a_road_that_one_side_alone_has_is_a_difference_though_nobody_would_see_it(
    expected: Sample, plain: Comparison
) -> None:
    def read(table: str) -> Frame:
        frame = expected.days[0](table)
        if table != "links":
            return frame
        lane = frame[frame.link == "1"].assign(link="lane", ev_not_charging_veh_h=1e-6, ev_charging_veh_h=0.0)
        return pd.concat([frame, lane], ignore_index=True)

    (verdict,) = compare_samples([replace(expected, days=(read,)), plain.samples[1]], seed=1).verdicts
    assert not verdict.flows_agree
    assert "roads and stations found in one only differ" in verdict.sentence


def test_a_theta_of_four_fifths_is_found_on_a_day(expected: Sample, paper_ahead: DayAhead) -> None:
    other = a_day(paper_ahead, 5, "population.theta_per_min=0.16")
    (verdict,) = compare_samples([expected, other], seed=1).verdicts
    assert not verdict.flows_agree
    assert "1 of 1 theta of path choices" in verdict.sentence


def test_another_value_of_time_without_another_choice_is_only_mentioned(
    plain: Comparison, paper_ahead: DayAhead
) -> None:
    """All stations have one price, so what it weighs changes nobody's choice."""
    other = a_day(paper_ahead, 2, "road.value_of_time_cny_per_h=20")
    comparison = compare_samples([plain.samples[1], other], seed=1)
    assert "choice" not in comparison.verdicts[0].causes
    assert [own.field for own in comparison.verdicts[0].settings] == ["road.value_of_time_cny_per_h"]
    causes = comparison.tables["causes"].set_index("cause")
    assert "20 CNY an hour" in causes.loc["choice", "sentence"]
