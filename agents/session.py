"""One vehicle at a charger."""

import math
from dataclasses import dataclass

from cosim.messages import ChargeRequest

NO_POWER_KW = 1e-6
"""Less power than this fills no battery in a lifetime."""


@dataclass(slots=True)
class Session:
    """What a vehicle wants, has had and owes; its power is constant within a period."""

    request: ChargeRequest
    start_s: int
    remaining_kwh: float
    since_s: int
    """Energy is booked up to this second."""
    power_kw: float = 0.0
    delivered_kwh: float = 0.0
    paid_cny: float = 0.0

    @property
    def soc(self) -> float:
        """State of charge now: it rises evenly from that on arrival to the target."""
        if self.remaining_kwh == 0:
            return self.request.target_soc
        gained = self.delivered_kwh / self.request.energy_kwh
        return self.request.soc + gained * (self.request.target_soc - self.request.soc)

    def full_s(self) -> int | None:
        """Return the second at which the vehicle will be full at the present power; None if it draws none."""
        if self.power_kw < NO_POWER_KW:
            return None
        return self.since_s + math.ceil(3600 * self.remaining_kwh / self.power_kw)

    def deliver(self, now_s: int, price_cny_per_kwh: float) -> float:
        """Book and return the energy delivered up to *now_s*: all that remains, once the vehicle is full."""
        full_s = self.full_s()
        is_full = full_s is not None and now_s >= full_s
        energy_kwh = self.remaining_kwh if is_full else self.power_kw * (now_s - self.since_s) / 3600
        self.since_s = now_s
        self.remaining_kwh = 0.0 if is_full else self.remaining_kwh - energy_kwh
        self.delivered_kwh += energy_kwh
        self.paid_cny += energy_kwh * price_cny_per_kwh
        return energy_kwh
