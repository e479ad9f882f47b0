"""The compiled period and the horizons made of it, against CVXPY's own compilation of the whole dispatch."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cosim.grid.clarabel_engine import Engine, is_close
from cosim.grid.compiled_period import compile_period
from cosim.grid.device import DemandResponse, Devices, Renewable, Storage, Turbine, V2GCharger
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.model import ProblemStructure
from cosim.grid.parameters import parameters
from cosim.grid.problem import Elastic, Horizon, Load, ProblemData
from cosim.grid.reading import read_solution
from cosim.grid.whole_problem import solve_whole

DEVICES = Devices(
    Turbine(name="t", bus="33", cost_a_cny_per_mw2h=300, cost_b_cny_per_mwh=500, initial_kw=100),
    Storage(name="s", bus="18"),
    DemandResponse(bus="7"),
    DemandResponse(bus="24"),
    Renewable(name="pv", bus="28", kind="pv", profile_pu=np.array([0.0, 0.3, 0.8, 0.5, 0.1, 0.0])),
    Renewable(
        name="w",
        bus="14",
        kind="wind",
        profile_pu=np.full(6, 0.4),
        q_capability="available",
        curtailable=False,
    ),
    V2GCharger(
        name="park",
        bus="22",
        connected_pu=np.array([1.0, 0.6, 0.2, 0.5, 0.8, 1.0]),
        arriving_pu=np.array([0.0, 0.0, 0.0, 0.2, 0.2, 0.1]),
        departing_pu=np.array([0.0, 0.3, 0.3, 0.0, 0.0, 0.0]),
    ),
)
PRICE = np.array([0.35, 0.35, 0.68, 1.09, 1.09, 0.68])
PROFILE = np.array([0.5, 0.6, 0.8, 1.0, 0.95, 0.7])
LATER = {
    "turbine_kw": np.array([150.0]),
    "storage_kwh": np.array([500.0]),
    "deferred_kwh": np.array([20.0, -5.0]),
    "v2g_kwh": np.array([400.0]),
}


def asked(feeder: Feeder, *, scale: float = 1.0, first: int = 1, **options: object) -> ProblemData:
    load = Load.scaled(feeder, scale * PROFILE[first - 1 :])
    state = DEVICES.initial_state() if first == 1 else LATER
    horizon = Horizon(first_period=first, period_h=options.pop("period_h", 1.0))  # type: ignore[arg-type]
    data = ProblemData(load=load, price_cny_per_kwh=PRICE[first - 1 :], horizon=horizon, state=state)
    return replace(data, **options)  # type: ignore[arg-type]


def structure_of(
    feeder: Feeder, *, elastic: bool = False, export: bool = False, period_h: float = 1.0
) -> ProblemStructure:
    return ProblemStructure(
        feeder=feeder,
        devices=DEVICES,
        period_h=period_h,
        export=export,
        elastic=Elastic() if elastic else None,
    )


CASES = {
    "a day": ({}, {}),
    "the rest of a day": ({}, {"first": 3}),
    "half hours, export, fixed signs": (
        {"export": True, "period_h": 0.5},
        {
            "period_h": 0.5,
            "charging": dict.fromkeys(
                ("storage", "v2g"), np.array([[True], [True], [False], [False], [False], [True]])
            ),
        },
    ),
    "a loss price": ({}, {"loss_price_cny_per_mwh": 400.0}),
    "elastic beyond what the feeder carries": ({"elastic": True}, {"scale": 2.2}),
}


@pytest.mark.parametrize("name", CASES)
def test_copies_of_a_period_have_the_optimum_of_the_whole_problem(ieee33: Feeder, name: str) -> None:
    """Cost to 1e-7, nodal prices to .05 CNY/MWh."""
    about, what = CASES[name]
    structure, data = structure_of(ieee33, **about), asked(ieee33, **what)  # type: ignore[arg-type]
    filled = parameters(structure, data)
    ours, whole = Engine(structure).solve(filled, name), solve_whole(structure, filled, "clarabel", name)
    assert ours is not None
    assert whole is not None
    one, two = read_solution(ours, structure, data), read_solution(whole, structure, data)
    assert one.objective_cny == pytest.approx(two.objective_cny, rel=1e-7)
    assert one.cost.penalty_cny == pytest.approx(two.cost.penalty_cny, abs=1e-7 * abs(two.objective_cny))
    np.testing.assert_allclose(one.price_cny_per_kwh, two.price_cny_per_kwh, atol=5e-5, rtol=0)


def test_only_shedding_changes_the_matrix(ieee33: Feeder) -> None:
    assert not compile_period(structure_of(ieee33)).varies
    assert compile_period(structure_of(ieee33, elastic=True)).varies


def test_a_solve_leaves_no_trace_in_the_next(ieee33: Feeder) -> None:
    """The same bits from a fresh engine, and from one that has answered other questions in between."""
    structure = structure_of(ieee33)
    data = parameters(structure, asked(ieee33))
    fresh = Engine(structure).solve(data, "")
    used = Engine(structure)
    for other in (
        asked(ieee33, scale=0.3, loss_price_cny_per_mwh=10_000.0),
        asked(ieee33, first=4),
        replace(asked(ieee33, scale=0.9), price_cny_per_kwh=-PRICE),
    ):
        used.solve(parameters(structure, other), "")
    again = used.solve(data, "")
    assert fresh is not None
    assert again is not None
    for name, value in fresh.variables.items():
        assert value.tobytes() == again.variables[name].tobytes(), name
    assert fresh.price_of_load.tobytes() == again.price_of_load.tobytes()


def test_an_infeasible_question_leaves_no_trace_either(ieee33: Feeder) -> None:
    structure = structure_of(ieee33)
    data, engine = parameters(structure, asked(ieee33)), Engine(structure)
    before = engine.solve(data, "")
    assert engine.solve(parameters(structure, asked(ieee33, scale=3.0)), "") is None
    after = engine.solve(data, "")
    assert before is not None
    assert after is not None
    assert before.price_of_load.tobytes() == after.price_of_load.tobytes()


def test_solving_again_compiles_nothing(ieee33: Feeder, monkeypatch: pytest.MonkeyPatch) -> None:
    load = Load.scaled(ieee33, PROFILE)
    solve_dispatch(ieee33, DEVICES, load, PRICE)

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("cosim.grid.compiled_period.build_problem", fail)
    monkeypatch.setattr("cvxpy.Problem.__init__", fail)
    horizon = Horizon(first_period=3, state=LATER)
    shorter = solve_dispatch(ieee33, DEVICES, load.since(2), PRICE[2:], horizon)
    assert shorter.certified


def test_an_answer_is_close_only_with_small_gap_and_residuals() -> None:
    good = {"obj_val": 1e5, "obj_val_dual": 1e5 - 1e-3, "r_prim": 1e-9, "r_dual": 1e-9}
    assert is_close(SimpleNamespace(**good))
    for bad in ({"obj_val_dual": 1e5 - 1}, {"r_prim": 1e-5}, {"r_dual": 1e-5}, {"r_prim": np.nan}):
        assert not is_close(SimpleNamespace(**{**good, **bad}))
