"""Demand response: its equation, on numbers that can be checked by hand."""

from collections.abc import Callable

import cvxpy as cp
import numpy as np
import pytest

from cosim.grid.builder import Constraints
from cosim.grid.device import Devices
from cosim.grid.device.demand_response import DemandResponse, DemandResponseConfig, DemandResponses, shift
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.problem import Horizon, Load, ProblemData


def const(*rows: list[float]) -> cp.Constant:
    return cp.Constant(np.array(rows))


def holds(constraints: Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def test_shift_remembers_what_is_deferred() -> None:
    most, start = np.full((2, 1), 0.3), const([0.1])
    assert holds(shift(const([0.2], [0.0]), const([0.0], [0.3]), const([0.2], [0.05]), start, most, 0.5))
    assert not holds(shift(const([0.4], [0.0]), const([0.0], [0.3]), const([0.3], [0.15]), start, most, 0.5))
    assert not holds(shift(const([0.2], [0.0]), const([0.0], [0.3]), const([0.1], [-0.05]), start, most, 0.5))


Chain = Callable[..., Feeder]
Data = Callable[..., ProblemData]
Level = Callable[..., Load]
UNIT = DemandResponse(bus="2", share_max=0.3, price_cny_per_mwh=100)


def test_a_share_of_positive_base_load_can_be_shifted(chain: Chain, data_of: Data) -> None:
    feeder, group = chain((0.0, 0.0)), DemandResponses((UNIT,))
    values = group.parameters(data_of(group), feeder)
    assert values.by_period["shift_max"].tolist() == [[0.03], [0.0]]
    assert (values.before["deferred_kwh"].tolist(), values.ends["deferred_kwh"].tolist()) == ([0.0], [0.0])


@pytest.mark.parametrize(
    ("kwh", "taken_kwh"), [(15.0005, 15.0), (15.1, 15.1), (-15.0005, -15.0), (-15.1, -15.1)]
)
def test_deferred_energy_beyond_reach_by_rounding_is_rounded(
    chain: Chain, data_of: Data, kwh: float, taken_kwh: float
) -> None:
    """In half an hour 30 kW give back 15 kWh."""
    feeder, group = chain((0.0, 0.0)), DemandResponses((UNIT,))
    data = data_of(group, state={"deferred_kwh": np.array([kwh])})
    assert group.parameters(data, feeder).before["deferred_kwh"][0] * 1e3 == pytest.approx(
        taken_kwh, abs=1e-6
    )


def test_shifting_out_injects_and_is_paid_for() -> None:
    group = DemandResponses((UNIT,))
    setpoints = {"shift_out_kw": np.array([[20.0], [0.0]]), "shift_in_kw": np.array([[0.0], [5.0]])}
    p_kw, q_kvar = group.injection(setpoints)
    assert (p_kw[:, 0].tolist(), q_kvar) == ([20.0, -5.0], 0.0)
    assert group.cost_cny(setpoints, 0.5) == pytest.approx(0.5 * 0.02 * 100)
    assert group.columns({"deferred_kwh": np.array([[1.0], [3.0]])}, 1, 7)["stored_kwh"].tolist() == [3]
    assert group.is_load


def test_energy_that_does_not_come_back_is_named(data_of: Data) -> None:
    group = DemandResponses((UNIT,))
    deferred = {"deferred_kwh": np.array([[0.0], [7.5]])}
    (missed,) = group.violations(deferred, data_of(group))
    assert missed.sentence == (
        "period 2, bus 2: demand response should have got back all it shifted out; it misses that by 7.5 kWh."
    )


def test_what_is_wrong_with_demand_response_is_named() -> None:
    wrong = DemandResponse(bus="2", share_max=1.5, price_cny_per_mwh=-1)
    assert [str(problem) for problem in DemandResponses((UNIT, wrong)).problems()] == [
        "demand response at bus 2: price_cny_per_mwh is -1; it must be a number, 0 or more.",
        "demand response at bus 2: share_max is 1.5; it must be 0 to 1.",
        "demand response: a bus is listed twice.",
    ]
    assert not DemandResponses(
        (DemandResponse(bus="2", share_max=0), DemandResponse(bus="1", share_max=1))
    ).problems()


def test_the_section_of_demand_response_makes_it() -> None:
    section = DemandResponseConfig(bus="2", price_cny_per_mwh=100)
    assert (section.label, section.device({})) == ("demand response at bus 2", UNIT)
    assert UNIT.name == "demand response 2"


def test_demand_moves_to_the_cheap_period_when_it_pays(chain: Chain, level: Level) -> None:
    feeder = chain((0.001, 0.001))
    devices = Devices(DemandResponse(bus="2", share_max=0.3, price_cny_per_mwh=105))
    load = level(feeder, 2, b2=800)
    moved = solve_dispatch(feeder, devices, load, np.array([1.0, 0.5]))
    assert moved.setpoints["shift_out_kw"][:, 0] == pytest.approx([240, 0], abs=1e-3)
    assert moved.setpoints["shift_in_kw"][:, 0] == pytest.approx([0, 240], abs=1e-3)
    assert moved.cost.device_cny["demand_response"] == pytest.approx(0.105 * 240, abs=1e-3)
    still = solve_dispatch(feeder, devices, load, np.array([1.0, 0.95]))
    assert still.setpoints["shift_out_kw"].max() <= 1e-2


def test_energy_that_cannot_be_returned_is_named(chain: Chain, level: Level) -> None:
    """50 kWh are deferred, but in the last period only 30 % of 100 kW can come back."""
    feeder = chain((0.01, 0.01))
    devices = Devices(DemandResponse(bus="2"))
    state = {"deferred_kwh": np.array([50.0])}
    horizon = Horizon(first_period=24, state=state)
    dispatch = solve_dispatch(feeder, devices, level(feeder, b2=100), np.array([0.5]), horizon)
    (broken,) = dispatch.violations
    assert (broken.period, broken.bus, broken.kind) == (24, "2", "terminal_energy")
    assert broken.amount == pytest.approx(20, abs=1e-3)
