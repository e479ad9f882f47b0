"""Storage: its equation, on numbers that can be checked by hand."""

from collections.abc import Callable
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from cosim.grid.builder import Constraints
from cosim.grid.device import Devices
from cosim.grid.device.storage import Storage, StorageConfig, Storages, StoreLimits, store
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.problem import Load, ProblemData


def const(*rows: list[float]) -> cp.Constant:
    return cp.Constant(np.array(rows))


def holds(constraints: Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def best(objective: cp.Expression, constraints: Constraints) -> float:
    """Maximise; the equations need no solver of cones here."""
    problem = cp.Problem(cp.Maximize(objective), constraints)
    problem.solve(solver="CLARABEL")
    assert problem.status == "optimal"
    return float(problem.value)


@pytest.fixture
def battery() -> StoreLimits:
    one = np.ones(1)
    return StoreLimits(one, one, 0.9 * one, 0.8 * one, 0.2 * one, 2.0 * one)


def test_store_loses_on_the_way_in_and_on_the_way_out(battery: StoreLimits) -> None:
    """1 MW for half an hour stores .45; .36 MW for half an hour takes .225."""
    charge, discharge, before = const([1.0], [0.0]), const([0.0], [0.36]), const([1.0])
    assert holds(store(charge, discharge, const([1.45], [1.225]), before, battery, 0.5))
    assert not holds(store(charge, discharge, const([1.5], [1.275]), before, battery, 0.5))


def test_store_yields_the_product_of_its_efficiencies(battery: StoreLimits) -> None:
    """The limits of a direction set to 0 fix the sign of a period."""
    charge, discharge, energy = cp.Variable((2, 1)), cp.Variable((2, 1)), cp.Variable((2, 1))
    signed = replace(battery, charge_max=np.array([[1.0], [0.0]]), discharge_max=np.array([[0.0], [1.0]]))
    rules = [*store(charge, discharge, energy, const([1.0]), signed, 1.0), energy[1] == 1.0]
    assert best(cp.sum(discharge), [*rules, charge[0] == 0.5]) == pytest.approx(0.5 * 0.9 * 0.8, abs=1e-6)


Chain = Callable[..., Feeder]
Data = Callable[..., ProblemData]
Level = Callable[..., Load]
UNIT = Storage(
    name="s", bus="2", charge_max_kw=100, discharge_max_kw=60, capacity_kwh=400, charge_efficiency=0.5,
    discharge_efficiency=0.8,
)  # fmt: skip


def test_limits_of_a_store_follow_fixed_signs(chain: Chain, data_of: Data) -> None:
    feeder, group = chain((0.0, 0.0)), Storages((UNIT,))
    free = group.parameters(data_of(group), feeder)
    assert free.by_period["charge_max"].tolist() == [[0.1], [0.1]]
    assert free.by_period["discharge_max"].tolist() == [[0.06], [0.06]]
    assert (free.before["storage_kwh"].tolist(), free.ends["storage_kwh"].tolist()) == ([0.2], [0.2])
    signs = {"storage": np.array([[True], [False]])}
    fixed = group.parameters(data_of(group, charging=signs), feeder)
    assert fixed.by_period["charge_max"].tolist() == [[0.1], [0.0]]
    assert fixed.by_period["discharge_max"].tolist() == [[0.0], [0.06]]


@pytest.mark.parametrize(
    ("kwh", "taken_kwh"),
    [(149.9995, 150.0), (149.9, 149.9), (275.0005, 275.0), (275.1, 275.1), (200.0, 200.0)],
)
def test_a_state_beyond_reach_by_rounding_is_rounded(
    chain: Chain, data_of: Data, kwh: float, taken_kwh: float
) -> None:
    """In an hour 100 kW store 50 kWh, and 60 kW take 75: between 150 and 275 kWh can end with 200."""
    feeder, group = chain((0.0, 0.0)), Storages((UNIT,))
    data = data_of(group, state={"storage_kwh": np.array([kwh])})
    assert group.parameters(data, feeder).before["storage_kwh"][0] * 1e3 == pytest.approx(taken_kwh, abs=1e-6)


def test_set_points_and_rating_of_storage(chain: Chain, data_of: Data) -> None:
    feeder, group = chain((0.0, 0.0)), Storages((UNIT, replace(UNIT, discharge_max_kw=150)))
    setpoints = {"charge_kw": np.array([[10.0, 0.0]]), "discharge_kw": np.array([[0.0, 7.0]])}
    p_kw, q_kvar = group.injection(setpoints)
    assert (p_kw.tolist(), q_kvar) == ([[-10.0, 7.0]], 0.0)
    assert group.rating_pu(data_of(group), feeder).tolist() == [0.1, 0.15]
    assert group.columns({"storage_kwh": np.array([[1.0, 2.0], [3.0, 4.0]])}, 1, 7)[
        "stored_kwh"
    ].tolist() == [3, 4]


def test_in_fallback_operation_storage_rests(data_of: Data) -> None:
    group = Storages((UNIT,))
    setpoints = group.fallback(data_of(group))
    assert {name: values[:, 0].tolist() for name, values in setpoints.items()} == {
        "charge_kw": [0, 0], "discharge_kw": [0, 0], "storage_kwh": [200, 200],
    }  # fmt: skip


def test_storage_that_ends_with_another_energy_is_named(data_of: Data) -> None:
    group = Storages((UNIT, replace(UNIT, name="other")))
    energy = {"storage_kwh": np.array([[0.0, 0.0], [188.0, 200.0005]])}
    (missed,) = group.violations(energy, data_of(group, first=3))
    assert (missed.period, missed.bus, missed.kind, missed.amount) == (4, "2", "terminal_energy", 12.0)
    assert (
        missed.sentence == "period 4, bus 2: storage s should end with 200.0 kWh; it misses that by 12 kWh."
    )
    (more,) = group.violations({"storage_kwh": np.array([[201.0, 200.0]])}, data_of(group))
    assert more.amount == 1.0


def test_what_is_wrong_with_storage_is_named() -> None:
    wrong = replace(
        UNIT, charge_max_kw=-1, discharge_max_kw=-1, capacity_kwh=-1, charge_efficiency=0, discharge_efficiency=1.1,
        soc_initial=0.9,
    )  # fmt: skip
    told = [str(problem) for problem in Storages((wrong,)).problems()]
    assert len(told) == 6
    assert told[3:] == [
        "storage s: charge_efficiency is 0; it must be above 0, up to 1.",
        "storage s: discharge_efficiency is 1.1; it must be above 0, up to 1.",
        "storage s: the order must be 0 <= soc_min <= soc_initial <= soc_max <= 1.",
    ]
    assert not replace(UNIT, charge_efficiency=1, soc_min=0, soc_max=1, soc_initial=1).problems()


def test_the_section_of_storage_makes_it_and_asks_for_an_order_of_its_soc() -> None:
    given = {"name": "s", "bus": "2", "charge_max_kw": 1.0, "discharge_max_kw": 2.0, "capacity_kwh": 3.0}
    section = StorageConfig(**given)
    assert (section.label, section.columns) == ("storage 's'", ())
    assert section.device({}) == Storage(**given)
    with pytest.raises(ValueError, match="it must lie between soc_min"):
        StorageConfig(**given, soc_initial=0.1)


def test_storage_carries_cheap_energy_and_comes_back(chain: Chain, level: Level) -> None:
    """300 kW out take 300/.95 kWh; the cheapest hour gives 285 of them, the next cheapest the rest."""
    feeder = chain((0.001, 0.001))
    devices = Devices(Storage(name="s", bus="2"))
    dispatch = solve_dispatch(feeder, devices, level(feeder, 3, b2=800), np.array([0.2, 0.5, 1.0]))
    rest_kw = (300 / 0.95 - 285) / 0.95
    assert dispatch.setpoints["charge_kw"][:, 0] == pytest.approx([300, rest_kw, 0], abs=1e-2)
    assert dispatch.setpoints["discharge_kw"][:, 0] == pytest.approx([0, 0, 300], abs=1e-2)
    assert dispatch.setpoints["storage_kwh"][-1, 0] == pytest.approx(600, abs=1e-6)
