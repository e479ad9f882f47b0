"""A day dispatched period by period: what is known now is met, what comes later is forecast (rolling horizon)."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.cost import running_cost
from cosim.grid.device import Device, Devices, Renewable
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.problem import DispatchState, Horizon, Load, Rules
from cosim.grid.radial import Feeder
from cosim.grid.solution import Cost, Dispatch, Status, rows_of
from cosim.grid.violations import breaks_limits

Forecast = Callable[[int, Load], Load]
"""Forecast at the start of a period (1..T), from the load and renewable power that will come."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RollingDay:
    """The plans of a day; the first period of each was carried out."""

    devices: Devices
    price_cny_per_kwh: FloatArray
    plans: tuple[Dispatch, ...]
    carried_out: Dispatch
    """The first periods in a row. Its lower bound is unknown, for each plan solved another problem."""
    first_planned: Dispatch
    """Each period as the first plan that reached it saw it."""

    @property
    def cost_cny(self) -> FloatArray:
        """Cost of each period as it was carried out (Eq. 21)."""
        return cost_by_period(self.carried_out, self.devices, self.price_cny_per_kwh)

    @property
    def certified(self) -> bool:
        """Whether every plan is certified."""
        return all(plan.certified for plan in self.plans)


def perfect(_: int, load: Load) -> Load:
    """Return what will come: a forecast without error."""
    return load


def relative_error(spread: float, random: np.random.Generator) -> Forecast:
    """Return a forecast whose errors grow as random walks, *spread* of the value per period; now is known.

    All loads share one walk, and all renewables another.
    """

    def walk(periods: int) -> FloatArray:
        steps = spread * random.standard_normal(periods)
        factor: FloatArray = np.maximum(1.0 + np.concatenate([[0.0], np.cumsum(steps[1:])]), 0.0)[:, None]
        return factor

    def forecast(_: int, load: Load) -> Load:
        of_load, of_renewables = walk(len(load.base_kw)), walk(len(load.base_kw))
        return Load(
            base_kw=load.base_kw * of_load,
            base_kvar=load.base_kvar * of_load,
            station_kw=load.station_kw * of_load,
            renewable_kw=None if load.renewable_kw is None else load.renewable_kw * of_renewables,
            in_service=load.in_service,
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
    ahead, and *load*, price and profiles must reach *window* - 1 periods beyond the last one carried out.
    Stored and deferred energy must be back at the end of every plan, and carry over from period to period.
    """
    reach = len(price_cny_per_kwh)
    periods = reach if window is None else reach - window + 1
    if load.renewable_kw is None and (plants := devices.of(Renewable)):
        offered = np.stack([plant.available_kw[:reach] for plant in plants], axis=1)
        load = replace(load, renewable_kw=offered)
    plans: list[Dispatch] = []
    state: DispatchState | None = None
    for t in range(periods):
        stop = reach if window is None else t + window
        expected = forecast(t + 1, load.between(t, stop))
        horizon = Horizon(first_period=t + 1, period_h=period_h, state=state)
        plans.append(solve_dispatch(feeder, devices, expected, price_cny_per_kwh[t:stop], horizon, rules))
        state = plans[-1].state_after(t + 1)
    price = price_cny_per_kwh[:periods]
    earliest = [0 if window is None else max(0, t - window + 1) for t in range(periods)]
    return RollingDay(
        plans=tuple(plans),
        carried_out=_joined([(plan, 0) for plan in plans], devices, price),
        first_planned=_joined([(plans[k], t - k) for t, k in enumerate(earliest)], devices, price),
        price_cny_per_kwh=price,
        devices=devices,
    )


def tomorrow_like_today(
    devices: Devices, load: Load, price_cny_per_kwh: FloatArray, more: int
) -> tuple[Devices, Load, FloatArray]:
    """Return a day with its first *more* periods once again after the last, for horizons that recede.

    The devices have the whole day twice, so that it ends as it ended.
    """

    def longer(values: FloatArray) -> FloatArray:
        return np.concatenate([values, values[:more]])

    return (
        Devices(*(_repeated(device) for device in devices.all)),
        Load(
            base_kw=longer(load.base_kw),
            base_kvar=longer(load.base_kvar),
            station_kw=longer(load.station_kw),
            renewable_kw=None if load.renewable_kw is None else longer(load.renewable_kw),
            in_service=load.in_service.followed_by(load.in_service.between(0, more)),
        ),
        longer(price_cny_per_kwh),
    )


def _repeated(device: Device) -> Device:
    """Return the device with its profiles twice in a row."""
    twice = {name: np.tile(getattr(device, name), 2) for name in device.profiles}
    return replace(device, **twice) if twice else device  # type: ignore[type-var]


def cost_by_period(dispatch: Dispatch, devices: Devices, price_cny_per_kwh: FloatArray) -> FloatArray:
    """Return Eq. 21 of each period of a dispatch."""
    rows = [slice(t, t + 1) for t in range(dispatch.period_count)]
    return np.array([_cost(dispatch, row, devices, price_cny_per_kwh[row]).total_cny for row in rows])


def _cost(dispatch: Dispatch, rows: slice, devices: Devices, price_cny_per_kwh: FloatArray) -> Cost:
    setpoints, bought_kw = rows_of(dispatch.setpoints, rows), dispatch.purchase_kw[rows]
    return running_cost(devices, setpoints, bought_kw, price_cny_per_kwh, dispatch.period_h)


def _worst(plans: list[Dispatch], *, broken: bool) -> Status:
    """Return the worst status of several plans; ``elastic`` only where what was carried out breaks limits."""
    found: set[Status] = {plan.status for plan in plans} - {"elastic"} | ({"elastic"} if broken else set())
    order: tuple[Status, ...] = ("failed", "not certified", "elastic", "locally optimal")
    return next((status for status in order if status in found), "optimal")


def _joined(parts: list[tuple[Dispatch, int]], devices: Devices, price_cny_per_kwh: FloatArray) -> Dispatch:
    """Return a row of each of several plans as one dispatch; what other rows would have broken is no news."""
    plans = [plan for plan, _ in parts]
    told = tuple(v for plan, row in parts for v in plan.violations if v.period == plan.first_period + row)
    recoveries = [plan.exactness_recovery for plan in plans if plan.exactness_recovery != "none"]
    arrays: dict[str, Any] = {
        field.name: np.concatenate([getattr(plan, field.name)[row : row + 1] for plan, row in parts])
        for field in fields(Dispatch)
        if isinstance(getattr(plans[0], field.name), np.ndarray)
    }
    setpoints = {
        name: np.concatenate([plan.setpoints[name][row : row + 1] for plan, row in parts])
        for name in plans[0].setpoints
    }
    joined = replace(
        plans[0],
        **arrays,
        setpoints=setpoints,
        lower_bound_cny=-np.inf,
        status=_worst(plans, broken=breaks_limits(told)),
        exactness_recovery=", ".join(dict.fromkeys(recoveries)) or "none",
        reason_not_certified=next((plan.reason_not_certified for plan in plans if not plan.certified), ""),
        violations=told,
    )
    return replace(joined, cost=_cost(joined, slice(None), devices, price_cny_per_kwh))
