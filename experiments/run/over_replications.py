"""A replicated run in a few figures: means with 95 % intervals, and on how many days a limit is broken."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.scenario import Scenario
from cosim.tables import AFTER_MIDNIGHT
from experiments.compare.significance import half_width
from experiments.run.many_days import Reader, reader_of_last_day
from experiments.run.summary import NOTES, WATCHED, summarise

MEANS = (
    "trips",
    "stranded",
    "sessions",
    "energy_kwh",
    "wait_min",
    "charger_occupancy",
    "energy_utilisation",
    "revenue_cny",
    "unserved_kwh",
    "cost_cny",
    "losses_kwh",
    "voltage_min_pu",
)
"""Figures of the summary that become the mean over the days."""
LARGEST = ("relaxation_error_max", "ac_mismatch_max_pu")
"""Figures that become the largest of all days."""
OUTLASTING = ("evs", "stations", "dispatch")
READ = (*OUTLASTING, *(f"{name}{AFTER_MIDNIGHT}" for name in OUTLASTING), "mail", "violations")
"""Tables that these figures are of."""
ONE_DAY: dict[str, Any] = {"interval_95": {}, "replications_broken": None}
"""What a day that was not repeated says of these."""


def over_replications(scenario: Scenario, replications: Sequence[Reader]) -> dict[str, Any]:
    """Return the figures of the summary over all replications of the agents' day, the last of several.

    Messages and broken invariants are those of all together. ``interval_95`` holds the 95 % interval of each mean, by
    figure; ``replications_broken`` is the number of replications that break a limit.
    """
    last_days = [reader_of_last_day(read, scenario.config.days) for read in replications]
    days = [summarise(scenario, {"agents": {name: read(name) for name in READ}}) for read in last_days]
    values = {key: np.array([day[key] for day in days], dtype=np.float64) for key in MEANS}
    known = {key: value for key, value in values.items() if np.isfinite(value).sum() > 1}
    found = violations_of(replications)
    return {
        **{key: float(np.nanmean(value)) for key, value in known.items()},
        **{key: max(day[key] for day in days) for key in LARGEST},
        **{key: sum(day[key] for day in days) for key in WATCHED},
        "interval_95": {key: _interval(value) for key, value in known.items()},
        "replications_broken": int(found.replication[~found.kind.isin(NOTES)].nunique()),
    }


def _interval(values: FloatArray) -> list[float]:
    mean, width = float(np.nanmean(values)), float(half_width(values))
    return [mean - width, mean + width]


def violations_of(replications: Sequence[Reader]) -> Frame:
    """Return the table violations of all replications, with their number in the column ``replication``."""
    import pandas as pd

    tables = [
        read("violations").assign(replication=number) for number, read in enumerate(replications, start=1)
    ]
    return pd.concat([table for table in tables if len(table)] or tables[:1])
