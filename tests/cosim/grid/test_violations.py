"""Limits that a dispatch breaks are named with place, period and amount, whichever way the power flows."""

from typing import Any

import numpy as np
import pytest

from cosim.grid.device import Devices
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.problem import Load, Rules
from cosim.grid.solution import Dispatch


def one_branch(load_kw: float, **changed: Any) -> Feeder:
    """Return a bus behind a branch of 0.005 + 0.005j p.u. of 1 MVA at 12 kV, whose limit is 3 MVA."""
    values: dict[str, Any] = {
        "name": "one branch",
        "bus_names": ("1", "2"),
        "branch_names": ("line 0",),
        "slack_bus": 0,
        "from_bus": np.array([0]),
        "to_bus": np.array([1]),
        "r_pu": np.array([0.005]),
        "x_pu": np.array([0.005]),
        "current_max_pu": np.array([3.0]),
        "v_base_kv": 12.0,
        "load_kw": np.array([0.0, load_kw]),
        "load_kvar": np.zeros(2),
        "voltage_min_pu": 0.9,
        "voltage_max_pu": 1.2,
    }
    return Feeder(**(values | changed))


def dispatched(feeder: Feeder, *, export: bool) -> Dispatch:
    load = Load.scaled(feeder, np.ones(1))
    return solve_dispatch(feeder, Devices(), load, np.array([0.68]), rules=Rules(export=export))


def test_a_branch_limit_binds_power_either_way() -> None:
    """3 MVA enter or leave at the slack bus; 0.045 MW are lost, so 2.955 MW are served, or 3.045 MW taken."""
    served, taken = dispatched(one_branch(5000.0), export=True), dispatched(one_branch(-5000.0), export=True)
    assert [d.status for d in (served, taken)] == ["elastic", "elastic"]
    assert served.certified, served.reason_not_certified
    assert taken.certified, taken.reason_not_certified
    assert served.base_shed_kw[0, 1] == pytest.approx(5000 - 2955, abs=1)
    assert taken.base_shed_kw[0, 1] == pytest.approx(3045 - 5000, abs=1)
    limit = "At its limit on the way is branch line 0 (100.0% of 144 A)."
    assert (
        f"period 1, bus 2: 2045.3 kW of base load cannot be served. {limit}" in served.violations[0].sentence
    )
    assert f"period 1, bus 2: 1955.3 kW of feed-in cannot be taken. {limit}" in taken.violations[0].sentence


def test_feed_in_that_would_leave_the_feeder_is_told_with_what_allows_it() -> None:
    free = one_branch(-5000.0, current_max_pu=np.array([np.inf]))
    held = dispatched(free, export=False)
    assert held.status == "elastic"
    assert held.violations[0].kind == "feed_in_off"
    assert (
        "With it, 4,881 kW have to leave the feeder, and grid.export is false" in held.violations[0].sentence
    )
    assert dispatched(free, export=True).purchase_kw[0] == pytest.approx(-4880.8, abs=0.1)


def test_the_limits_of_each_bus_count_and_not_the_narrowest_of_all() -> None:
    """Bus 2 is at 0.989: above its own 0.98, below the 0.99 of another bus that nothing is drawn at."""
    feeder = one_branch(2200.0, voltage_min_pu=np.array([0.99, 0.98]))
    assert dispatched(feeder, export=False).status == "optimal"
    short = dispatched(one_branch(2200.0, voltage_min_pu=np.array([0.9, 0.99])), export=False)
    assert "bus 2: no dispatch keeps 0.99 p.u." in short.violations[0].sentence


@pytest.mark.parametrize(
    ("load_kw", "advice"),
    [
        (
            2200.0,
            "The base load alone takes it to 0.9888: raise grid.slack_voltage_pu, or lower grid.voltage_min_pu.",
        ),
        (1000.0, "Lower the station load, or raise grid.slack_voltage_pu."),
    ],
)
def test_the_load_that_breaks_a_limit_is_the_one_to_lower(load_kw: float, advice: str) -> None:
    feeder = one_branch(load_kw, voltage_min_pu=0.99)
    load = Load.scaled(feeder, np.ones(1), np.array([[0.0, 1500.0]]))
    found = solve_dispatch(feeder, Devices(), load, np.array([0.68]))
    assert found.status == "elastic"
    low = next(v for v in found.violations if v.kind == "undervoltage")
    assert low.sentence.endswith(f"). {advice}")
