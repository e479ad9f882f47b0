"""Whatever a solver answers, raises or keeps to itself, a dispatch has an answer: planted faults."""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cosim.errors import SolverError
from cosim.grid import clarabel_engine, solvers
from cosim.grid.clarabel_engine import ANSWERS, ATTEMPTS
from cosim.grid.device import Devices, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.last_resort import THREAD
from cosim.grid.problem import Elastic, Load, Rules
from cosim.grid.solution import Dispatch

Chain = Callable[..., Feeder]
Level = Callable[..., Load]
Plant = Callable[[Callable[[], Any]], list[int]]
TURBINE = Devices(Turbine(name="t", bus="2", initial_kw=50, cost_a_cny_per_mw2h=300, cost_b_cny_per_mwh=300))
FAR = SimpleNamespace(obj_val=1.0, obj_val_dual=0.0, r_prim=1.0, r_dual=1.0, x=[], z=[])


class PanicException(BaseException):
    """What a panic becomes in Python: no Exception."""


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Put a fault in place of every solver; the list that comes back grows with each call."""

    def planted(fault: Callable[[], Any]) -> list[int]:
        calls: list[int] = []

        def solve() -> Any:
            calls.append(len(calls))
            return fault()

        solver = SimpleNamespace(solve=solve, update=lambda **_: None)
        monkeypatch.setattr(clarabel_engine, "bare_solver", lambda *_: solver)
        return calls

    return planted


@pytest.fixture
def dispatch(chain: Chain, level: Level) -> Callable[..., Dispatch]:
    """Dispatch a feeder nobody has met before, with the fallback operation."""

    def solved(**rules: object) -> Dispatch:
        feeder = chain((0.02, 0.01), (0.03, 0.01))
        asked = Rules(fallback=True, **rules)  # type: ignore[arg-type]
        return solve_dispatch(feeder, TURBINE, level(feeder, b2=300, b3=200), np.array([0.5]), rules=asked)

    return solved


def raising(error: BaseException) -> Callable[[], Any]:
    def fault() -> Any:
        raise error

    return fault


def answering(status: str, **values: object) -> Callable[[], Any]:
    return lambda: SimpleNamespace(**{**vars(FAR), "status": status, **values})


STATUSES = [status for status in ANSWERS if status != "Solved"]


@pytest.mark.parametrize("status", [*STATUSES, "AStatusOfALaterVersion"])
def test_every_status_ends_in_the_fallback_operation(
    plant: Plant, dispatch: Callable[..., Dispatch], status: str
) -> None:
    plant(answering(status))
    found = dispatch()
    assert found.status == "failed"
    assert not found.certified
    assert "feeder chain, periods 1 to 1" in found.reason_not_certified
    assert found.reason_not_certified.endswith("devices are not dispatched and all load is served.")
    assert found.purchase_kw[0] > 400


def test_every_status_of_this_clarabel_has_its_answer() -> None:
    import clarabel

    statuses = {name for name in dir(clarabel.SolverStatus) if not name.startswith("_")}
    assert statuses == set(ANSWERS)


@pytest.mark.parametrize(
    "error", [Exception("bad input"), MemoryError(), PanicException("index out of bounds")]
)
def test_what_a_solver_raises_is_a_status(
    plant: Plant, dispatch: Callable[..., Dispatch], error: BaseException
) -> None:
    calls = plant(raising(error))
    found = dispatch()
    assert found.status == "failed"
    assert f"a breakdown ({type(error).__name__}" in found.reason_not_certified
    assert len(calls) > len(ATTEMPTS)  # strict, then a lower bound of what broken limits cost, then elastic


def test_solved_without_a_value_is_no_solution(plant: Plant, dispatch: Callable[..., Dispatch]) -> None:
    plant(answering("Solved", obj_val=float("nan")))
    found = dispatch()
    assert found.status == "failed"
    assert "Solved without a finite value" in found.reason_not_certified


def test_who_stops_the_program_stops_it(plant: Plant, dispatch: Callable[..., Dispatch]) -> None:
    plant(raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        dispatch()


def test_after_a_panic_the_next_settings_find_the_optimum(
    monkeypatch: pytest.MonkeyPatch, dispatch: Callable[..., Dispatch]
) -> None:
    expected, calls, healthy = dispatch(), count(), clarabel_engine.bare_solver

    def first_panics(*problem: Any) -> Any:
        if next(calls) == 0:
            raise PanicException
        return healthy(*problem)

    monkeypatch.setattr(clarabel_engine, "bare_solver", first_panics)
    found = dispatch()
    assert found.status == "optimal"
    assert found.certified
    assert found.cost_cny == pytest.approx(expected.cost_cny, rel=1e-8)
    assert found.solver == "clarabel"


@pytest.fixture
def asleep(plant: Plant) -> Iterator[list[int]]:
    """Plant a solver that does not come back as long as the test lasts; it has ended before the fault is taken out."""
    over = threading.Event()

    def fault() -> Any:
        over.wait()
        return SimpleNamespace(status="MaxTime")

    yield plant(fault)
    over.set()
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join()


def test_a_solver_that_does_not_come_back_is_left_alone(
    dispatch: Callable[..., Dispatch], asleep: list[int]
) -> None:
    """The limit is so short that no solver comes back within it, on no machine; nor is it asked twice."""
    found = dispatch(solve_time_max_s=0.02)
    assert found.status == "failed"
    assert len(asleep) <= 1
    assert (
        "feeder chain, periods 1 to 1: clarabel did not come back within 0.02 s (grid.solve_time_max_s). "
        "A clock decided this result: it is not reproducible."
    ) in found.reason_not_certified


def test_a_limit_of_the_solvers_own_clock_is_no_status_among_others(
    plant: Plant, dispatch: Callable[..., Dispatch]
) -> None:
    calls = plant(answering("MaxTime"))
    assert "not reproducible" in dispatch().reason_not_certified
    assert len(calls) == 1


def test_without_a_fallback_the_clock_is_named_in_the_error(
    chain: Chain, level: Level, asleep: list[int]
) -> None:
    assert not asleep
    feeder = chain((0.02, 0.01))
    rules = Rules(solve_time_max_s=0.02)
    with pytest.raises(SolverError, match=r"did not come back within 0\.02 s"):
        solve_dispatch(feeder, Devices(), level(feeder, b2=100), np.array([0.5]), rules=rules)


def test_where_mosek_breaks_clarabel_is_asked(
    monkeypatch: pytest.MonkeyPatch, dispatch: Callable[..., Dispatch]
) -> None:
    def breaks(*_: object) -> None:
        msg = "mosek returned a breakdown"
        raise SolverError(msg)

    monkeypatch.setattr(solvers, "mosek_licence_problem", lambda: "")
    monkeypatch.setattr("cosim.grid.whole_problem.solve_whole", breaks)
    found = dispatch(solver="mosek")
    assert found.status == "optimal"
    assert found.solver == "clarabel"


def test_where_mosek_does_not_come_back_the_optimum_of_clarabel_is_flagged(
    monkeypatch: pytest.MonkeyPatch, dispatch: Callable[..., Dispatch]
) -> None:
    def late(clock: solvers.Clock, solver: str, call: Callable[[float], Any]) -> Any:
        if solver == "mosek":
            clock.ended.append(solver)
            raise SolverError
        return call(float("inf"))

    expected = dispatch()
    monkeypatch.setattr(solvers, "mosek_licence_problem", lambda: "")
    monkeypatch.setattr(solvers.Clock, "run", late)
    found = dispatch(solver="mosek")
    assert found.cost_cny == pytest.approx(expected.cost_cny, rel=1e-8)
    assert found.status == "not certified"
    assert "mosek did not come back" in found.reason_not_certified


def test_penalties_far_above_prices_cost_no_digits_and_no_steps(chain: Chain, level: Level) -> None:
    """As they are, at 1e5 per p.u., the solver would stall after a hundred steps."""
    feeder = chain((0.2, 0.1), (0.2, 0.1), voltage_min_pu=0.95)
    dear = Elastic(base_cny_per_kwh=1e4, station_cny_per_kwh=1e3)
    for elastic in (Elastic(), dear):
        rules = Rules(elastic=elastic)
        found = solve_dispatch(feeder, Devices(), level(feeder, b2=200, b3=200), np.array([0.5]), rules=rules)
        assert found.status == "elastic"
        assert found.exactness_recovery == "none"
        assert found.ac_mismatch_pu.max() <= 1e-8
