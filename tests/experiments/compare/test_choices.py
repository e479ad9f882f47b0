import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency, kstest

from experiments.compare.choices import (
    g_statistic,
    randomised_p_value,
    two_sample_g,
    two_sample_p_value,
)


def test_g_statistic_of_a_fair_coin_that_fell_sixty_to_forty() -> None:
    by_hand = 2 * (60 * np.log(60 / 50) + 40 * np.log(40 / 50))
    assert g_statistic(np.array([60, 40]), np.array([0.5, 0.5])) == pytest.approx(by_hand)


def test_a_perfect_fit_and_an_empty_alternative_cost_nothing() -> None:
    assert g_statistic(np.array([20, 30, 50]), np.array([0.2, 0.3, 0.5])) == pytest.approx(0)
    assert np.isfinite(g_statistic(np.array([0, 10]), np.array([0.1, 0.9])))


def test_many_trips_give_the_p_value_of_the_chi_squared_law() -> None:
    share, counts = np.array([0.5, 0.3, 0.2]), np.array([5120, 2950, 1930])
    p_value = randomised_p_value(counts, share, np.random.default_rng(1))
    law = chi2.sf(g_statistic(counts, share), 2)
    assert abs(p_value - law) < 4 * np.sqrt(law * (1 - law) / 999)


@pytest.mark.parametrize("trips", [2, 5, 40])
def test_p_values_are_uniform_under_the_null_even_for_a_handful_of_trips(trips: int) -> None:
    rng, share = np.random.default_rng(trips), np.array([0.6, 0.25, 0.1, 0.05])
    p_values = [randomised_p_value(rng.multinomial(trips, share), share, rng) for _ in range(600)]
    assert kstest(p_values, "uniform").pvalue > 0.001


def test_a_choice_the_equilibrium_excludes_is_found_out() -> None:
    counts, share = np.array([29, 1, 0]), np.array([1.0, 0.0, 0.0])
    assert np.isinf(g_statistic(counts, share))
    assert randomised_p_value(counts, share, np.random.default_rng(1)) == 1 / 1000
    assert g_statistic(np.array([30, 0, 0]), share) == 0


def test_two_rows_of_counts_are_tested_for_homogeneity() -> None:
    first, second = np.array([10, 20]), np.array([20, 10])
    by_hand = 4 * (10 * np.log(10 / 15) + 20 * np.log(20 / 15))
    table = chi2_contingency([first, second], correction=False, lambda_="log-likelihood")
    assert two_sample_g(first, second) == pytest.approx(by_hand)
    assert two_sample_g(first, second) == pytest.approx(table.statistic)


def test_p_values_of_two_samples_are_uniform_under_the_null() -> None:
    rng, share = np.random.default_rng(11), np.array([0.6, 0.25, 0.15])
    p_values = [
        two_sample_p_value(rng.multinomial(12, share), rng.multinomial(7, share), rng) for _ in range(500)
    ]
    assert kstest(p_values, "uniform").pvalue > 0.001
