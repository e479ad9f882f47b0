"""How far the agents' traffic is from the equilibrium, day by day, beside what chance alone would leave."""

import math

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.results import Recorder


def learning_table(agents: Frame, equilibrium: Frame, *, days: int, hours: float) -> Frame:
    """Return the table ``learning``: the links of the agents' *days* against the equilibrium's, by periods of *hours*.

    The distance of a day is |x - x*| / |x*| in the Euclidean norm over all links and periods. If every trip were drawn
    from the equilibrium, counts would be close to Poisson: the variance of a flow x counted in h hours is x / h. So
    the expected distance of such draws, the sampling floor, is sqrt(sum x* / h) / |x*|.
    """
    recorder = Recorder()
    expected = equilibrium.sort_values(["period", "link"])
    station = (expected.kind == "charging").to_numpy()
    for day, counted in agents[agents.day <= days].sort_values(["period", "link"]).groupby("day"):
        evs, evs_expected = _evs(counted), _evs(expected)
        whole, whole_expected = counted.flow_veh_h.to_numpy(), expected.flow_veh_h.to_numpy()
        floor = sampling_floor(evs_expected, hours)
        recorder.add_row(
            "learning",
            day=day,
            ev_distance=distance(evs, evs_expected),
            ev_floor=floor,
            ev_ratio=distance(evs, evs_expected) / floor,
            flow_distance=distance(whole, whole_expected),
            flow_floor=_over(float(np.sqrt(evs_expected.sum() / hours)), norm(whole_expected)),
            station_distance=distance(evs[station], evs_expected[station]),
            station_floor=sampling_floor(evs_expected[station], hours),
        )
    return recorder.frame("learning")


def distance(flow_veh_h: FloatArray, expected_veh_h: FloatArray) -> float:
    """Return |x - x*| / |x*|; NaN where nobody is expected."""
    return _over(norm(flow_veh_h - expected_veh_h), norm(expected_veh_h))


def sampling_floor(expected_veh_h: FloatArray, hours: float) -> float:
    """Return the distance expected of Poisson counts over periods of *hours*; NaN where nobody is expected."""
    return _over(float(np.sqrt(expected_veh_h.sum() / hours)), norm(expected_veh_h))


def _over(value: float, size: float) -> float:
    return value / size if size else math.nan


def norm(values: FloatArray) -> float:
    """Return the Euclidean norm."""
    return float(np.linalg.norm(values))


def _evs(links: Frame) -> FloatArray:
    flow: FloatArray = (links.ev_not_charging_veh_h + links.ev_charging_veh_h).to_numpy()
    return flow
