"""Day-ahead against real time: the equilibrium's forecast, the operators' re-dispatch, and the realised load."""

from collections.abc import Sequence
from itertools import starmap
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay
from cosim.coupling.real_time import Loads, real_time_table
from cosim.results import Recorder
from cosim.scenario import Scenario
from experiments.compare.significance import half_width
from experiments.run.many_days import Reader

if TYPE_CHECKING:
    import pandas as pd

UNIT_VALUES = {"storage_value_cny": "storage", "demand_response_value_cny": "demand response"}
VALUES = ("forecast_error_cost_cny", "re_dispatch_value_cny", *UNIT_VALUES)


def compare_plans(scenario: Scenario, day: EquilibriumDay, read: Reader) -> Frame:
    """Return the table ``real_time`` of a day that was planned on *day* and realised by the agents' tables."""
    agents = {name: read(name) for name in ("stations", "dispatch", "buses")}
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


def values_table(days: Sequence[Frame]) -> Frame:
    """Return the table ``real_time_values`` of the tables ``real_time`` of all replications."""
    recorder = Recorder()
    for number, real_time in enumerate(days, start=1):
        kept = kept_by(real_time)
        for figure, value in values_cny(real_time).items():
            worth = {
                "value_cny": np.nan if value is None else value,
                "keeps_limits": UNIT_VALUES.get(figure) in kept,
            }
            recorder.add_row("real_time_values", replication=number, figure=figure, **worth)
    return recorder.frame("real_time_values")


def over_days(values: Frame) -> dict[str, Any]:
    """Return the mean of each figure over the replications that have it, None without any, and what keeps limits."""
    means = values.groupby("figure").value_cny.mean()
    kept = set(values.figure[values.keeps_limits])
    return {
        **{figure: float(means[figure]) if np.isfinite(means[figure]) else None for figure in VALUES},
        "limits_kept_by": [unit for figure, unit in UNIT_VALUES.items() if figure in kept],
    }


def intervals(values: Frame) -> dict[str, list[float]]:
    """Return the 95 % interval of the mean of each figure that several replications have."""
    found = {}
    for figure, own in values.groupby("figure").value_cny:
        known = own.dropna().to_numpy()
        if known.size > 1:
            width = float(half_width(known))
            found[str(figure)] = [float(known.mean()) - width, float(known.mean()) + width]
    return found
