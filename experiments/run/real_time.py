"""Day-ahead against real time: the equilibrium's forecast, the operators' re-dispatch, and the realised load."""

from collections.abc import Mapping

import numpy as np

from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay
from cosim.coupling.real_time import Loads, real_time_table
from cosim.scenario import Scenario

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
    cost with it. It is None where limits are broken without the unit (`kept_by`), which no cost shows.
    """
    cost = real_time.groupby(["without", "plan"]).cost_cny.sum()
    known, replanned, blind = (cost["", plan] for plan in ("perfect_foresight", "re_dispatch", "day_ahead"))
    limits = kept_by(real_time)

    def worth(unit: str) -> float | None:
        comparable = unit in cost.index and unit not in limits
        return float(cost[unit, "perfect_foresight"] - known) if comparable else None

    values = (float(replanned - known), float(blind - replanned), *map(worth, UNIT_VALUES.values()))
    return dict(zip(VALUES, values, strict=True))


def kept_by(real_time: Frame) -> list[str]:
    """Return the units without which the foreseen day breaks more limits than with them."""
    known = real_time[real_time.plan == "perfect_foresight"]
    broken = known.outside_limits + ~known.status.isin(["optimal", "locally optimal"])
    count = broken.groupby(known.without).sum()
    return [unit for unit in UNIT_VALUES.values() if unit in count.index and count[unit] > count[""]]
