"""What a period costs and which limits it breaks, on the toy's feeder with loads that come differently."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.grid.dispatch import solve_dispatch
from cosim.grid.operation import Operation, planned_operation, with_realised_load
from cosim.grid.operation_tables import record_operation
from cosim.grid.problem import Horizon
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.scenario import Scenario, load_scenario


def operations(scenario: Scenario, price: float = 0.5, station_kw: float = 0.0) -> list[Operation]:
    case, periods = scenario.feeders[0], scenario.periods
    load = case.load(scenario.stations, np.full((periods.count, len(scenario.stations)), station_kw))
    prices = np.full(periods.count, price)
    rules, hours = case.rules, Horizon(period_h=periods.hours)
    dispatch = solve_dispatch(case.feeder, case.devices, load, prices, hours, rules)
    return [
        planned_operation(
            case.feeder, case.devices, dispatch, load, price, PeriodOfDay(1, period + 1), export=rules.export
        )
        for period in range(periods.count)
    ]


def violations(operation: Operation) -> set[str]:
    recorder = Recorder()
    record_operation(recorder, operation)
    return set(recorder.frame("violations").kind)


@pytest.mark.parametrize("export", ["true", "false"])
def test_the_periods_of_a_plan_add_up_to_its_cost(paper: Scenario, export: str) -> None:
    """With a light load the renewables push power back; it is paid for only where export is allowed."""
    light = load_scenario(paper.folder / "paper.toml", [f"grid.export={export}", "grid.load_scale=0.3"])
    plan = operations(light)
    bought = plan[0].dispatch.purchase_kw
    assert (bought.min() < -100) == (export == "true")
    total = sum(op.cost_planned_cny for op in plan)
    assert total == pytest.approx(plan[0].dispatch.cost_cny, abs=1e-3)


def test_more_load_than_planned_is_bought_at_the_slack_bus(toy: Scenario) -> None:
    plan = operations(toy, station_kw=20.0)[3]
    came = plan.station_kw * 3
    realised = with_realised_load(plan, came)
    more_kw = float(realised.realised.slack_kw - plan.realised.slack_kw)
    more_losses_kw = float(realised.realised.losses_kw - plan.realised.losses_kw)
    assert more_kw == pytest.approx(40.0 + more_losses_kw, abs=1e-6)
    assert more_losses_kw > 0
    assert realised.cost_cny > plan.cost_cny


def test_a_voltage_that_only_the_realised_load_breaks_is_flagged_whatever_later_periods_do(
    toy: Scenario,
) -> None:
    weak = load_scenario(toy.folder / "toy.toml", ["grid.slack_voltage_pu=0.954"])
    plan = operations(weak)  # the first periods are feasible, the evening is not
    assert plan[0].dispatch.status == "elastic"
    assert violations(plan[0]) == set()
    assert violations(plan[6]) == {"undervoltage"}
    surge = np.where(plan[0].station_kw >= 0, plan[0].station_kw, 0) + np.eye(4)[3] * 300.0
    assert violations(with_realised_load(plan[0], surge)) == {"realised_voltage"}


def test_a_branch_that_only_the_realised_load_overloads_is_flagged(toy: Scenario) -> None:
    plan = operations(toy)[0]
    limit = np.full(plan.feeder.branch_count, plan.dispatch.branch_current_pu.max() * 1.05)
    feeder = replace(plan.feeder, current_max_pu=limit)
    tight = replace(plan, feeder=feeder, network=feeder)
    assert violations(tight) == set()
    assert "realised_current" in violations(with_realised_load(tight, np.eye(4)[3] * 400.0))


def test_a_day_without_a_dispatch_goes_on_in_fallback_operation_and_says_so(toy: Scenario) -> None:
    """A turbine that cannot come down in time has nowhere to send its power."""
    turbine = (
        '{name="t",bus="2",p_max_kw=500,q_max_kvar=0,ramp_kw_per_h=1,cost_a_cny_per_mw2h=0,'
        "cost_b_cny_per_mwh=85,initial_kw=500}"
    )
    settings = ["grid.load_scale=0", f"grid.turbines=[{turbine}]", "grid.storage=[]", "grid.renewables=[]"]
    plan = operations(load_scenario(toy.folder / "toy.toml", settings))[2]
    assert plan.dispatch.status == "failed"
    assert "no dispatch exists" in plan.dispatch.reason_not_certified
    assert "Fallback operation" in plan.dispatch.reason_not_certified
    assert plan.dispatch.setpoints["turbine_kw"][2, 0] == 500
    assert float(plan.realised.slack_kw) < -400
    assert plan.voltage_mismatch_pu <= 1e-9
    assert "failed" in violations(plan)


def test_a_price_at_or_below_zero_is_flagged_by_its_period(toy: Scenario) -> None:
    recorder = Recorder()
    record_operation(recorder, operations(toy, price=-0.01)[2])
    table = recorder.frame("violations")
    (low,) = table[table.kind == "price"].itertuples()
    assert low.sentence.startswith("period 3: the price is -0.01 CNY/kWh")
    assert violations(operations(toy)[2]) == set()


def test_a_load_beyond_what_the_feeder_can_carry_is_an_answer_not_a_crash(toy: Scenario) -> None:
    plan = operations(toy)[0]
    broken = with_realised_load(plan, np.eye(4)[3] * 1e6)
    assert np.isnan(broken.realised.voltage_pu).all()
    assert violations(broken) == {"no_ac_solution"}
