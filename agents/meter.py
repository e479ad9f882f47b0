"""The meters at the stations: energy that flowed, whatever the messages say.

Electricity is not information: it cannot be late or lost. The operator's power flow of a period that has ended
reads the meters, so that what the stations delivered is what the feeder saw.
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
        """Return the energy drawn by a station in a period: the exact sum, in whatever order it was read."""
        return math.fsum(self._readings_kwh.get((station, period), ()))
