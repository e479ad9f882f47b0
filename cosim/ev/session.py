"""One vehicle at a charging station: what it wants, has had and owes. Energies are on the grid side."""

import math
from dataclasses import dataclass, field

NO_POWER_KW = 1e-6
"""Less power than this fills no battery in a lifetime."""
NEVER_S = 1 << 62


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """A vehicle from its arrival on; once plugged in, its power is constant between two readings."""

    ev: int
    trip: int
    arrival_s: int
    energy_kwh: float
    """Wanted."""
    soc: float
    """On arrival."""
    soc_target: float
    most_kw: float = math.inf
    """What the vehicle takes at most, on the grid side."""
    start_s: int = -1
    """Second of plugging in; -1 while it waits."""
    end_s: int = -1
    """Second of unplugging; -1 before."""
    since_s: int = -1
    """Energy is booked up to this second."""
    power_kw: float = 0.0
    remaining_kwh: float = field(init=False)
    delivered_kwh: float = 0.0
    paid_cny: float = 0.0

    def __post_init__(self) -> None:
        """Nothing is delivered yet."""
        self.remaining_kwh = self.energy_kwh

    @property
    def soc_now(self) -> float:
        """State of charge now: it rises evenly from that on arrival to the target."""
        if self.remaining_kwh == 0:
            return self.soc_target
        return self.soc + self.delivered_kwh / self.energy_kwh * (self.soc_target - self.soc)

    def plug_in(self, now_s: int) -> None:
        """Take a charger."""
        self.start_s = self.since_s = now_s

    def draw(self, power_kw: float) -> None:
        """Charge on at what the charger gives, or at what the vehicle takes, if that is less."""
        self.power_kw = min(power_kw, self.most_kw)

    def duration_s(self, power_kw: float) -> int:
        """Return the whole seconds until the vehicle is full at a charger of *power_kw*; about for ever at none."""
        drawn_kw = min(power_kw, self.most_kw)
        return NEVER_S if drawn_kw < NO_POWER_KW else math.ceil(3600 * self.remaining_kwh / drawn_kw)

    def full_s(self) -> int:
        """Return the second at which the vehicle will be full at its present power."""
        return self.since_s + self.duration_s(self.power_kw)

    def deliver(self, now_s: int, price_cny_per_kwh: float) -> float:
        """Book and return the energy delivered up to *now_s*: all that remains, once the vehicle is full."""
        is_full = now_s >= self.full_s()
        energy_kwh = self.remaining_kwh if is_full else self.power_kw * (now_s - self.since_s) / 3600
        self.since_s = now_s
        self.remaining_kwh = 0.0 if is_full else self.remaining_kwh - energy_kwh
        self.delivered_kwh += energy_kwh
        self.paid_cny += energy_kwh * price_cny_per_kwh
        return energy_kwh
