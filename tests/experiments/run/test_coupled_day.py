"""The coupled day as people run it: configuration, tables, summary, the documented example."""

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from cosim.arrays import Frame
from cosim.coupling import equilibrium_tables, solve_equilibrium_day
from cosim.errors import ConfigError
from cosim.results import Run
from cosim.scenario import load_scenario
from experiments.run.real_time import kept_by, values_cny
from experiments.terminal import JSON_KEYS

ROOT = Path(__file__).parents[3]


def flat(tables: dict[str, object], place: str = "") -> dict[str, object]:
    """Return each value of a scenario file by its place."""
    values: dict[str, object] = {}
    for key, value in tables.items():
        values |= flat(value, f"{place}{key}.") if isinstance(value, dict) else {f"{place}{key}": value}
    return values


def test_coupled_is_the_papers_day_with_nodal_prices_that_drivers_heed() -> None:
    paper, coupled = (
        flat(tomllib.loads((ROOT / "configs" / f"{name}.toml").read_text(encoding="utf-8")))
        for name in ("paper", "coupled")
    )
    changed = {place: value for place, value in coupled.items() if paper[place] != value}
    assert set(changed) - {"name", "description", "what_to_look_at"} == {
        "road.assignment.method",
        "mobility.price_sensitivity",
        "tariff.charging_price",
    }
    assert changed["mobility.price_sensitivity"] == 1.0
    assert changed["tariff.charging_price"] == "nodal"


def test_the_table_of_the_coupling_ends_within_the_tolerance(toy_run: Run) -> None:
    history = toy_run.equilibrium.coupling
    assert history.iteration.tolist() == list(range(1, len(history) + 1))
    last = history.iloc[-1]
    assert max(last.load_residual, last.price_residual_cny_per_kwh) <= 1e-4
    assert toy_run.summary["settled"] is True
    assert toy_run.summary["coupling_iterations"] == len(history)
    assert set(JSON_KEYS) <= set(toy_run.summary)


def test_what_a_forecast_error_cost_is_the_difference_of_two_days(toy_run: Run) -> None:
    day = toy_run.comparison.real_time
    cost = day.groupby(["without", "plan"]).cost_cny.sum()
    summary = toy_run.summary
    assert summary["forecast_error_cost_cny"] == pytest.approx(
        cost["", "re_dispatch"] - cost["", "perfect_foresight"]
    )
    assert summary["forecast_error_cost_cny"] >= -0.01
    assert summary["storage_value_cny"] == pytest.approx(
        cost["storage", "perfect_foresight"] - cost["", "perfect_foresight"]
    )
    assert summary["demand_response_value_cny"] is None  # the toy has none
    assert cost["", "re_dispatch"] == pytest.approx(summary["cost_cny"], rel=1e-6)


def real_time(cost_cny: dict[tuple[str, str], float], outside_limits: dict[str, int]) -> Frame:
    """Return one period of each plan; buses outside their limits are those of the foreseen day."""
    rows = [
        {
            "without": without,
            "plan": plan,
            "status": "optimal",
            "cost_cny": cost,
            "outside_limits": outside_limits.get(without, 0) if plan == "perfect_foresight" else 0,
        }
        for (without, plan), cost in cost_cny.items()
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("outside", "value", "kept"),
    [({}, 70.0, []), ({"storage": 3}, None, ["storage"]), ({"storage": 3, "": 3}, None, [])],
)
def test_a_unit_that_keeps_a_limit_has_no_value_in_money(
    outside: dict[str, int], value: float | None, kept: list[str]
) -> None:
    cost = {("", plan): 1000.0 for plan in ("perfect_foresight", "re_dispatch", "day_ahead")}
    table = real_time(cost | {("storage", "perfect_foresight"): 1070.0}, outside)
    assert values_cny(table)["storage_value_cny"] == value
    assert kept_by(table) == kept


def test_perfect_foresight_is_not_compared_with_a_day_that_breaks_a_limit() -> None:
    """A plan that lets a voltage fall can be cheaper than the best that keeps it."""
    cost = {("", "perfect_foresight"): 1000.0, ("", "re_dispatch"): 990.0, ("", "day_ahead"): 1010.0}
    table = real_time(cost, {})
    table.loc[table.plan == "re_dispatch", "outside_limits"] = 1
    values = values_cny(table)
    assert values["forecast_error_cost_cny"] is None
    assert values["re_dispatch_value_cny"] is None
    table.loc[table.plan == "re_dispatch", "outside_limits"] = 0
    table.loc[table.plan == "perfect_foresight", "status"] = "elastic"
    assert values_cny(table)["forecast_error_cost_cny"] is None
    assert values_cny(table)["re_dispatch_value_cny"] == pytest.approx(20.0)


def test_every_start_has_its_rows_and_one_pass_has_one() -> None:
    def history(setting: str) -> Frame:
        scenario = load_scenario(ROOT / "configs/toy.toml", [setting])
        return equilibrium_tables(scenario, solve_equilibrium_day(scenario))["coupling"]

    several = history('coupling.starts=["free", "tariff", "random"]')
    assert set(several.start) == {"tariff", "free", "random"}
    assert several.groupby("start").load_residual.last().max() <= 1e-4
    assert len(history("coupling.mode=one_pass")) == 1


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        ("coupling.mode=two_pass", "coupling.mode"),
        ("coupling.starts=[]", "coupling.starts"),
        ("coupling.tolerance=0", "coupling.tolerance"),
        ("tariff.charging_price=free", "tariff.charging_price"),
    ],
)
def test_a_slip_in_the_coupling_is_named(setting: str, place: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(place)):
        load_scenario(ROOT / "configs/toy.toml", [setting])
