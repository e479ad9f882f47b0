"""A day dispatched period by period: what is known now is met, what comes later is forecast (rolling horizon)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.devices import Devices
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.schedule import Dispatch, DispatchState, Horizon, Load, Rules

Forecast = Callable[[int, Load], Load]
"""What is expected at the start of a period (1..T), given the load that will come from it on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RollingDay:
    """The plans of a day; the first period of each was carried out."""

    plans: tuple[Dispatch, ...]
    cost_cny: FloatArray
    """Cost of each period as it was carried out (Eq. 21)."""

    @property
    def certified(self) -> bool:
        """Whether every plan is certified."""
        return all(plan.certified for plan in self.plans)


def perfect(_: int, load: Load) -> Load:
    """Return the load that will come: a forecast without error."""
    return load


def relative_error(spread: float, random: np.random.Generator) -> Forecast:
    """Return a forecast whose error grows as a random walk, *spread* of the load per period; now is known."""

    def forecast(_: int, load: Load) -> Load:
        steps = spread * random.standard_normal(len(load.base_kw))
        factor = np.maximum(1.0 + np.concatenate([[0.0], np.cumsum(steps[1:])]), 0.0)[:, None]
        return Load(
            base_kw=load.base_kw * factor,
            base_kvar=load.base_kvar * factor,
            station_kw=load.station_kw * factor,
        )

    return forecast


def dispatch_rolling(
    feeder: Feeder,
    devices: Devices,
    load: Load,
    price_cny_per_kwh: FloatArray,
    *,
    window: int | None = None,
    forecast: Forecast = perfect,
    period_h: float = 1.0,
    rules: Rules | None = None,
) -> RollingDay:
    """Return the day of *load* (periods, buses), each period planned anew and its first period carried out.

    Without *window* the horizon shrinks to the end of the day. With it, every plan looks *window* periods
    ahead, and *load* and price must reach *window* - 1 periods beyond the last period that is carried out.
    Stored and owed energy must be back at the end of every plan, and carry over from period to period.
    """
    periods = len(price_cny_per_kwh) if window is None else len(price_cny_per_kwh) - window + 1
    plans: list[Dispatch] = []
    cost = np.zeros(periods)
    state: DispatchState | None = None
    for t in range(periods):
        stop = len(price_cny_per_kwh) if window is None else t + window
        expected = forecast(t + 1, _part(load, t, stop))
        horizon = Horizon(first_period=t + 1, period_h=period_h, state=state)
        plan = solve_dispatch(feeder, devices, expected, price_cny_per_kwh[t:stop], horizon, rules)
        state = plan.state_after(t + 1)
        cost[t] = _cost_of_first(plan, devices, float(price_cny_per_kwh[t]))
        plans.append(plan)
    return RollingDay(plans=tuple(plans), cost_cny=cost)


def _part(load: Load, start: int, stop: int) -> Load:
    return replace(
        load,
        base_kw=load.base_kw[start:stop],
        base_kvar=load.base_kvar[start:stop],
        station_kw=load.station_kw[start:stop],
    )


def _cost_of_first(plan: Dispatch, devices: Devices, price_cny_per_kwh: float) -> float:
    """Eq. 21 of the first period of a plan."""
    mw, out_mw = plan.turbine_kw[0] / 1e3, plan.shift_out_kw[0] / 1e3
    a = np.array([unit.cost_a_cny_per_mw2h for unit in devices.turbines])
    b = np.array([unit.cost_b_cny_per_mwh for unit in devices.turbines])
    pi = np.array([unit.price_cny_per_mwh for unit in devices.demand_responses])
    bought = price_cny_per_kwh * plan.purchase_kw[0]
    return plan.period_h * float(mw**2 @ a + mw @ b + out_mw @ pi + bought)
