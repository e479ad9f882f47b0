"""Day-ahead against real time: the equilibrium's forecast, the operators' re-dispatch, and the realised load."""

from collections.abc import Mapping
from itertools import starmap
from typing import TYPE_CHECKING

import numpy as np

from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay
from cosim.coupling.real_time import Loads, real_time_table
from cosim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

UNIT_VALUES = {"storage_value_cny": "storage", "demand_response_value_cny": "demand response"}
VALUES = ("forecast_error_cost_cny", "re_dispatch_value_cny", *UNIT_VALUES)


def compare_plans(scenario: Scenario, day: EquilibriumDay, agents: Mapping[str, Frame]) -> Frame:
    """Return the table ``real_time`` of a day that was planned on *day* and realised by the agents."""
    stations = agents["stations"][agents["stations"].day == 1]

    table = stations.pivot_table(index="period", columns="station", values="load_kw")
    realised_kw = np.maximum(table[[station.name for station in scenario.stations]].to_numpy(), 0.0)
    loads = Loads(
        day_ahead_kw=day.load.load_kw,
        realised_kw=realised_kw,
        tariff_cny_per_kwh=day.tariff_cny_per_kwh,
    )
    return real_time_table(scenario, loads, day.dispatches, agents)


def values_cny(real_time: Frame) -> dict[str, float | None]:
    """Return what the day's forecast error cost, and what re-dispatch and each kind of unit were worth [CNY].

    The value of a kind of unit is what it saves under perfect foresight: the cost of that day without it less the
    cost with it. A difference is None where one of its two days breaks a limit that the other may keep: what a broken
    limit saves is no value (`kept_by` names the units without which more are broken).
    """
    cost, broken = real_time.groupby(["without", "plan"]).cost_cny.sum(), limits_broken(real_time)
    known, replanned, blind = (("", plan) for plan in ("perfect_foresight", "re_dispatch", "day_ahead"))
    pairs = (
        (replanned, known),
        (blind, replanned),
        *(((unit, known[1]), known) for unit in UNIT_VALUES.values()),
    )

    def saved(dearer: tuple[str, str], cheaper: tuple[str, str]) -> float | None:
        comparable = dearer in cost.index and not broken[dearer] and not broken[cheaper]
        return float(cost[dearer] - cost[cheaper]) if comparable else None

    return dict(zip(VALUES, starmap(saved, pairs), strict=True))


def limits_broken(real_time: Frame) -> "pd.Series[int]":
    """Return how many limits are broken, and how many periods have no exact dispatch, by ``without`` and ``plan``."""
    count = real_time.outside_limits + ~real_time.status.isin(["optimal", "locally optimal"])
    return count.groupby([real_time.without, real_time.plan]).sum()


def kept_by(real_time: Frame) -> list[str]:
    """Return the units without which the foreseen day breaks more limits than with them."""
    broken = limits_broken(real_time).xs("perfect_foresight", level="plan")
    return [unit for unit in UNIT_VALUES.values() if unit in broken.index and broken[unit] > broken[""]]
