"""Question to a dispatch: load, horizon, rules (this module knows no solver and no kind of device).

Arrays are (periods of the horizon, things); powers are kW and kvar, energies kWh at the end of a period.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import Field

from cosim.arguments import Numbers, checked
from cosim.arrays import BoolArray, FloatArray
from cosim.errors import Problem, refuse
from cosim.grid.in_service import ALL_IN_SERVICE, InService
from cosim.grid.radial import Feeder
from cosim.sections import Count, NonNegative, PerUnitVoltage, Positive
from cosim.short_repr import short_repr

DispatchState = Mapping[str, FloatArray]
"""State at the end of a period: arrays of the devices by name, such as ``storage_kwh`` (devices,)."""


class LoadResponse(Protocol):
    """Load that moves from bus to bus with the price, see `device.price_response`."""

    @property
    def buses(self) -> tuple[str, ...]:
        """The buses where it is drawn."""

    @property
    def load_kw(self) -> FloatArray:
        """Load drawn at the expected price, (periods, buses)."""

    @property
    def price_cny_per_kwh(self) -> FloatArray:
        """The price expected, (periods, buses)."""

    @property
    def slope_root(self) -> FloatArray:
        """R with R R' = slope, (periods, buses, buses)."""

    def between(self, start: int, stop: int) -> "LoadResponse":
        """Return the response in the periods from *start* up to *stop*, counted from 0."""


@short_repr
@checked
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """The load of each period and bus, what the weather offers, and what is in service.

    Stations charge at unity power factor and can be shed apart.
    """

    base_kw: Numbers
    base_kvar: Numbers
    station_kw: Numbers
    renewable_kw: Numbers | None = None
    """Power each renewable device offers, (periods, devices); None is what its profile says."""
    response: LoadResponse | None = None
    """How the load of stations answers nodal prices; None: not within the dispatch."""
    in_service: InService = ALL_IN_SERVICE
    """What of the devices is in service in each period."""

    def __post_init__(self) -> None:
        """Take lists as arrays."""
        for name in ("base_kw", "base_kvar", "station_kw", "renewable_kw"):
            if (values := getattr(self, name)) is not None:
                object.__setattr__(self, name, np.asarray(values, dtype=np.float64))

    @classmethod
    @checked
    def scaled(cls, feeder: Feeder, profile_pu: Numbers, station_kw: Numbers | None = None) -> "Load":
        """Return the feeder's nominal load times a profile per period, or per (period, bus); generation stays."""
        profile = np.asarray(profile_pu, dtype=np.float64)
        profile = profile[:, None] if profile.ndim == 1 else profile
        if profile.ndim != 2 or profile.shape[1] not in {1, feeder.bus_count}:
            allowed = f"(periods,) or (periods, {feeder.bus_count} buses)"
            wrong = Problem(f"has shape {profile.shape}", field="profile_pu", allowed=allowed)
            refuse("Load.scaled", [wrong])
        fed_in = feeder.generation_kva
        base_kw = profile * (feeder.load_kw + fed_in.real) - fed_in.real
        base_kvar = profile * (feeder.load_kvar + fed_in.imag) - fed_in.imag
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
            in_service=self.in_service.between(start, stop),
        )


@checked
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Horizon:
    """The periods a dispatch covers: from ``first_period`` (1..T) on, as many as the load has."""

    first_period: Count = 1
    period_h: Positive = 1.0
    state: DispatchState | None = None
    """State at the end of the period before; None starts the day as the devices say."""


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Elastic:
    """Penalties on broken limits where no dispatch keeps them all; the cheapest is broken first."""

    voltage_cny_per_pu2_h: Positive = 1e4
    """Per unit of squared voltage outside the band, bus and hour."""
    voltage_floor_pu: PerUnitVoltage = 0.80
    station_cny_per_kwh: Positive = 10.0
    base_cny_per_kwh: Positive = 100.0
    source_cny_per_kwh: Positive = 20.0
    """Power, active or reactive, beyond the limits of a source."""
    terminal_energy_cny_per_kwh: Positive = 50.0
    """Energy a store, departing vehicles or a shifted load should have in the end."""
    renewable_cny_per_kwh: Positive = 2.0
    """Renewables forced off."""


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How far within the limits of the network a dispatch is planned; what happens is judged by the limits."""

    voltage_pu: NonNegative = 0.0
    """Distance to both voltage limits of a bus."""
    current: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the current limit of a branch that is left free."""


NO_MARGIN = Margin()


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How to dispatch: what is allowed, what counts as exact, which solver."""

    export: bool = False
    loss_price_cny_per_mwh: NonNegative = 0.0
    """mu of Eq. 21; bought energy already pays for its losses."""
    polish_steps_max: Annotated[int, Field(ge=0)] = 40
    """Most steps of the polish of a relaxation that is not exact."""
    exact_pu: Positive = 1e-6
    """Largest relaxation error, and largest voltage mismatch to the AC power flow, that count as exact."""
    elastic: Elastic = field(default_factory=Elastic)
    margin: Margin = NO_MARGIN
    """Where it cannot be kept it gives way before any limit does, and the dispatch names where."""
    solver: Literal["auto", "clarabel", "mosek"] = "auto"
    solve_time_max_s: Positive | None = None
    """Seconds after which a solver is given up, a last resort whose results are flagged; None: by the size of the
    problem, a hundred times and more of what it takes (`last_resort`)."""
    fallback: bool = False
    """Where even broken limits lead to no dispatch: return the fallback operation instead of raising an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemData:
    """The data of one solve: all that may change without compiling the problem anew."""

    load: Load
    price_cny_per_kwh: FloatArray
    horizon: Horizon
    state: DispatchState
    loss_price_cny_per_mwh: float = 0.0
    charging: Mapping[str, BoolArray] | None = None
    """Fixed signs of stores by kind, (periods, devices), True where one may only charge; None leaves them open."""

    def between(self, start: int, stop: int) -> "ProblemData":
        """Return the data of the periods from *start* up to *stop*, counted from 0; the state is that of the first."""
        return replace(
            self,
            load=self.load.between(start, stop),
            price_cny_per_kwh=self.price_cny_per_kwh[start:stop],
            horizon=replace(self.horizon, first_period=self.horizon.first_period + start),
        )

    @property
    def periods(self) -> int:
        """Number of periods."""
        return len(self.price_cny_per_kwh)

    @property
    def last_period(self) -> int:
        """The last period of the horizon, 1..T."""
        return self.horizon.first_period + self.periods - 1

    @property
    def of_day(self) -> slice:
        """The periods of the horizon as rows of a profile of the day."""
        return slice(self.horizon.first_period - 1, self.last_period)
