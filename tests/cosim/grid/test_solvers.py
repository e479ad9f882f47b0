from pathlib import Path

import cvxpy as cp
import pytest

from cosim.errors import ConfigError, SolverError
from cosim.grid import solvers, whole_problem


def test_auto_says_in_one_line_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSEKLM_LICENSE_FILE", "somewhere")
    monkeypatch.setattr(solvers, "mosek_licence_problem", lambda: "MOSEK has no licence here (1008)")
    choice = solvers.available_solver("auto")
    assert choice.name == "clarabel"
    assert choice.reason == "Clarabel is used: MOSEK has no licence here (1008)."


def test_mosek_is_chosen_where_it_has_a_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSEKLM_LICENSE_FILE", "somewhere")
    monkeypatch.setattr(solvers, "mosek_licence_problem", lambda: "")
    assert solvers.available_solver("auto").name == "mosek"
    assert solvers.available_solver("clarabel").name == "clarabel"


def test_mosek_by_name_without_a_licence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "mosek_licence_problem", lambda: "MOSEK is not installed")
    with pytest.raises(ConfigError, match="not installed"):
        solvers.available_solver("mosek")


def test_the_licence_is_probed_without_noise(capfd: pytest.CaptureFixture[str]) -> None:
    solvers.mosek_licence_problem.cache_clear()
    solvers.available_solver("auto")
    assert capfd.readouterr() == ("", "")


def test_infeasible_is_an_answer_and_optimal_another() -> None:
    x = cp.Variable()
    assert whole_problem.solve_problem(cp.Problem(cp.Minimize(x), [x >= 1]), "clarabel", "here")
    assert not whole_problem.solve_problem(cp.Problem(cp.Minimize(x), [x >= 1, x <= 0]), "clarabel", "here")


def test_unbounded_names_the_place() -> None:
    x = cp.Variable()
    with pytest.raises(SolverError, match="feeder a, periods 1 to 2: clarabel returned unbounded"):
        whole_problem.solve_problem(
            cp.Problem(cp.Minimize(x), [x <= 1]), "clarabel", "feeder a, periods 1 to 2"
        )


def test_an_inaccurate_answer_is_taken_only_with_small_residuals(monkeypatch: pytest.MonkeyPatch) -> None:
    x = cp.Variable()
    problem = cp.Problem(cp.Minimize(x), [x >= 1])
    monkeypatch.setattr(whole_problem, "_status", lambda *_: "optimal_inaccurate")
    x.value = 1 - 1e-7
    assert whole_problem.solve_problem(problem, "clarabel", "here")
    x.value = 1 - 1e-3
    with pytest.raises(SolverError, match="optimal_inaccurate"):
        whole_problem.solve_problem(problem, "clarabel", "here")


def test_mosek_is_not_asked_where_no_licence_is_named_for_it_would_look_up_a_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MOSEKLM_LICENSE_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(solvers, "mosek_licence_problem", lambda: pytest.fail("asked"))
    assert solvers.available_solver("auto").name == "clarabel"
    (tmp_path / "mosek").mkdir()
    (tmp_path / "mosek/mosek.lic").touch()
    monkeypatch.setattr(solvers, "mosek_licence_problem", lambda: "")
    assert solvers.available_solver("auto").name == "mosek"
