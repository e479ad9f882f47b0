"""The figures of a day: trips, sessions, energy, waits, cost, losses, voltages, prices."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.results import Recorder
from experiments.compare.sample import Sample
from experiments.compare.two_samples import two_samples


@dataclass(frozen=True, slots=True)
class Total:
    """A figure of the day, computed from one table."""

    name: str
    table: str
    figure: Callable[[Frame, float], float]
    """Of the rows and the length of a period in hours."""
    outlasts: bool = False
    """Whether what outlasts the day belongs to it: the equilibrium assigns all of a trip to its departure."""
    is_mean: bool = False
    """Whether the mean of many days of agents should be that of the equilibrium; no convex figure of a load is."""


def mean_wait_min(stations: Frame, hours: float) -> float:
    """Return the mean wait of a charging session [min].

    Of agents by Little's law, vehicle-minutes waited over arrivals, in all that *stations* covers: an EV that
    never got a charger has waited until the end of it. Of an equilibrium the mean of Davidson's waits, weighted by
    arrivals.
    """
    arrivals = float(stations.arrivals.sum())
    if not arrivals:
        return 0.0
    if stations.queue_mean.notna().any():
        return float(stations.queue_mean.sum()) * 60 * hours / arrivals
    return float((stations.wait_min * stations.arrivals).sum()) / arrivals


def _trips(paths: Frame, hours: float) -> float:
    return float(paths[paths.user_class != "car"].flow_veh_h.sum()) * hours


TOTALS = (
    Total("EV trips begun", "paths", _trips, outlasts=True, is_mean=True),
    Total("charging sessions", "stations", lambda t, _: float(t.arrivals.sum()), outlasts=True, is_mean=True),
    Total("time on the roads [veh h]", "links", lambda t, h: _road_minutes(t) * h / 60, outlasts=True),
    Total("energy charged [kWh]", "stations", lambda t, _: float(t.energy_kwh.sum()), outlasts=True),
    Total("mean wait [min]", "stations", mean_wait_min, outlasts=True),
    Total("mean charging price [CNY/kWh]", "prices", lambda t, _: float(t.charging_price_cny_per_kwh.mean())),
    Total("mean nodal price [CNY/kWh]", "buses", lambda t, _: float(t.nodal_price_cny_per_kwh.mean())),
    Total("cost of the day [CNY]", "dispatch", lambda t, _: float(t.cost_cny.sum(skipna=False))),
    Total("losses [kWh]", "dispatch", lambda t, h: float(t.losses_kw.sum(skipna=False)) * h),
    Total(
        "peak purchase [kW]",
        "dispatch",
        lambda t, _: float(t.groupby("period").purchase_kw.sum(min_count=1).max()),
    ),
    Total("lowest voltage [p.u.]", "dispatch", lambda t, _: float(t.voltage_min_pu.min())),
    Total("highest voltage [p.u.]", "dispatch", lambda t, _: float(t.voltage_max_pu.max())),
)


def _road_minutes(links: Frame) -> float:
    roads = links[links.kind == "road"]
    return float((roads.flow_veh_h * roads.time_min).sum())


def compare_totals(recorder: Recorder, pair: int, reference: Sample, other: Sample) -> None:
    """Write ``totals``."""
    for total in TOTALS:
        first, second = per_day(total, reference), per_day(total, other)
        if first is None or second is None:
            continue
        samples = two_samples(reference, other, first[:, np.newaxis], second[:, np.newaxis])
        columns = {name: column[0] for name, column in samples.columns().items()}
        comparable = total.is_mean or reference.model == other.model
        p_value = float(samples.p_value()[0]) if comparable else float("nan")
        recorder.add_row("totals", pair=pair, quantity=total.name, **columns, p_value=p_value)


def per_day(total: Total, sample: Sample) -> FloatArray | None:
    """Return the figure of each replication; None if the sample has no such table."""
    frames = sample.with_carry_over(total.table) if total.outlasts else sample.tables(total.table)
    if any(frame.empty for frame in frames):
        return None
    return np.array([total.figure(frame, sample.hours) for frame in frames])
