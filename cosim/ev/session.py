"""One charging session: energy requested, delivered and paid. Energies are on the grid side."""

import math
from dataclasses import dataclass, field

MIN_POWER_KW = 1e-6
"""Power below which a session counts as not charging: its end would overflow the clock."""
NEVER_S = 1 << 62
"""Second of an event that does not happen."""


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """A vehicle from its arrival at the station on; its power is constant between two meter readings."""

    ev: int
    day: int
    """Day on which the trip set out."""
    trip: int
    """Number of the trip in its day."""
    arrival_s: int
    energy_kwh: float
    """Energy requested on arrival."""
    soc: float
    """State of charge on arrival."""
    soc_target: float
    max_power_kw: float = math.inf
    """Limit of the vehicle on the grid side."""
    start_s: int = -1
    """Second of plugging in; -1 while it waits."""
    end_s: int = -1
    """Second of unplugging; -1 before."""
    metered_until_s: int = -1
    """Second up to which energy is metered."""
    power_kw: float = 0.0
    stays: bool = False
    """Whether it waits at a station that is closed, for nothing else is left to it."""
    remaining_kwh: float = field(init=False)
    delivered_kwh: float = 0.0
    paid_cny: float = 0.0

    def __post_init__(self) -> None:
        """Set the remaining energy to the energy requested."""
        self.remaining_kwh = self.energy_kwh

    @property
    def soc_now(self) -> float:
        """State of charge at the last reading: linear in the energy delivered, from arrival to target."""
        if self.remaining_kwh == 0:
            return self.soc_target
        return self.soc + self.delivered_kwh / self.energy_kwh * (self.soc_target - self.soc)

    def plug_in(self, now_s: int) -> None:
        """Start the session at a charger."""
        self.start_s = self.metered_until_s = now_s

    def set_power(self, power_kw: float) -> None:
        """Set the power to that of the charger, or the vehicle's limit if that is less."""
        self.power_kw = min(power_kw, self.max_power_kw)

    def duration_s(self, power_kw: float) -> int:
        """Return the whole seconds until completion at a charger of *power_kw*; NEVER_S without power."""
        drawn_kw = min(power_kw, self.max_power_kw)
        return NEVER_S if drawn_kw < MIN_POWER_KW else math.ceil(3600 * self.remaining_kwh / drawn_kw)

    def completion_s(self) -> int:
        """Return the second at which the session completes at its present power."""
        return self.metered_until_s + self.duration_s(self.power_kw)

    def deliver(self, now_s: int, price_cny_per_kwh: float) -> float:
        """Update the session up to *now_s* and return the energy delivered since the last reading [kWh].

        From the second of completion on it is all that remains.
        """
        is_complete = now_s >= self.completion_s()
        energy_kwh = (
            self.remaining_kwh if is_complete else self.power_kw * (now_s - self.metered_until_s) / 3600
        )
        self.metered_until_s = now_s
        self.remaining_kwh = 0.0 if is_complete else self.remaining_kwh - energy_kwh
        self.delivered_kwh += energy_kwh
        self.paid_cny += energy_kwh * price_cny_per_kwh
        return energy_kwh
