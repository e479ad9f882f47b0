"""The dispatch of feeders alone: solved at once or rolling, and its figures."""

import math
from dataclasses import dataclass, replace
from time import process_time
from typing import Any, Literal

import numpy as np

from cosim.grid.dispatch import solve_dispatch
from cosim.grid.operation import Operation, planned_operation
from cosim.grid.problem import Horizon, Load
from cosim.grid.rolling import RollingDay, dispatch_rolling, relative_error, tomorrow_like_today
from cosim.grid.solution import Dispatch, locally_optimal
from cosim.grid.violations import breaks_limits
from cosim.periods import PeriodOfDay
from cosim.randomness import stream
from cosim.scenario.feeder_case import FeederCase
from experiments.dispatch.input import DispatchInput

JSON_KEYS = (
    "status",
    "exactness_recovery",
    "cost_cny",
    "lower_bound_cny",
    "optimality_gap",
    "purchase_kwh",
    "losses_kwh",
    "voltage_min_pu",
    "voltage_min_bus",
    "voltage_min_period",
    "relaxation_error_max",
    "ac_mismatch_max_pu",
    "solver",
    "cpu_s",
    "notes",
)
MARGINS_SHOWN = 3
STATUSES = ("optimal", "locally optimal", "elastic", "not certified", "failed")
"""From good to bad; of several feeders the worst counts."""
WITHIN_LIMITS = STATUSES[:2]
"""Those of a dispatch within all limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    """How a day is planned anew in each period."""

    kind: Literal["shrinking", "receding"]
    window: int | None = None
    """Periods of each receding plan; None is a whole day."""
    forecast_error: float = 0.0
    """How far a forecast drifts per period, as a share of the value."""
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispatched:
    """One dispatch of each feeder; of a rolling day what was carried out."""

    asked: DispatchInput
    dispatches: tuple[Dispatch, ...]
    cpu_s: float
    operations: tuple[tuple[Operation, ...], ...] = ()
    """Each period of each feeder as it is carried out."""
    rolling: Rolling | None = None
    plans: tuple[Dispatch, ...] = ()
    """Each period of each feeder as the first plan that reached it saw it."""
    foresight: tuple[Dispatch, ...] = ()
    """The dispatch of the day with perfect foresight."""

    @property
    def parts(self) -> list[tuple[FeederCase, Load, Dispatch]]:
        """Each feeder with its load and its dispatch."""
        return list(zip(self.asked.cases, self.asked.loads, self.dispatches, strict=True))

    @property
    def status(self) -> str:
        """``optimal``, ``locally optimal``, ``elastic`` (limits are broken), ``not certified`` or ``failed``."""
        return max((dispatch.status for dispatch in self.dispatches), key=STATUSES.index)

    @property
    def notes(self) -> list[str]:
        """What is worth knowing: of prices and stations, how far a local optimum may be from the best, lost margins."""
        gaps = [
            f"feeder {d.feeder_name}: {locally_optimal(d.optimality_gap)}"
            for d in self.dispatches
            if d.status == "locally optimal"
        ]
        margins = self._told(margins=True)
        more = len(margins) - MARGINS_SHOWN
        rest = [f"and {more} more periods or branches whose margin is not kept."] if more > 0 else []
        return [*self.asked.notes, *gaps, *margins[:MARGINS_SHOWN], *rest]

    @property
    def flags(self) -> list[str]:
        """What is broken or not certified: place, period and amount."""
        return self._told(margins=False)

    def _told(self, *, margins: bool) -> list[str]:
        several = len(self.dispatches) > 1
        return [
            f"feeder {dispatch.feeder_name}, {sentence}" if several else sentence
            for dispatch in self.dispatches
            for sentence in (
                "" if margins else dispatch.reason_not_certified,
                *(str(told) for told in dispatch.violations if breaks_limits([told]) != margins),
            )
            if sentence
        ]

    @property
    def foresight_caveat(self) -> str:
        """Why the rolling day may cost less than with perfect foresight; '' where it cannot."""
        if self.rolling is None:
            return ""
        if self.rolling.kind == "receding":
            return "whose stores end as they began"
        is_bound = all(math.isfinite(day.lower_bound_cny) for day in self.dispatches)
        return "" if is_bound else "no bound: one of the two days breaks a limit"

    def as_json(self) -> dict[str, Any]:
        """Return the headline figures of all feeders together; what is not finite is None."""
        lowest, bus, period = min(_lowest(case, dispatch) for case, _, dispatch in self.parts)
        hours = self.asked.period_h
        recoveries = [d.exactness_recovery for d in self.dispatches if d.exactness_recovery != "none"]
        facts = {
            "status": self.status,
            "exactness_recovery": ", ".join(dict.fromkeys(recoveries)) or "none",
            "cost_cny": sum(d.cost_cny for d in self.dispatches),
            "lower_bound_cny": float(sum(d.lower_bound_cny for d in self.dispatches)),
            "optimality_gap": max(d.optimality_gap for d in self.dispatches),
            "purchase_kwh": hours * float(sum(d.purchase_kw.sum() for d in self.dispatches)),
            "losses_kwh": hours * float(sum(d.losses_kw.sum() for d in self.dispatches)),
            "voltage_min_pu": lowest,
            "voltage_min_bus": bus,
            "voltage_min_period": period,
            "relaxation_error_max": max(float(d.relaxation_error.max(initial=0)) for d in self.dispatches),
            "ac_mismatch_max_pu": float(np.max([d.ac_mismatch_pu.max() for d in self.dispatches])),
            "solver": self.dispatches[0].solver,
            "cpu_s": round(self.cpu_s, 4),
            "notes": self.notes,
        }
        if self.rolling:
            facts["planned_cost_cny"] = sum(plan.cost_cny for plan in self.plans)
            facts["foresight_cost_cny"] = sum(dispatch.cost_cny for dispatch in self.foresight)
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in facts.items()
        }


def dispatch_all(asked: DispatchInput, rolling: Rolling | None = None) -> Dispatched:
    """Return the dispatch of every feeder that is asked for; where *rolling*, as its periods are carried out."""
    return checked(_dispatch_all(asked, rolling))


def _dispatch_all(asked: DispatchInput, rolling: Rolling | None) -> Dispatched:
    started = process_time()
    fallback = rolling is not None or len(asked.cases) > 1
    known = tuple(
        _at_once(asked, case, load, fallback=fallback)
        for case, load in zip(asked.cases, asked.loads, strict=True)
    )
    if rolling is None:
        return Dispatched(asked=asked, dispatches=known, cpu_s=process_time() - started)
    days = [_roll(asked, rolling, number) for number in range(len(asked.cases))]
    realised = tuple(
        _bounded(day.carried_out, foresight, rolling) for day, foresight in zip(days, known, strict=True)
    )
    return Dispatched(
        asked=asked,
        dispatches=realised,
        cpu_s=process_time() - started,
        rolling=rolling,
        plans=tuple(day.first_planned for day in days),
        foresight=known,
    )


def checked(answer: Dispatched) -> Dispatched:
    """Return the dispatches with the operation of each period, certified only where every one is."""
    operations = tuple(_operations(answer.asked, *part) for part in answer.parts)
    dispatches = tuple(map(_as_operated, answer.dispatches, operations))
    return replace(answer, operations=operations, dispatches=dispatches)


def _operations(
    asked: DispatchInput, case: FeederCase, load: Load, dispatch: Dispatch
) -> tuple[Operation, ...]:
    """Return each period as an operator carries it out; the realised load is the planned one."""
    return tuple(
        planned_operation(
            case.feeder,
            case.devices,
            dispatch,
            load,
            tariff,
            PeriodOfDay(1, dispatch.first_period + row),
            export=case.rules.export,
        )
        for row, tariff in enumerate(asked.price_cny_per_kwh.tolist())
    )


def _as_operated(dispatch: Dispatch, operations: tuple[Operation, ...]) -> Dispatch:
    """Return the dispatch with what its periods were found to be."""
    worst = next((op.dispatch for op in operations if not op.dispatch.certified), dispatch)
    mismatch_pu = np.array([op.dispatch.ac_mismatch_pu[op.row] for op in operations])
    return replace(
        dispatch,
        status=worst.status,
        reason_not_certified=worst.reason_not_certified,
        ac_mismatch_pu=mismatch_pu,
    )


def _at_once(asked: DispatchInput, case: FeederCase, load: Load, *, fallback: bool) -> Dispatch:
    """Return the dispatch with everything known from the start; without *fallback* an error where there is none."""
    price, horizon = asked.price_cny_per_kwh, Horizon(period_h=asked.period_h)
    rules = replace(case.rules, fallback=fallback)
    return solve_dispatch(case.feeder, case.devices, load, price, horizon, rules)


def _roll(asked: DispatchInput, rolling: Rolling, number: int) -> RollingDay:
    """Return the rolling day of one feeder; a receding plan takes tomorrow to be like today."""
    case, load, price = asked.cases[number], asked.loads[number], asked.price_cny_per_kwh
    devices, window = case.devices, None
    if rolling.kind == "receding":
        window = rolling.window or len(price)
        devices, load, price = tomorrow_like_today(devices, load, price, window - 1)
    return dispatch_rolling(
        case.feeder,
        devices,
        load,
        price,
        window=window,
        forecast=relative_error(rolling.forecast_error, stream(rolling.seed, "forecast", number)),
        period_h=asked.period_h,
        rules=replace(case.rules, fallback=True),
    )


def _bounded(realised: Dispatch, foresight: Dispatch, rolling: Rolling) -> Dispatch:
    """Return the day with perfect foresight's bound, where both keep all limits and end with the same energy."""
    within = {realised.status, foresight.status} <= set(WITHIN_LIMITS)
    alike = rolling.kind == "shrinking" and within
    return replace(realised, lower_bound_cny=foresight.lower_bound_cny) if alike else realised


def _lowest(case: FeederCase, dispatch: Dispatch) -> tuple[float, str, int]:
    """Return the lowest voltage, where and in which period."""
    row, bus = np.unravel_index(np.argmin(dispatch.voltage_pu), dispatch.voltage_pu.shape)
    return (
        float(dispatch.voltage_pu[row, bus]),
        case.feeder.bus_names[bus],
        int(dispatch.first_period + row),
    )
