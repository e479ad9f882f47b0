"""The meters at the stations: energy drawn, independent of messages.

Unlike a message, energy cannot be late or lost. The operator's power flow of a period that has ended reads the
meters, so that the load of the feeder is the energy delivered by the stations.
"""

import math
from collections import defaultdict

from cosim.periods import PeriodOfDay


class Meter:
    """Energy drawn by each station in each period [kWh], at the grid side."""

    def __init__(self) -> None:
        """Start at zero everywhere."""
        self._readings_kwh: dict[tuple[str, PeriodOfDay], list[float]] = defaultdict(list)

    def record(self, station: str, period: PeriodOfDay, energy_kwh: float) -> None:
        """Add energy drawn."""
        self._readings_kwh[station, period].append(energy_kwh)

    def energy_kwh(self, station: str, period: PeriodOfDay) -> float:
        """Return the energy drawn by a station in a period: the exact sum, independent of the order of readings."""
        return math.fsum(self._readings_kwh.get((station, period), ()))
