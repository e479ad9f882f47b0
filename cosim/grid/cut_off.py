"""A feeder of which branches are open: what is cut off, and the load that is not served there."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from cosim.grid.bus_words import at_bus
from cosim.grid.device.base import POWER_NOTICED_KW
from cosim.grid.problem import Load
from cosim.grid.radial import Feeder
from cosim.grid.solution import Dispatch, Violation


@lru_cache(maxsize=64)
def cut_off(feeder: Feeder, opened: frozenset[str]) -> Feeder:
    """Return the feeder with the branches *opened*, and what they feed without supply.

    Buses and branches keep their places: those without supply hang on the last bus that has one, by branches without
    impedance that carry nothing, as long as nothing is drawn or fed in there (`served`).
    """
    dead = np.zeros(feeder.bus_count, dtype=bool)
    idle = np.zeros(feeder.branch_count, dtype=bool)
    for k, (near, far) in enumerate(zip(feeder.from_bus, feeder.to_bus, strict=True)):
        idle[k] = dead[far] = feeder.branch_names[k] in opened or dead[near]
    if not dead.any():
        return feeder
    low, high = (limit.copy() for limit in feeder.voltage_limits_pu)
    held = feeder.slack_voltages_pu
    low[dead], high[dead] = min(low.min(), held.min()), max(high.max(), held.max())
    return replace(
        feeder,
        r_pu=np.where(idle, 0.0, feeder.r_pu),
        x_pu=np.where(idle, 0.0, feeder.x_pu),
        ratio=np.where(idle, 1.0, feeder.ratio),
        y_from_pu=np.where(idle, 0.0, feeder.y_from_pu),
        y_to_pu=np.where(idle, 0.0, feeder.y_to_pu),
        shunt_pu=np.where(dead, 0.0, feeder.shunt_pu),
        current_max_pu=np.where(idle, np.inf, feeder.current_max_pu),
        current_max_to_pu=np.where(idle, np.inf, feeder.current_max_to_pu),
        voltage_min_pu=low,
        voltage_max_pu=high,
        cut_off=tuple(np.flatnonzero(dead).tolist()),
        given=feeder.given and feeder.given.with_branches(dict.fromkeys(sorted(opened), False)),
        origin=None,
    )


def served(load: Load) -> Load:
    """Return the load of what is supplied."""
    supplied = load.in_service.supplied
    if supplied is None:
        return load
    return replace(
        load,
        base_kw=load.base_kw * supplied,
        base_kvar=load.base_kvar * supplied,
        station_kw=load.station_kw * supplied,
    )


def with_unserved(dispatch: Dispatch, load: Load, feeder: Feeder) -> Dispatch:
    """Return the dispatch of the served part of *load* with what is cut off as shed, and told."""
    supplied = load.in_service.supplied
    if supplied is None:
        return dispatch
    return replace(
        dispatch,
        base_shed_kw=dispatch.base_shed_kw + load.base_kw * (1.0 - supplied),
        station_shed_kw=dispatch.station_shed_kw + load.station_kw * (1.0 - supplied),
        violations=(*dispatch.violations, *_unserved(dispatch, load, feeder)),
    )


def _unserved(dispatch: Dispatch, load: Load, feeder: Feeder) -> Iterator[Violation]:
    """Yield the load of each bus that is cut off in a period, or in a part of it."""
    lost = 1.0 - np.asarray(load.in_service.supplied)
    lost_kw = np.maximum(load.base_kw + load.station_kw, 0.0) * lost
    for t, i in np.argwhere(lost_kw > POWER_NOTICED_KW):
        period, bus, amount = dispatch.first_period + int(t), feeder.bus_names[i], float(lost_kw[t, i])
        part = f" for {lost[t, i]:.0%} of the period" if lost[t, i] < 1 else ""
        sentence = (
            f"period {period}, {at_bus(bus)}: {amount:.1f} kW cannot be served: the bus is cut off{part}."
        )
        yield Violation(period=period, bus=bus, kind="cut_off", amount=amount, sentence=sentence)
