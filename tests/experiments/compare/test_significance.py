import math

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_1samp, ttest_ind

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
    """Mid-p: half of P(0) = 1/e, twice for two samples."""
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
    assert np.isnan(t_p_value(np.zeros((5, 1)))).all()


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
    allowed = chance(reference, other, paired=True).beyond
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
        beyond = abs(b.value - a.value) > chance(a, b, paired=paired).beyond
        assert beyond == (p_value < 0.01)
        verdicts.add(beyond)
    assert size == 2 or verdicts == {True, False}


def test_an_equilibrium_adds_no_chance_and_a_share_of_one_day_has_that_of_the_binomial_law() -> None:
    known, share = Estimate(value=0.0), share_of(np.array([25.0]), np.array([100.0]))
    assert chance(known, known, paired=False).beyond == 0
    assert chance(known, share, paired=False).beyond == pytest.approx(
        2.5758 * np.sqrt(0.25 * 0.75 / 100), rel=1e-4
    )


@pytest.mark.parametrize("count", range(9))
def test_a_poisson_count_is_as_improbable_as_all_that_are_no_nearer_and_half_its_own(count: int) -> None:
    """Term by term: half of the count's own probability and all beyond it, twice the less of either tail."""
    law = [math.exp(-3) * 3**k / math.factorial(k) for k in range(60)]
    below, above = sum(law[:count]) + law[count] / 2, sum(law[count + 1 :]) + law[count] / 2
    assert poisson_p_value(np.array([count]), np.array([3.0])) == pytest.approx(2 * min(below, above))


@pytest.mark.parametrize("other", range(6))
def test_two_counts_are_as_improbable_as_the_binomial_law_says_on_either_side(other: int) -> None:
    """Five in all, over two days and over one: each is one of the other's with probability 1/3."""
    law = [math.comb(5, k) * 2 ** (5 - k) / 3**5 for k in range(6)]
    below, above = sum(law[:other]) + law[other] / 2, sum(law[other + 1 :]) + law[other] / 2
    p_value = two_counts_p_value(np.array([5.0 - other]), np.array([float(other)]), 2, 1)
    assert p_value == pytest.approx(2 * min(below, above))


def test_no_count_at_all_is_certain_and_a_p_value_never_above_one() -> None:
    assert two_counts_p_value(np.zeros(1), np.zeros(1), 1, 1).tolist() == [1]
    counts = np.arange(1.0, 2000)
    assert two_counts_p_value(counts, counts, 1, 1).max() <= 1


def test_counts_from_flows_are_rounded_to_whole_vehicles() -> None:
    """Flows times hours: 2.9999999 vehicles are three."""
    nearly, whole = np.array([2.9999999]), np.array([3.0])
    assert poisson_p_value(nearly, np.array([1.3])) == poisson_p_value(whole, np.array([1.3]))
    assert two_counts_p_value(nearly, nearly / 3, 1, 1) == two_counts_p_value(whole, whole / 3, 1, 1)


def test_welch_leaves_out_days_without_a_value_and_needs_two_on_each_side() -> None:
    first, second = np.array([[1.0], [np.nan], [2.5], [3.0]]), np.array([[4.0], [5.5], [np.nan]])
    assert welch_p_value(first, second) == pytest.approx(welch_p_value(first[[0, 2, 3]], second[:2]))
    assert np.isnan(welch_p_value(first[:2], second)).all()
    assert np.isnan(welch_p_value(first, second[1:])).all()
    assert np.isnan(welch_p_value(np.full((3, 1), 0.1), np.full((3, 1), 0.2))).all()


def test_differences_within_the_rounding_of_sums_are_no_scatter() -> None:
    """A millionth of a millionth of the mean is none, a millionth is one."""
    level = np.array([[100.0], [100.0], [100.0]])
    rounded, varied = (level + step * np.array([[0.0], [1.0], [2.0]]) for step in (1e-10, 1e-4))
    assert np.isnan(t_p_value(rounded)).all()
    assert half_width(rounded) == 0
    assert t_p_value(varied) == pytest.approx(ttest_1samp(varied, 0).pvalue)


def test_tiny_values_have_a_scatter_of_their_own() -> None:
    losses = np.array([[1e-12], [2e-12], [4e-12]])
    assert t_p_value(losses) == pytest.approx(ttest_1samp(losses, 0).pvalue)


def test_one_day_has_no_band_and_days_without_a_value_do_not_widen_it() -> None:
    assert np.isnan(half_width(np.array([[3.0]]))).all()
    days = np.array([[1.0], [np.nan], [2.0], [4.0]])
    assert half_width(days) == pytest.approx(half_width(days[[0, 2, 3]]))
    both = np.hstack([days, days + np.array([[0.0], [1.0], [5.0], [0.0]])])
    assert half_width(both) == pytest.approx([half_width(days)[0], half_width(both[:, 1:])[0]])
    assert np.isnan(t_p_value(np.array([[np.nan], [np.nan]]))).all()


def test_nothing_tested_leaves_nothing_adjusted() -> None:
    assert np.isnan(adjusted(np.full(3, np.nan), "none")).all()


def test_fewer_than_eight_days_have_the_errors_within_them_and_more_that_of_their_scatter() -> None:
    """A second day must not make a verdict weaker: with one degree of freedom Student's t needs 63 standard errors."""
    days, errors = np.array([1.0, 2.0, 6.0]), np.array([0.3, 0.4, 0.5])
    few, alone = estimate(days, errors, 7), estimate(days[:1], errors[:1], 7)
    assert (alone.value, alone.error, alone.freedom) == (1.0, pytest.approx(0.3), 7)
    assert (few.error, few.freedom) == (pytest.approx(np.sqrt(np.square(errors).sum()) / 3), 21)
    unknown, many = estimate(days), estimate(np.tile(days, 3), np.full(9, 0.3), 7)
    assert (unknown.error, unknown.freedom) == (pytest.approx(np.std(days, ddof=1) / np.sqrt(3)), 2)
    assert (many.error, many.freedom) == (pytest.approx(np.std(np.tile(days, 3), ddof=1) / 3), 8)
    assert (estimate(days[:1]).error, estimate(days[:1]).freedom) == (0.0, math.inf)


def test_days_that_share_their_draws_and_are_the_same_leave_nothing_to_chance() -> None:
    day = estimate(np.array([3.0]), np.array([0.5]))
    assert chance(day, day, paired=True).detectable == 0
    assert chance(day, day, paired=False).detectable > chance(day, day, paired=False).beyond > 0


def test_shares_of_days_without_a_trial_are_zero() -> None:
    nothing = share_of(np.array([0.0]), np.array([0.0]))
    assert (nothing.value, nothing.error) == (0.0, 0.0)
    several = share_of(np.array([1.0, 0.0, 3.0]), np.array([2.0, 0.0, 4.0]))
    assert several.value == pytest.approx((0.5 + 0 + 0.75) / 3)
    assert share_of(np.array([1.0]), np.array([1.0])).error == 0


def test_known_errors_of_two_days_add_up_with_welchs_freedom() -> None:
    """Errors 3 and 4 make 5; Welch and Satterthwaite: 25^2 / (9^2 / 4 + 16^2 / 9)."""
    first, second = Estimate(value=0.0, error=3.0, freedom=4), Estimate(value=1.0, error=4.0, freedom=9)
    freedom = 25**2 / (9**2 / 4 + 16**2 / 9)
    assert chance(first, second, paired=False).beyond == pytest.approx(5 * t.ppf(0.995, freedom))
    exact = Estimate(value=0.0, error=3.0)
    assert chance(exact, Estimate(value=1.0, error=4.0), paired=False).beyond == pytest.approx(
        5 * norm.ppf(0.995)
    )


def test_pairs_without_several_days_are_held_against_their_known_errors() -> None:
    several, alone = estimate(np.array([1.0, 2.0, 4.0])), Estimate(value=3.0, error=0.5)
    for pair in ((several, alone), (alone, several), (alone, alone)):
        assert chance(*pair, paired=True).beyond == chance(*pair, paired=False).beyond > 0
