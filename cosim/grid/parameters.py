"""The parameter values that one solve puts into the compiled dispatch, one row per period, in per unit of 1 MVA."""

from dataclasses import replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.builder import Parameters, marks
from cosim.grid.equations import limited_ends, limits_at_ends
from cosim.grid.model import ProblemStructure
from cosim.grid.problem import Load, ProblemData
from cosim.grid.radial import BASE_KVA
from cosim.grid.sources import Row, rows_that_can_bind

SMALL_PU, LARGE_PU = 0.01, 10.0
"""Currents [p.u. of 1 MVA] between which a branch needs no scale."""
LEAST_CURRENT_PU = 1e-3
"""Limits on currents that are only cuts are not below this."""
CUT_MARGIN = 1.0001
"""Cuts stay this far above what they cut off: one that can be met takes part of the price of the limit that binds."""


def parameters(structure: ProblemStructure, data: ProblemData) -> Parameters:
    """Return every parameter of the dispatch of *structure* at *data*."""
    load, feeder = data.load, structure.feeder
    by_period = {
        "price": data.price_cny_per_kwh[:, None],
        "loss_price": np.full((data.periods, 1), data.loss_price_cny_per_mwh),
        "load_p": (load.base_kw + load.station_kw) / BASE_KVA,
        "load_q": load.base_kvar / BASE_KVA,
        **_by_run(structure, data),
    }
    before: dict[str, FloatArray] = {}
    ends: dict[str, FloatArray] = {}
    for group in structure.groups:
        own = group.parameters(data, feeder)
        by_period.update(own.by_period)
        before.update(own.before)
        ends.update(own.ends)
    if structure.elastic:
        by_period |= _sheddable(load, feeds_in=feeder.feeds_in)
    return Parameters(by_period=by_period, before=before, ends=ends)


def _by_run(structure: ProblemStructure, data: ProblemData) -> dict[str, FloatArray]:
    """Return `_current2_max` of all periods; of what a network has fewer of, the rest of a row is 0."""
    runs = [
        (run, _current2_max(own, data.between(run.start, run.stop) if structure.networks else data))
        for run, own in structure.runs(data.periods)
    ]
    if len(runs) == 1:
        return runs[0][1]
    names = dict.fromkeys(name for _, values in runs for name in values)
    whole = {}
    for name in names:
        width = max(values[name].shape[1] for _, values in runs if name in values)
        whole[name] = np.zeros((data.periods, width))
        for run, values in runs:
            if name in values:
                whole[name][run, : values[name].shape[1]] = values[name]
    return whole


def _sheddable(load: Load, *, feeds_in: bool) -> dict[str, FloatArray]:
    base, fed_in = np.maximum(load.base_kw, 0.0), np.maximum(-load.base_kw, 0.0)
    kept = base + fed_in * feeds_in
    ratio = np.divide(load.base_kvar, load.base_kw, out=np.zeros_like(base), where=kept > 0)
    return ({"feed_in_off_max": fed_in / BASE_KVA} if feeds_in else {}) | {
        "base_shed_max": base / BASE_KVA,
        "base_q_per_p": ratio,
        "station_shed_max": np.maximum(load.station_kw, 0.0) / BASE_KVA,
    }


def _reach(structure: ProblemStructure, data: ProblemData) -> tuple[FloatArray, FloatArray, float]:
    """Return the largest power of each bus, and current of each branch, in any AC power flow within the limits.

    And the highest voltage. By Kirchhoff's law a branch carries the sum of the currents below it, each at most
    S_max / v_min.
    """
    feeder, load = structure.feeder, data.load
    low, high = feeder.voltage_limits_pu
    lowest, highest = float(low.min()), float(high.max())
    if structure.elastic is not None:
        lowest, highest = min(lowest, structure.elastic.voltage_floor_pu), max(highest, 2.0)
    load_kw = np.abs(load.base_kw) + load.station_kw
    for group in structure.groups:
        load_kw = load_kw + group.movable_kw(data)
    largest = np.hypot(load_kw, load.base_kvar) / BASE_KVA
    ratings = sum(group.rating_pu(data, feeder) @ group.at(feeder) for group in structure.devices.loads_last)
    largest = largest + ratings + np.abs(feeder.admittance_at_bus) * highest**2
    scale = feeder.ratio_to_slack
    return largest, CUT_MARGIN * feeder.sum_below(largest / scale) / lowest * scale[feeder.to_bus], highest


def source_rows(structure: ProblemStructure, data: ProblemData) -> tuple[Row, ...]:
    """Return the limits of sources that can bind; those that cannot add no row to the problem."""
    if structure.networks:
        parts = (
            source_rows(replace(own, networks=()), data.between(run.start, run.stop))
            for run, own in structure.runs(data.periods)
        )
        return tuple(sorted({row for part in parts for row in part}))
    feeder = structure.feeder
    if feeder.source_limits_kva is None:
        return ()
    largest, reach, _ = _reach(structure, data)
    leaving = (reach / feeder.ratio) @ marks(feeder.from_bus, feeder)
    at = feeder.slack_buses
    most = (feeder.slack_voltages_pu * leaving[:, at] + largest[:, at]).max(axis=0)
    return rows_that_can_bind(feeder, most, export=structure.export)


def _current2_max(structure: ProblemStructure, data: ProblemData) -> dict[str, FloatArray]:
    """Return the squares of currents no branch can exceed in any AC power flow within the limits.

    The cones alone allow any current, so where losses pay (prices below zero) the relaxation would run away. Where a
    branch has a limit that can bind, it holds here: of its series current where it has no charging, else at its ends.
    """
    feeder = structure.feeder
    _, reach, highest = _reach(structure, data)
    own, near_max, far_max = (limit * (1.0 - structure.margin.current) for limit in limits_at_ends(feeder))
    ends = limited_ends(feeder)
    squared = {"current2_max": np.minimum(np.maximum(reach, LEAST_CURRENT_PU), own) ** 2}
    for name, at, limit, y in (
        ("near2_max", ends.near, near_max, feeder.y_from_pu),
        ("far2_max", ends.far, far_max, feeder.y_to_pu),
    ):
        if at.size:
            squared[name] = np.minimum(reach + np.abs(y) * 2.0 * highest, limit)[:, at] ** 2
    return squared


def current_scale(structure: ProblemStructure, data: ProblemData) -> tuple[float, ...]:
    """Return about the largest current of each branch for `equations.cone`; empty where all are about 1 p.u."""
    still = replace(structure, responding=())  # load that may move to any bus is rarely there
    largest = np.sqrt(_current2_max(still, data)["current2_max"].max(axis=0, initial=0.0))
    if ((largest >= SMALL_PU) & (largest <= LARGE_PU)).all():
        return ()
    scale = np.where(largest > LARGE_PU, np.sqrt(largest), np.where(largest < SMALL_PU, largest, 1.0))
    return tuple((2.0 ** np.round(np.log2(np.maximum(scale, LEAST_CURRENT_PU)))).tolist())
