"""The sentence on a search that has not converged, from residuals written by hand."""

from cosim.coupling.flags import search_progress
from cosim.coupling.residual import Iteration


def iterations(residuals: list[float], load_changes_kw: list[float]) -> list[Iteration]:
    return [
        Iteration(
            load_residual=residual,
            price_residual_cny_per_kwh=0.0,
            flow_residual=0.0,
            step_size=1.0,
            period=18,
            station=0,
            load_kw=100.0,
            implied_load_kw=100.0 + change_kw,
            price_cny_per_kwh=1.0,
            implied_price_cny_per_kwh=1.0,
        )
        for residual, change_kw in zip(residuals, load_changes_kw, strict=True)
    ]


def test_a_slow_descent_that_never_turns_back_stagnates() -> None:
    assert search_progress(iterations([0.5, 0.48, 0.46, 0.44], [-50, -48, -46, -44])) == "stagnates"


def test_a_load_that_turns_back_at_every_iteration_oscillates() -> None:
    assert search_progress(iterations([0.5, 0.49, 0.48, 0.47], [50, -49, 48, -47])) == "oscillates"


def test_a_residual_that_has_more_than_doubled_diverges() -> None:
    assert search_progress(iterations([0.1, 0.15, 0.3], [10, -15, 30])) == "diverges"


def test_a_residual_that_has_halved_has_not_settled_yet() -> None:
    assert search_progress(iterations([0.1, 0.07, 0.04], [10, -7, 4])) == "has not settled yet"
    assert search_progress(iterations([0.1], [10])) == "has not settled yet"
