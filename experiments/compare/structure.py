"""What differs without any chance: cars between two nodes, and roads or stations that only one of two samples has."""

import math
from collections.abc import Mapping

import pandas as pd

from cosim.arrays import Frame
from experiments.compare.families import Family
from experiments.compare.sample import Sample
from experiments.compare.scenario_causes import SAME


def certain_differences(reference: Sample, other: Sample, tables: Mapping[str, Frame]) -> tuple[Family, ...]:
    """Return what is compared exactly, and how much of it differs: no p-value belongs to it.

    Cars are flows, not draws. A road or station of one sample only counts where that sample uses it, however little.
    """
    first, second = (_cars_by_od(sample) for sample in (reference, other))
    first, second = first.align(second, fill_value=0.0)
    apart = (first - second).abs() > SAME * first
    differences = tables["differences"]
    used = differences[(differences.quantity == "ev_veh_h") & differences.kind.isin(["link", "station"])]
    items = (
        used.assign(alone=(used.found_in != "both") & (used.difference != 0)).groupby(["kind", "item"]).alone
    )
    found = [
        ("car totals of ODs", apart.to_numpy()),
        ("roads and stations found in one only", items.any().to_numpy()),
    ]
    return tuple(
        Family(name=name, tests=rows.size, p_value=math.nan, rejected=int(rows.sum()))
        for name, rows in found
        if rows.size
    )


def _cars_by_od(sample: Sample) -> Frame:
    """Return the flows of cars by OD, of all periods together, the mean over the replications."""
    cars = pd.concat([frame[frame.user_class == "car"] for frame in sample.tables("paths")])
    return cars.groupby(["origin", "destination"]).flow_veh_h.sum() / len(sample.days)
