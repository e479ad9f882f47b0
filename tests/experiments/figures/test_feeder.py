"""Figures of a feeder, of days that went wrong as well."""

import numpy as np
import pandas as pd

from experiments.figures.feeder import voltages


def test_voltages_of_a_feeder_without_a_power_flow_are_drawn_as_none() -> None:
    """As at a load beyond what it can carry: every voltage is NaN."""
    rows = [(period, bus, np.nan, kw) for period in (1, 2) for bus, kw in (("1", 0.0), ("4", 60.0))]
    buses = pd.DataFrame(rows, columns=["period", "bus", "voltage_pu", "station_kw"])
    limits = {"voltage_min_pu": 0.95, "voltage_max_pu": 1.05}
    drawing = voltages(buses, limits, 60.0)
    assert any("4" in (trace.name or "") for trace in drawing.data)
