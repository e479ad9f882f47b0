import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_ind

from experiments.compare.significance import (
    Estimate,
    adjusted,
    chance,
    estimate,
    half_width,
    poisson_p_value,
    share_of,
    t_p_value,
    two_counts_p_value,
    welch_p_value,
)


def test_no_vehicle_where_one_is_expected() -> None:
    """Mid-p: half of P(0) = 1/e, twice for two sides."""
    assert poisson_p_value(np.array([0.0]), np.array([1.0])) == pytest.approx([np.exp(-1)])


def test_nothing_expected_is_certain_to_stay_away() -> None:
    assert poisson_p_value(np.array([0.0, 1.0]), np.array([0.0, 0.0])).tolist() == [1, 0]


@pytest.mark.parametrize("expected", [0.5, 4.0, 60.0])
def test_poisson_test_rejects_about_as_often_as_it_says(expected: float) -> None:
    """Within .035 and .065 at the 5 % level for large counts, never far above it for small ones."""
    counts = np.random.default_rng(7).poisson(expected, 20_000).astype(float)
    rejected = (poisson_p_value(counts, np.full(counts.size, expected)) <= 0.05).mean()
    assert rejected < 0.065
    assert rejected > 0.035 or expected < 5


def test_three_against_none_is_a_coin_that_fell_three_times() -> None:
    assert two_counts_p_value(np.array([0.0]), np.array([3.0]), 1, 1) == pytest.approx([2 * (1 / 8) / 2])


def test_twice_the_days_give_twice_the_count() -> None:
    same_rate = two_counts_p_value(np.array([100.0]), np.array([200.0]), 10, 20)
    same_count = two_counts_p_value(np.array([150.0]), np.array([150.0]), 10, 20)
    assert same_rate > 0.9
    assert same_count < 1e-4


def test_t_tests_are_scipys() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(0, 1, (6, 4)), rng.normal(0.5, 2, (9, 4))
    assert t_p_value(first) == pytest.approx(ttest_1samp(first, 0).pvalue)
    assert welch_p_value(first, second) == pytest.approx(ttest_ind(second, first, equal_var=False).pvalue)


def test_days_without_a_value_are_left_out() -> None:
    days = np.array([[1.0], [np.nan], [2.0], [4.0]])
    assert t_p_value(days) == pytest.approx(t_p_value(days[[0, 2, 3]]))
    assert np.isnan(t_p_value(days[:2])).all()  # one value shows no spread


def test_what_never_varied_has_no_p_value() -> None:
    assert np.isnan(t_p_value(np.full((5, 1), 0.3))).all()


def test_band_of_one_two_three() -> None:
    """Mean 2, s = 1, t(.975, 2) = 4.3027."""
    assert half_width(np.array([[1.0], [2.0], [3.0]])) == pytest.approx([4.302653 / np.sqrt(3)], rel=1e-6)


def test_false_discoveries_by_hand() -> None:
    """Benjamini and Hochberg: p m / rank, the least of all later ones; Yekutieli: times 1 + 1/2 + 1/3 + 1/4."""
    p = np.array([0.01, np.nan, 0.02, 0.04, 0.03])
    assert adjusted(p, "none") == pytest.approx([0.04, np.nan, 0.04, 0.04, 0.04], nan_ok=True)
    assert adjusted(p, "any") == pytest.approx(np.array([1, np.nan, 1, 1, 1]) * 0.04 * 25 / 12, nan_ok=True)


def test_what_three_pairs_show_is_held_against_students_t_and_not_the_normal() -> None:
    """t(.995, 2) = 9.925 standard errors; the normal law's 2.58 would call 6.7 +- 1.96 a difference."""
    reference, other = estimate(np.array([8.0, 9.0, 10.0])), estimate(np.array([4.0, 3.5, 1.0]))
    error = np.std([4.0, 5.5, 9.0], ddof=1) / np.sqrt(3)
    allowed = chance(reference, other, paired=True)
    assert allowed == pytest.approx(9.9248 * error, rel=1e-4)
    assert 2.58 * error < reference.value - other.value < allowed


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("size", [2, 3, 10, 50])
def test_a_difference_is_beyond_chance_exactly_where_its_t_test_rejects_at_one_per_cent(
    size: int, *, paired: bool
) -> None:
    rng = np.random.default_rng(size)
    verdicts = set()
    for shift in np.linspace(0, 12, 60):
        first, second = rng.normal(size=size), rng.normal(shift, size=size)
        p_value = t_p_value(second - first) if paired else welch_p_value(first, second)
        a, b = estimate(first), estimate(second)
        beyond = abs(b.value - a.value) > chance(a, b, paired=paired)
        assert beyond == (p_value < 0.01)
        verdicts.add(beyond)
    assert size == 2 or verdicts == {True, False}


def test_an_equilibrium_adds_no_chance_and_a_share_of_one_day_has_that_of_the_binomial_law() -> None:
    known, share = Estimate(value=0.0), share_of(np.array([25.0]), np.array([100.0]))
    assert chance(known, known, paired=False) == 0
    assert chance(known, share, paired=False) == pytest.approx(2.5758 * np.sqrt(0.25 * 0.75 / 100), rel=1e-4)
