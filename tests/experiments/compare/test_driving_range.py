"""Which charges the battery forced, trip by trip."""

from dataclasses import replace

import pandas as pd
import pytest

from cosim.arrays import Frame
from cosim.scenario import Scenario
from experiments.compare.causes import driving_range
from experiments.compare.indicator import Cause
from experiments.compare.sample import Sample
from experiments.run.many_days import recorded


def trips(*rows: tuple[float, float, str, str]) -> Frame:
    """Return trips: SOC at departure, length, class and status."""
    frame = pd.DataFrame(rows, columns=["soc_departure", "length_km", "user_class", "status"])
    return frame.assign(day=1, ev=range(1, len(rows) + 1))


def test_a_charge_is_forced_if_the_whole_trip_would_end_below_the_reserve(toy: Scenario) -> None:
    """At .17 kWh/km and 50 kWh a trip of 50 km takes .17: from .26 it would end at .09, from .28 at .11."""
    kept = trips(
        (0.26, 50.0, "charging", "arrived"),
        (0.28, 50.0, "charging", "arrived"),
        (0.26, 50.0, "charging", "on_the_way"),
        (0.26, 50.0, "not_charging", "arrived"),
        (0.01, 50.0, "charging", "stranded"),
        (0.60, 20.0, "not_charging", "arrived"),
        (0.60, 20.0, "charging", "arrived"),
        (0.14, 12.0, "charging", "arrived"),
    )
    equilibrium = Sample(name="equilibrium", model="equilibrium", days=(), seeds=(), config=toy.config)
    agents = replace(
        equilibrium, name="agents", model="agents", days=(recorded({"trips": kept}),), seeds=(1,)
    )
    (found,) = driving_range(Cause("range", equilibrium, agents))
    forced, stranded = 3, 1
    assert found.other == pytest.approx((forced + stranded) / 8)
    assert f"forces a charge on {forced:.1f} of 8" in found.sentence
    assert found.reference == 0.0
