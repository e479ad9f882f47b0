"""Photovoltaic and wind power: their equations, on numbers that can be checked by hand."""

from collections.abc import Callable
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from cosim.grid.builder import Constraints
from cosim.grid.device import Devices
from cosim.grid.device.renewable import Renewable, RenewableConfig, Renewables, reactive_disk, renewable_power
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.problem import Load, ProblemData, Rules


def const(*rows: list[float]) -> cp.Constant:
    return cp.Constant(np.array(rows))


def holds(constraints: Constraints) -> bool:
    return all(np.max(c.violation()) <= 1e-12 for c in constraints)


def test_renewable_that_must_not_be_curtailed_gives_all() -> None:
    available, must = np.array([[0.5, 0.5]]), np.array([[0.5, 0.0]])
    assert holds(renewable_power(const([0.5, 0.1]), available, must, 0.0))
    assert not holds(renewable_power(const([0.4, 0.5]), available, must, 0.0))
    assert holds(renewable_power(const([0.4, 0.5]), available, must, 0.1))
    assert not holds(renewable_power(const([0.6, 0.5]), available, must, 0.0))


def test_reactive_power_fills_the_disk() -> None:
    assert holds(reactive_disk(const([0.6]), const([-0.8]), np.array([1.0])))
    assert not holds(reactive_disk(const([0.6]), const([0.81]), np.array([1.0])))


Chain = Callable[..., Feeder]
Data = Callable[..., ProblemData]
Level = Callable[..., Load]
UNIT = Renewable(name="r", bus="2", kind="pv", s_kva=1000, profile_pu=np.array([0.0, 0.6, 0.8]))


def test_reactive_limits_follow_the_capability(chain: Chain, data_of: Data) -> None:
    """At 0.6 and 0.8 of the rating 0.8 and 0.6 are left."""
    feeder = chain((0.0, 0.0))
    group = Renewables((
        UNIT,
        replace(UNIT, q_capability="available", curtailable=False),
        replace(UNIT, q_capability="none"),
        replace(UNIT, q_absorption=False),
    ))  # fmt: skip
    values = group.parameters(data_of(group, first=2), feeder).by_period
    assert values["available"].tolist() == [[0.6] * 4, [0.8] * 4]
    assert values["must_take"].tolist() == [[0, 0.6, 0, 0], [0, 0.8, 0, 0]]
    np.testing.assert_allclose(values["q_max"], [[1, 0.8, 0, 1], [1, 0.6, 0, 1]])
    np.testing.assert_allclose(values["q_min"], [[-1, -0.8, 0, 0], [-1, -0.6, 0, 0]])
    assert group.rating_pu(data_of(group, first=2), feeder).tolist() == [1.0] * 4


def test_what_the_load_data_offer_counts_up_to_the_rating(data_of: Data) -> None:
    group = Renewables((UNIT,))
    data = data_of(group)
    offered = replace(data, load=replace(data.load, renewable_kw=np.array([[300.0], [1200.0]])))
    assert group.available_kw(offered).tolist() == [[300.0], [1000.0]]
    assert group.fallback(offered)["renewable_kw"].tolist() == [[300.0], [1000.0]]
    assert not group.fallback(offered)["renewable_kvar"].any()
    assert group.columns(group.fallback(offered), 1, 3)["available_kw"].tolist() == [1000.0]
    p_kw, q_kvar = group.injection({"renewable_kw": np.array([[1.0]]), "renewable_kvar": np.array([[2.0]])})
    assert (float(p_kw[0, 0]), float(np.asarray(q_kvar)[0, 0])) == (1.0, 2.0)


def test_power_that_must_be_switched_off_is_named_unless_curtailable(data_of: Data) -> None:
    group = Renewables((UNIT, replace(UNIT, name="fixed", curtailable=False)))
    taken = {"renewable_kw": np.array([[100.0, 599.9995], [100.0, 790.0]])}
    (off,) = group.violations(taken, data_of(group, first=2))
    assert (off.period, off.bus, off.kind, off.amount) == (3, "2", "renewable_off", 10.0)
    assert off.sentence == (
        "period 3, bus 2: 10.0 kW of pv fixed must be switched off, though it is not curtailable. "
        "Allow export, or set curtailable."
    )


def test_what_is_wrong_with_a_renewable_is_named() -> None:
    told = [
        [str(problem) for problem in Renewables((replace(UNIT, **wrong),)).problems()]
        for wrong in (
            {"s_kva": -1.0, "p_rated": -1.0},
            {"profile_pu": np.array([0.5, -0.1])},
            {"profile_pu": np.array([0.5, np.nan])},
            {"profile_pu": np.array([[0.5]])},
            {"profile_pu": np.array([0.5, 0.9]), "p_rated": 1.2},
        )
    ]
    assert [text.split()[2] for text in told[0]] == ["s_kva", "p_rated"]
    assert told[1] == told[2] == told[3] == ["pv r: profile_pu must be one finite number >= 0 per period."]
    assert told[4] == ["pv r: p_rated * profile_pu is above 1 in period 2."]
    assert not replace(UNIT, profile_pu=np.array([0.0, 1.0])).problems()


def test_the_section_of_a_renewable_makes_it_with_its_profile() -> None:
    section = RenewableConfig(name="r", bus="2", kind="pv", s_kva=1000, profile="sun")
    assert (section.label, section.columns) == ("renewable 'r'", ("sun",))
    made = section.device({"sun": UNIT.profile_pu})
    assert made.profile_pu is UNIT.profile_pu
    assert (made.name, made.bus, made.kind, made.s_kva, made.available_kw.tolist()) == (
        "r",
        "2",
        "pv",
        1000,
        [0, 600, 800],
    )


def sun(**options: object) -> Devices:
    unit = Renewable(name="pv", bus="3", kind="pv", profile_pu=np.ones(2), **options)  # type: ignore[arg-type]
    return Devices(unit)


def test_surplus_is_sold_only_where_export_is_allowed(chain: Chain, level: Level) -> None:
    feeder = chain((0.001, 0.001), (0.001, 0.001))
    load, price = level(feeder, b2=100), np.array([0.5])
    kept = solve_dispatch(feeder, sun(), load, price)
    sold = solve_dispatch(feeder, sun(), load, price, rules=Rules(export=True))
    assert kept.purchase_kw[0] == pytest.approx(0, abs=1e-3)
    assert sold.purchase_kw[0] == pytest.approx(-899, abs=1)
    assert sold.cost_cny < kept.cost_cny - 400


def test_what_must_not_be_curtailed_is_not_burnt_but_named(chain: Chain, level: Level) -> None:
    """No export, no curtailment: the relaxation would burn the surplus in fictitious losses."""
    feeder, unit = chain((0.01, 0.01), (0.01, 0.01)), sun(curtailable=False, q_capability="none")
    dispatch = solve_dispatch(feeder, unit, level(feeder, b2=100), np.array([0.5]))
    assert dispatch.certified
    assert dispatch.status == "elastic"
    assert [v.kind for v in dispatch.violations] == ["renewable_off"]
    assert dispatch.violations[0].amount == pytest.approx(900, abs=1)


def test_reactive_power_lifts_the_voltage_only_where_the_unit_may_give_it(chain: Chain, level: Level) -> None:
    """By night: P = 0, so the disk gives all of S, and unity power factor nothing."""
    feeder = chain((0.04, 0.08), (0.04, 0.08))
    load = replace(level(feeder, b3=500), base_kvar=np.array([[0.0, 0.0, 300.0]]))

    def night(capability: str) -> Devices:
        return sun(q_capability=capability, p_rated=0.0)

    disk = solve_dispatch(feeder, night("disk"), load, np.array([0.5]))
    none = solve_dispatch(feeder, night("none"), load, np.array([0.5]))
    assert disk.status == "optimal"
    assert disk.setpoints["renewable_kvar"][0, 0] > 200
    assert none.status == "elastic"


@pytest.mark.parametrize("top", [1.0, 0.999999])
def test_full_power_that_must_be_taken_leaves_the_solver_room(chain: Chain, top: float) -> None:
    """There the disk of P and Q is but a point: as a cone it took 200 iterations, or ended without a certificate."""
    feeder = chain((0.01, 0.01), (0.02, 0.02))
    plant = replace(UNIT, bus="3", curtailable=False, q_absorption=False, profile_pu=np.array([top]))
    dispatch = solve_dispatch(
        feeder,
        Devices(plant),
        Load.scaled(feeder, np.ones(1)),
        [0.5],
        rules=Rules(export=True, solver="clarabel"),
    )
    assert dispatch.status == "optimal"
    assert dispatch.setpoints["renewable_kw"][0, 0] == pytest.approx(1000.0 * top, abs=1e-4)
    assert abs(dispatch.setpoints["renewable_kvar"][0, 0]) <= 1000.0 * np.sqrt(1 - top**2) + 1e-4
