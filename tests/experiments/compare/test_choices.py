import numpy as np
import pytest
from scipy.stats import binomtest, chi2, chi2_contingency, kstest

from experiments.compare.choices import (
    g_statistic,
    hypergeometric,
    p_values_of_counts,
    p_values_of_shares,
    two_sample_g,
)
from experiments.compare.monte_carlo import EXCEEDANCES, SIMULATED


def test_g_statistic_of_a_fair_coin_that_fell_sixty_to_forty() -> None:
    by_hand = 2 * (60 * np.log(60 / 50) + 40 * np.log(40 / 50))
    assert g_statistic(np.array([60, 40]), np.array([0.5, 0.5])) == pytest.approx(by_hand)


def test_a_perfect_fit_and_an_empty_alternative_cost_nothing() -> None:
    assert g_statistic(np.array([20, 30, 50]), np.array([0.2, 0.3, 0.5])) == pytest.approx(0)
    assert np.isfinite(g_statistic(np.array([0, 10]), np.array([0.1, 0.9])))


def test_many_trips_give_the_p_value_of_the_chi_squared_law() -> None:
    """Of every size: after 20 samples above the statistic it is good to a relative 1 / sqrt(20)."""
    share = np.array([0.5, 0.3, 0.2])
    counts = np.array([[5120, 2950, 1930], [5010, 2990, 2000], [5100, 2900, 2000], [5200, 2850, 1950]])
    p_values = p_values_of_shares(counts, np.tile(share, (4, 1)), np.random.default_rng(1))
    law = chi2.sf(g_statistic(counts, share), 2)
    assert law.min() < 0.001
    assert law.max() > 0.1
    error = np.maximum(law * np.sqrt((1 - law) / EXCEEDANCES), np.sqrt(law * (1 - law) / SIMULATED))
    assert np.all(np.abs(p_values - law) < 4 * error)


@pytest.mark.parametrize("trips", [2, 5, 40])
def test_p_values_are_uniform_under_the_null_even_for_a_handful_of_trips(trips: int) -> None:
    rng, share = np.random.default_rng(trips), np.tile([0.6, 0.25, 0.1, 0.05], (5000, 1))
    p_values = p_values_of_shares(rng.multinomial(trips, share), share, rng)
    assert kstest(p_values, "uniform").pvalue > 0.001
    assert binomtest(int(np.sum(p_values <= 0.01)), 5000, 0.01).pvalue > 0.001


def test_p_values_do_not_depend_on_the_tests_beside_them_beyond_chance() -> None:
    """A hopeless fit among good ones has the p-value of its coin, the others keep theirs."""
    rng, share = np.random.default_rng(5), np.tile([0.5, 0.5], (400, 1))
    counts = rng.multinomial(60, share)
    counts[7] = [60, 0]
    p_values = p_values_of_shares(counts, share, rng)
    assert p_values[7] == pytest.approx(2 * 0.5**60, rel=0.5)
    assert kstest(np.delete(p_values, 7), "uniform").pvalue > 0.001


def test_a_choice_the_equilibrium_excludes_is_found_out() -> None:
    counts, share = np.array([29, 1, 0]), np.array([1.0, 0.0, 0.0])
    assert np.isinf(g_statistic(counts, share))
    assert p_values_of_shares(counts[None], share[None], np.random.default_rng(1)) == [0]
    assert g_statistic(np.array([30, 0, 0]), share) == 0


def test_two_rows_of_counts_are_tested_for_homogeneity() -> None:
    first, second = np.array([10, 20]), np.array([20, 10])
    by_hand = 4 * (10 * np.log(10 / 15) + 20 * np.log(20 / 15))
    table = chi2_contingency([first, second], correction=False, lambda_="log-likelihood")
    assert two_sample_g(first, second) == pytest.approx(by_hand)
    assert two_sample_g(first, second) == pytest.approx(table.statistic)


def test_p_values_of_two_samples_are_uniform_under_the_null() -> None:
    rng, share = np.random.default_rng(11), np.tile([0.6, 0.25, 0.15], (5000, 1))
    p_values = p_values_of_counts(rng.multinomial(12, share), rng.multinomial(7, share), rng)
    assert kstest(p_values, "uniform").pvalue > 0.001


def test_draws_of_two_samples_have_the_law_of_an_urn() -> None:
    """Of 3 red, 2 green and 5 blue, four are drawn: the exact mean and variance of each colour."""
    urn, samples = np.array([[3, 2, 5]]), 40_000
    drawn = hypergeometric(urn, np.array([4]), samples, np.random.default_rng(2))[:, 0]
    share = urn[0] / 10
    variance = 4 * share * (1 - share) * 6 / 9
    assert np.all(drawn.sum(axis=1) == 4)
    assert np.all(np.abs(drawn.mean(axis=0) - 4 * share) < 4 * np.sqrt(variance / samples))
    assert drawn.var(axis=0) == pytest.approx(variance, rel=0.05)
