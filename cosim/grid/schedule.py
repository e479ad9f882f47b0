"""What a dispatch is asked and what it answers, as plain values (this module knows no solver).

Arrays are (periods of the horizon, things); powers are kW and kvar, energies kWh at the end of a period.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.devices import PriceResponse
from cosim.grid.feeder import Feeder

REPORT_BASE_KVA = 10_000.0
"""Base of the relaxation error (Eq. 23), as published for this feeder."""
SMALL_CURRENT_PU = 1e-3
"""Below this current [p.u. of 10 MVA] `relaxation_error` is measured by the residual of the cone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """The load of each period and bus, and what the weather offers.

    Stations charge at unity power factor and can be shed apart.
    """

    base_kw: FloatArray
    base_kvar: FloatArray
    station_kw: FloatArray
    renewable_kw: FloatArray | None = None
    """Power each renewable unit offers, (periods, units); None is what its profile says."""
    response: PriceResponse | None = None
    """How the load of stations answers nodal prices; None: not within the dispatch."""

    @classmethod
    def scaled(cls, feeder: Feeder, profile_pu: FloatArray, station_kw: FloatArray | None = None) -> "Load":
        """Return the feeder's nominal load times a profile per period, or per (period, bus)."""
        profile = np.asarray(profile_pu, dtype=np.float64)
        profile = profile[:, None] if profile.ndim == 1 else profile
        base_kw, base_kvar = profile * feeder.load_kw, profile * feeder.load_kvar
        return cls(
            base_kw=base_kw,
            base_kvar=base_kvar,
            station_kw=np.zeros_like(base_kw) if station_kw is None else station_kw,
        )

    def since(self, offset: int) -> "Load":
        """Return the load without its first *offset* periods."""
        return self.between(offset, len(self.base_kw))

    def between(self, start: int, stop: int) -> "Load":
        """Return the load of the periods from *start* up to *stop*, counted from 0."""
        return Load(
            base_kw=self.base_kw[start:stop],
            base_kvar=self.base_kvar[start:stop],
            station_kw=self.station_kw[start:stop],
            renewable_kw=None if self.renewable_kw is None else self.renewable_kw[start:stop],
            response=None if self.response is None else self.response.between(start, stop),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DispatchState:
    """What one period leaves to the next."""

    turbine_kw: FloatArray
    """Output of each turbine; NaN where the next output is free."""
    storage_kwh: FloatArray
    owed_kwh: FloatArray
    """Energy each demand-response bus shifted out and has not yet got back."""
    v2g_kwh: FloatArray = field(default_factory=lambda: np.zeros(0))
    """Energy in the vehicles plugged in at each V2G charger."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Horizon:
    """The periods a dispatch covers: from ``first_period`` (1..T) on, as many as the load has."""

    first_period: int = 1
    period_h: float = 1.0
    state: DispatchState | None = None
    """What the period before left; None starts the day as the devices say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elastic:
    """What breaking a limit costs where no dispatch keeps them all; the cheapest gives way first."""

    voltage_cny_per_pu2_h: float = 1e4
    """Per unit of squared voltage outside the band, bus and hour."""
    voltage_floor_pu: float = 0.80
    station_cny_per_kwh: float = 10.0
    base_cny_per_kwh: float = 100.0
    promise_cny_per_kwh: float = 50.0
    """Energy a store or a demand-response bus should have at the end."""
    renewable_cny_per_kwh: float = 2.0
    """Renewables forced off; below the ladder's last rung, or burning the energy as losses would pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How to dispatch: what is allowed, what counts as exact, which solver."""

    export: bool = False
    loss_price_cny_per_mwh: float = 0.0
    """mu of Eq. 21. Bought energy already pays for its losses, so it is 0 outside the ladder."""
    ladder_cny_per_mwh: tuple[float, ...] = (1, 10, 100, 200, 400, 800, 1600, 3200, 10_000, 30_000)
    """Loss prices tried in turn while the relaxation is not exact."""
    exact_pu: float = 1e-6
    """Largest relaxation error, and largest voltage mismatch to the AC power flow, that count as exact."""
    elastic: Elastic = field(default_factory=Elastic)
    solver: Literal["auto", "clarabel", "mosek"] = "auto"
    idle_without_answer: bool = False
    """Where even giving way leads to no answer: leave the units idle and say so, instead of raising an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One limit the elastic dispatch breaks, by how much, and the sentence that says so."""

    period: int
    bus: str
    kind: Literal["undervoltage", "overvoltage", "station_shed", "base_shed", "renewable_off", "promise"]
    amount: float
    """p.u. for voltages, kW for power, kWh for promised energy."""
    sentence: str

    def __str__(self) -> str:
        """Say it as a sentence."""
        return self.sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The parts of Eq. 21 [CNY], and what the elastic dispatch paid for broken limits (not in the total)."""

    turbine_cny: float
    purchase_cny: float
    shift_cny: float
    penalty_cny: float = 0.0
    moving_cny: float = 0.0
    """What who draws it asks for the load that moves to where it is cheaper (not in the total)."""

    @property
    def total_cny(self) -> float:
        """Eq. 21 without loss price and without penalties."""
        return self.turbine_cny + self.purchase_cny + self.shift_cny


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What one solve gives: the set-points of a horizon, and the network they lead to."""

    cost: Cost
    turbine_kw: FloatArray
    turbine_kvar: FloatArray
    charge_kw: FloatArray
    discharge_kw: FloatArray
    storage_kwh: FloatArray
    renewable_kw: FloatArray
    renewable_kvar: FloatArray
    shift_out_kw: FloatArray
    shift_in_kw: FloatArray
    owed_kwh: FloatArray
    v2g_charge_kw: FloatArray
    v2g_discharge_kw: FloatArray
    v2g_kwh: FloatArray
    v2g_short_kwh: FloatArray
    """Energy that departing vehicles lack of what they should take along; negative where they take more."""
    response_kw: FloatArray
    """By how much load that answers prices is above what it was given as; one column per answering bus."""
    station_shed_kw: FloatArray
    base_shed_kw: FloatArray

    purchase_kw: FloatArray
    purchase_kvar: FloatArray
    injection_kw: FloatArray
    """Net injection of each bus, without the purchase; ``injection_kvar`` likewise."""
    injection_kvar: FloatArray
    voltage_pu: FloatArray
    branch_kw: FloatArray
    """Power entering each branch at its sending end; ``branch_kvar`` likewise."""
    branch_kvar: FloatArray
    branch_current_pu: FloatArray
    losses_kw: FloatArray
    price_cny_per_kwh: FloatArray
    """Nodal price of each period and bus: what one more kWh there would cost."""
    relaxation_error: FloatArray

    @property
    def objective_cny(self) -> float:
        """What the solve minimised, without the loss price."""
        return self.cost.total_cny + self.cost.penalty_cny + self.cost.moving_cny

    @property
    def store_powers_kw(self) -> tuple[FloatArray, FloatArray]:
        """What goes into and out of all that stores: storage first, then V2G chargers."""
        into = np.hstack([self.charge_kw, self.v2g_charge_kw])
        return into, np.hstack([self.discharge_kw, self.v2g_discharge_kw])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispatch(Answer):
    """The set-points of a horizon, the network they lead to, and how far they can be trusted."""

    feeder_name: str
    first_period: int
    period_h: float
    status: Literal["optimal", "elastic", "no answer"]
    """``elastic`` where limits had to give way; ``no answer`` where units stand idle for want of a dispatch."""
    solver: str
    remedy: str
    """``none``, or what made the answer exact, such as ``loss price 10, storage signs fixed``."""
    doubt: str
    """Empty where the answer is certified; otherwise why it is not."""
    lower_bound_cny: float
    """Optimum of the relaxation (with penalties where elastic): no dispatch is cheaper."""
    violations: tuple[Violation, ...]
    ac_mismatch_pu: FloatArray
    """Largest difference of a voltage to the AC power flow at the set-points, per period; NaN if none exists."""

    @property
    def period_count(self) -> int:
        """Number of periods of the horizon."""
        return len(self.purchase_kw)

    @property
    def cost_cny(self) -> float:
        """Cost of the horizon, Eq. 21 without loss price and penalties."""
        return self.cost.total_cny

    @property
    def gap(self) -> float:
        """Cost above the lower bound, relative to it; 0 where no remedy was needed, inf without a bound."""
        if not np.isfinite(self.lower_bound_cny):
            return float("inf")
        above = self.objective_cny - self.lower_bound_cny
        return above / max(abs(self.lower_bound_cny), 1.0)

    @property
    def certified(self) -> bool:
        """Whether the relaxation is exact, AC power flow agrees, and no store charges and discharges at once."""
        return not self.doubt

    def row(self, period: int) -> int:
        """Return the row of *period* (1..T) in every array."""
        row = period - self.first_period
        if not 0 <= row < self.period_count:
            last = self.first_period + self.period_count - 1
            msg = f"period {period} is not in this dispatch, which covers {self.first_period} to {last}"
            raise ValueError(msg)
        return row

    def state_after(self, period: int) -> DispatchState:
        """Return what *period* leaves to the next, so that a rolling horizon can go on from there."""
        row = self.row(period)
        return DispatchState(
            turbine_kw=self.turbine_kw[row].copy(),
            storage_kwh=self.storage_kwh[row].copy(),
            owed_kwh=self.owed_kwh[row].copy(),
            v2g_kwh=self.v2g_kwh[row].copy(),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BranchFlow:
    """Squared voltage at the sending end, squared current and power of branches [p.u. of 1 MVA]."""

    voltage2: FloatArray
    current2: FloatArray
    p: FloatArray
    q: FloatArray


def relaxation_error(flow: BranchFlow, base_kva: float = 1000.0) -> FloatArray:
    """Return |sqrt(l) - sqrt(P^2+Q^2)/sqrt(v)| of each branch (Eq. 23, corrected) on a 10 MVA base.

    Written as |l v - P^2 - Q^2| / (sqrt(v) (sqrt(l v) + sqrt(P^2+Q^2))), the denominator not below
    `SMALL_CURRENT_PU`: at small currents the square root would only magnify the solver's noise, and the error
    is within 1e-6 exactly where |l v - P^2 - Q^2| <= 1e-9.
    """
    scale = base_kva / REPORT_BASE_KVA
    lv = np.maximum(flow.current2 * flow.voltage2, 0.0) * scale**2
    s2 = (flow.p**2 + flow.q**2) * scale**2
    denominator = np.sqrt(flow.voltage2) * (np.sqrt(lv) + np.sqrt(s2))
    error: FloatArray = np.abs(lv - s2) / np.maximum(denominator, SMALL_CURRENT_PU)
    return error
