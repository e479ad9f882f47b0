"""Means, paired differences and the probability of a broken limit, each against a second formula."""

import numpy as np
import pytest
from scipy import stats

from cosim.errors import ConfigError
from experiments.sweep.answers.means import differences, limits_broken, means, proportion
from experiments.sweep.answers.runs import Runs
from tests.experiments.sweep.answers.made_up import CHARGERS, EV, noise, runs_of, with_failed


def two_fields(seeds: int) -> Runs:
    return runs_of(
        {EV: [0.2, 0.4], CHARGERS: [2, 4]},
        lambda ev, chargers, seed: {
            "wait_min": 10 * ev / chargers + noise(seed) + 0.1 * noise(seed, chargers, int(10 * ev)),
            "limits_broken": seed <= 10 * ev,
        },
        seeds,
    )


def test_the_interval_of_a_mean_is_students() -> None:
    runs = two_fields(7)
    row = means(runs).iloc[0]
    values = runs.frame[runs.frame.setting == 1].wait_min
    low, high = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
    assert (row["mean"], row.low, row.high) == pytest.approx((values.mean(), low, high))
    assert (row.n, row.missing) == (7, 0)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    runs = two_fields(1)
    assert means(runs)[["low", "high"]].isna().all(axis=None)
    assert means(runs)["mean"].notna().all()
    assert differences(runs, {EV: 0.2})[["low", "high", "p_value"]].isna().all(axis=None)


def test_differences_are_those_of_seeds_and_a_baseline_keeps_the_other_fields() -> None:
    runs = two_fields(9)
    found = differences(runs, {EV: 0.2})
    assert found[["setting", "baseline"]].to_numpy().tolist() == [[3, 1], [4, 2]]
    values = runs.frame.pivot(index="seed_number", columns="setting", values="wait_min")
    test = stats.ttest_rel(values[3], values[1])
    interval = test.confidence_interval(0.95)
    row = found.iloc[0]
    assert (row.p_value, row.low, row.high) == pytest.approx((test.pvalue, interval.low, interval.high))


def test_pairs_make_the_interval_narrow_where_seeds_matter_most() -> None:
    runs = two_fields(9)
    paired, alone = differences(runs, {CHARGERS: 2}).iloc[0], means(runs).iloc[0]
    assert paired.high - paired.low < (alone.high - alone.low) / 3


@pytest.mark.parametrize(
    ("baseline", "sentence"),
    [
        ({}, "no field is given"),
        ({"grid.x": 1}, "grid.x is not varied"),
        ({EV: 0.3}, "no runs have population.ev_share = 0.3, stations.S.chargers = 2"),
    ],
)
def test_a_baseline_that_did_not_run_is_refused(baseline: dict[str, float], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        differences(two_fields(2), baseline)


def test_a_failed_run_is_missing_told_and_in_no_pair() -> None:
    runs = with_failed(two_fields(5), setting=1, seed=2)
    assert means(runs).iloc[0][["n", "missing"]].tolist() == [4, 1]
    assert differences(runs, {EV: 0.2}).n.tolist() == [4, 5]
    assert limits_broken(runs).n.tolist() == [4, 5, 5, 5]
    assert "1 of 20 runs failed (settings 1)" in runs.left_out()[0]


def test_a_figure_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="there is no figure 'waits'; there are: wait_min"):
        two_fields(2).by_seed("waits", "agents")


def test_of_several_days_the_last_counts() -> None:
    runs = two_fields(3)
    first = runs.frame.assign(wait_min=99.0)
    import pandas as pd

    both = Runs(pd.concat([runs.frame.assign(day=2), first]), runs.fields)
    pd.testing.assert_frame_equal(means(both), means(runs))


@pytest.mark.parametrize(("broken", "n"), [(0, 30), (3, 30), (30, 30), (1, 1)])
def test_clopper_pearson_leaves_a_fortieth_on_either_side(broken: int, n: int) -> None:
    found, scipys = proportion(broken, n), stats.binomtest(broken, n).proportion_ci(0.95, method="exact")
    assert (found["low"], found["high"]) == pytest.approx((scipys.low, scipys.high))
    if broken:
        assert stats.binom.sf(broken - 1, n, found["low"]) == pytest.approx(0.025)
    if broken < n:
        assert stats.binom.cdf(broken, n, found["high"]) == pytest.approx(0.025)
    assert found["low"] <= broken / n <= found["high"]


def test_clopper_pearson_covers_at_least_95_of_100_at_any_probability() -> None:
    intervals = [proportion(k, 12) for k in range(13)]
    for p in np.linspace(0.01, 0.99, 99):
        covers = np.array([one["low"] <= p <= one["high"] for one in intervals])
        assert stats.binom.pmf(np.arange(13), 12, p)[covers].sum() >= 0.95


def test_a_setting_without_runs_has_no_probability() -> None:
    assert np.isnan(proportion(0, 0)["probability"])
