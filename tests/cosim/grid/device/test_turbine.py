"""Turbines: their equations, on numbers that can be checked by hand."""

from collections.abc import Callable
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from cosim.grid.builder import Constraints
from cosim.grid.device import Devices
from cosim.grid.device.turbine import Turbine, TurbineConfig, Turbines, output_limits, ramp
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.problem import Load, ProblemData


def const(*rows: list[float]) -> cp.Constant:
    return cp.Constant(np.array(rows))


def holds(constraints: Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def test_ramp_counts_from_the_state_before() -> None:
    before, step = const([0.0]), np.full((2, 1), 0.2)
    assert holds(ramp(const([0.2], [0.4]), before, step, step))
    assert not holds(ramp(const([0.3], [0.4]), before, step, step))
    assert not holds(ramp(const([0.2], [0.5]), before, step, step))


def test_turbine_limits() -> None:
    low, high, most = np.array([-0.3]), np.array([0.3]), np.array([0.5])
    assert holds(output_limits(const([0.5]), const([-0.3]), most, low, high))
    assert not holds(output_limits(const([0.51]), const([0.0]), most, low, high))
    assert not holds(output_limits(const([0.1]), const([0.31]), most, low, high))


Chain = Callable[..., Feeder]
Data = Callable[..., ProblemData]
Level = Callable[..., Load]
UNIT = Turbine(
    name="t",
    bus="2",
    p_max_kw=400,
    q_max_kvar=300,
    ramp_kw_per_h=200,
    cost_a_cny_per_mw2h=40,
    cost_b_cny_per_mwh=300,
)


def test_a_free_first_output_may_step_anywhere_and_a_given_one_by_its_ramp(
    chain: Chain,
    data_of: Data,
) -> None:
    feeder = chain((0.0, 0.0))
    group = Turbines((UNIT, replace(UNIT, initial_kw=100.0)))
    assert np.isnan(group.initial_state()["turbine_kw"]).tolist() == [True, False]
    values = group.parameters(data_of(group), feeder)
    assert values.by_period["ramp"].tolist() == [[0.4, 0.1], [0.1, 0.1]]
    assert values.before["turbine_kw"].tolist() == [0.2, 0.1]
    assert not values.ends


def test_set_points_cost_and_rating_of_turbines(chain: Chain, data_of: Data) -> None:
    """A P^2 + b P = 40 x 0.04 + 300 x 0.2 at 200 kW, for half an hour; 400 kW and 300 kvar are 500 kVA."""
    feeder, group = chain((0.0, 0.0)), Turbines((UNIT,))
    variables = {"turbine_kw": np.array([[0.2], [0.0]]), "turbine_kvar": np.array([[-0.1], [0.0]])}
    setpoints = group.read(variables, data_of(group))
    p_kw, q_kvar = group.injection(setpoints)
    assert (p_kw[:, 0].tolist(), np.asarray(q_kvar)[:, 0].tolist()) == ([200.0, 0.0], [-100.0, 0.0])
    assert group.cost_cny(setpoints, 0.5) == pytest.approx(0.5 * (1.6 + 60))
    assert group.rating_pu(data_of(group), feeder).tolist() == [0.5]


def test_in_fallback_operation_a_turbine_holds_its_output(data_of: Data) -> None:
    group = Turbines((replace(UNIT, initial_kw=100.0), UNIT))
    setpoints = group.fallback(data_of(group))
    assert setpoints["turbine_kw"].tolist() == [[100.0, 0.0], [100.0, 0.0]]
    assert not setpoints["turbine_kvar"].any()


def test_what_is_wrong_with_a_turbine_is_named() -> None:
    wrong = replace(UNIT, p_max_kw=-1, q_max_kvar=np.inf, ramp_kw_per_h=np.nan, cost_a_cny_per_mw2h=-1)
    told = [str(problem) for problem in Turbines((wrong, UNIT)).problems()]
    assert told[0] == "turbine t: p_max_kw is -1; it must be a number, 0 or more."
    fields = ("p_max_kw", "q_max_kvar", "ramp_kw_per_h", "cost_a_cny_per_mw2h")
    assert [problem.field for problem in wrong.problems()] == list(fields)


def test_the_section_of_a_turbine_makes_it() -> None:
    section = TurbineConfig(
        name="t",
        bus="2",
        p_max_kw=1,
        q_max_kvar=2,
        ramp_kw_per_h=3,
        cost_a_cny_per_mw2h=4,
        cost_b_cny_per_mwh=5,
    )
    assert section.label == "turbine 't'"
    assert section.device({}) == Turbine(
        name="t",
        bus="2",
        p_max_kw=1,
        q_max_kvar=2,
        ramp_kw_per_h=3,
        cost_a_cny_per_mw2h=4,
        cost_b_cny_per_mwh=5,
    )


def test_turbine_runs_where_its_marginal_cost_meets_the_price(chain: Chain, level: Level) -> None:
    """2 a P + b = 1000 rho on a branch without resistance: P = (500 - 300) / (2 * 400) = .25 MW."""
    feeder = chain((0.0, 0.01))
    unit = Turbine(name="t", bus="2", cost_a_cny_per_mw2h=400, cost_b_cny_per_mwh=300)
    dispatch = solve_dispatch(feeder, Devices(unit), level(feeder, b2=800), np.array([0.5]))
    assert dispatch.setpoints["turbine_kw"][0, 0] == pytest.approx(250, abs=1e-3)
    assert dispatch.cost.device_cny["turbine"] == pytest.approx(400 * 0.0625 + 300 * 0.25, abs=1e-3)


def test_turbine_climbs_by_its_ramp_from_its_state(chain: Chain, level: Level) -> None:
    feeder = chain((0.01, 0.01))
    devices = Devices(Turbine(name="t", bus="2", ramp_kw_per_h=200, initial_kw=0.0))
    dispatch = solve_dispatch(feeder, devices, level(feeder, 3, b2=800), np.ones(3))
    assert dispatch.setpoints["turbine_kw"][:, 0] == pytest.approx([200, 400, 500], abs=1e-3)
