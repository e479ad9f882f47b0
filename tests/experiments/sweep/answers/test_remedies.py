"""Remedies: annuities against what a bank would ask, and tables written down by hand."""

import pytest
from scipy import stats

from cosim.errors import ConfigError
from experiments.sweep.answers.remedies import REMEDY, Investment, cheapest_remedies, remedies
from experiments.sweep.answers.runs import Runs
from tests.experiments.sweep.answers.made_up import noise, runs_of

OPERATION = {"nothing": 100.0, "storage": 90.0, "station": 97.0}
BROKEN = {"nothing": 8, "storage": 0, "station": 1}
STORAGE = Investment(investment_cny=36_500.0, years=10, interest=0.0)


def example(seeds: int = 20) -> Runs:
    return runs_of(
        {REMEDY: list(OPERATION)},
        lambda name, seed: {
            "cost_cny": OPERATION[name] + noise(seed),
            "wait_min": 1.0,
            "limits_broken": seed <= BROKEN[name],
        },
        seeds,
    )


def test_an_annuity_pays_the_investment_back_with_interest() -> None:
    one = Investment(investment_cny=1e6, years=15, interest=0.06)
    debt = 1e6
    for _ in range(15):
        debt = debt * 1.06 - one.annuity_cny_per_day * 365
    assert debt == pytest.approx(0, abs=1e-5)
    assert STORAGE.annuity_cny_per_day == pytest.approx(10.0)
    almost = Investment(investment_cny=36_500.0, years=10, interest=1e-9)
    assert almost.annuity_cny_per_day == pytest.approx(10.0)


def test_the_total_is_operation_and_annuity_and_the_difference_that_of_seeds() -> None:
    runs = example()
    table = remedies(runs, {"storage": STORAGE}, "nothing").set_index(REMEDY)
    row, base = table.loc["storage"], table.loc["nothing"]
    assert row.total_cny == pytest.approx(row.operation_cny + 10)
    assert row.difference_cny == pytest.approx(0, abs=1e-9)
    assert row.difference_high - row.difference_low < 1e-9  # the same noise on both
    values = runs.frame[runs.frame[REMEDY] == "nothing"].cost_cny
    assert (base.low, base.high) == pytest.approx(
        stats.t.interval(0.95, 19, values.mean(), stats.sem(values))
    )


def test_the_cheapest_is_the_lowest_total_of_those_that_keep_the_limits() -> None:
    runs = example()
    table = remedies(runs, {"storage": STORAGE}, "nothing", broken_at_most=0.05)
    assert table.set_index(REMEDY).cheapest.to_dict() == {"nothing": False, "storage": False, "station": True}
    (told,) = cheapest_remedies(table, runs)
    assert told.startswith("agents: station is cheapest of those that keep all limits on 95% of the days")
    assert "limits broken on 1 of 20 days (95 %: 0% to 25%)" in told
    strict = remedies(runs, {"storage": STORAGE}, "nothing", broken_at_most=0.0)
    assert strict.set_index(REMEDY).cheapest["storage"]


def test_where_no_remedy_keeps_the_limits_none_is_cheapest() -> None:
    frame = example().frame.assign(limits_broken=True)
    runs = Runs(frame, (REMEDY,))
    table = remedies(runs, {}, "nothing")
    assert not table.cheapest.any()
    assert cheapest_remedies(table, runs) == ["agents: no remedy keeps all limits on 95% of the days"]


def test_a_day_without_a_cost_is_missing_and_still_counts_as_broken() -> None:
    frame = example().frame.copy()
    frame.loc[0, "cost_cny"] = float("nan")
    row = remedies(Runs(frame, (REMEDY,)), {}, "nothing").iloc[0]
    assert (row.n, row.missing, row.broken) == (20, 1, 8)


def test_a_baseline_that_is_no_remedy_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="no remedy 'none' to compare with; there are: nothing, storage, station"
    ):
        remedies(example(2), {}, "none")
