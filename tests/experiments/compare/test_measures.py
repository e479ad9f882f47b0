import numpy as np
import pytest

from experiments.compare.measures import geh, r_squared, relative_error, rmse, weighted_error


def test_geh_of_a_known_pair_and_of_empty_links() -> None:
    assert geh(np.array([1000.0, 0.0]), np.array([1100.0, 0.0])) == pytest.approx(
        [np.sqrt(2 * 100**2 / 2100), 0]
    )


def test_relative_error_is_signed_and_knows_nothing_of_a_reference_of_zero() -> None:
    error = relative_error(np.array([110.0, -90.0, 0.0, 1.0]), np.array([100.0, -100.0, 0.0, 0.0]))
    assert error == pytest.approx([0.1, 0.1, 0.0, np.nan], nan_ok=True)


def test_one_of_three_figures_off_by_one() -> None:
    value, reference = np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0])
    assert r_squared(value, reference) == pytest.approx(1 - 1 / 2)
    assert rmse(value, reference) == pytest.approx(np.sqrt(1 / 3))
    assert weighted_error(value, reference) == pytest.approx(1 / 6)


def test_r_squared_of_a_constant_is_won_by_a_match_alone() -> None:
    level = np.full(3, 0.65)
    assert r_squared(level, level) == 1
    assert r_squared(level + 0.1, level) == -np.inf
    assert r_squared(np.full(3, 2.0), np.array([1.0, 2.0, 3.0])) == 0  # the mean explains nothing
