"""The messages between agents: the whole protocol.

message          from -> to                              content
---------------  --------------------------------------  -----------------------------------------------
PeriodOpened     coordinator -> all                      period t begins; link times drivers may use: one message for
                                                         each information class, to the drivers in it
TariffIssued     coordinator -> stations, EVs            charging prices for the coming periods
ChargeRequest *  EV -> station                           a vehicle has arrived and requests energy
ChargeStarted *  station -> EV                           the plug is in; how long the vehicle waited
ChargeEnded *    station -> EV                           kWh delivered, money paid, SOC reached
TurnedAway *     station -> EV                           the station has failed: what the EV got, and what it did not
LoadForecast     station -> grid operator                kW expected in the rest of the day
StationLoad      station -> grid operator                kWh delivered in the period that ended
DispatchIssued   grid operator -> coordinator, stations  set-points, nodal prices, certificate
PowerLimit       grid operator -> station                kW cap while the feeder cannot serve the load
TripReported     EV -> coordinator                       path, departure, arrival, wait: to count flows
TripsReported    fleet -> coordinator                    trips of all EVs reported in a period, counted (batch)
FaultReported    what has failed -> coordinator or       a sudden event has begun, or goes on as a period begins
                 grid operator                           (of a device: to its operator)
FaultCleared     likewise                                it is over

* A physical act: plugging in and out is never late or lost; information may be.

At the boundary of period t: stations send StationLoad(t-1) and LoadForecast(t..T); each operator solves t..T
and sends DispatchIssued and, where needed, PowerLimit; the coordinator sends TariffIssued and PeriodOpened;
then EVs act.
"""

import json
from dataclasses import dataclass, fields
from functools import cache
from math import isfinite
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Envelope of every message: sender, second, day and period of sending."""

    physical: ClassVar[bool] = False
    instead: ClassVar[str] = "the receiver acts on its last information"
    """What happens without it, where it is lost or late."""
    sender: str
    sent_s: int
    day: int
    period: int

    def content(self) -> str:
        """Return the fields beyond the envelope as JSON."""
        return json.dumps({name: getattr(self, name) for name in self.content_fields()})

    @classmethod
    @cache
    def content_fields(cls) -> tuple[str, ...]:
        """Return the names of the fields beyond the envelope."""
        envelope = {field.name for field in fields(Message)}
        return tuple(field.name for field in fields(cls) if field.name not in envelope)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodOpened(Message):
    """A period begins."""

    instead: ClassVar[str] = "drivers keep the link times that they were told last"
    information_class: str
    """Information class that is told these times: equilibrium, last_period or yesterday."""
    link_time_min: tuple[float, ...]
    """Time of each link and charging arc, as announced to drivers [min]; infinite at a station that is closed."""

    def content(self) -> str:
        """Return the fields as JSON, which has no infinity: null."""
        times = [time if isfinite(time) else None for time in self.link_time_min]
        return json.dumps({"information_class": self.information_class, "link_time_min": times})


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffIssued(Message):
    """Charging prices, from the period of sending to the end of the day."""

    instead: ClassVar[str] = "stations and drivers keep their last prices"
    price_cny_per_kwh: dict[str, tuple[float, ...]]
    """Price of each station in this and the coming periods."""


Broadcast = PeriodOpened | TariffIssued
"""Messages to all drivers, or to all of one information class."""
BROADCASTS: dict[str, type[Broadcast]] = {kind.__name__: kind for kind in (PeriodOpened, TariffIssued)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest(Message):
    """An EV has arrived at a station."""

    physical: ClassVar[bool] = True
    ev: int
    day_of_trip: int
    """Day on which the trip set out."""
    trip: int
    """Number of the trip in its day."""
    energy_kwh: float
    """Energy requested on the grid side."""
    soc: float
    soc_target: float
    max_power_kw: float | None = None
    """Power limit of the vehicle on the grid side; None without a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeStarted(Message):
    """The EV is plugged in."""

    physical: ClassVar[bool] = True
    wait_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeEnded(Message):
    """The EV is unplugged."""

    physical: ClassVar[bool] = True
    energy_kwh: float
    paid_cny: float
    soc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAway(Message):
    """The EV has lost its charger, or its place in the queue, for the station or the charger has failed."""

    physical: ClassVar[bool] = True
    energy_kwh: float
    paid_cny: float
    soc: float
    remaining_kwh: float
    """Energy that was requested and not delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadForecast(Message):
    """Load that a station expects."""

    instead: ClassVar[str] = "the operator keeps the last forecast of the station"
    load_kw: tuple[float, ...]
    """Mean load in this and each later period of the day [kW]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationLoad(Message):
    """Energy that a station drew in the period that ended."""

    instead: ClassVar[str] = "nothing: the operator reads the meters"
    energy_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchIssued(Message):
    """Dispatch of this period: set-points, prices, and the certificate of the solution."""

    instead: ClassVar[str] = "the coordinator keeps the last nodal prices"
    status: str
    setpoint_kw: dict[str, float]
    """Active power each device injects [kW]."""
    nodal_price_cny_per_kwh: dict[str, tuple[float, ...]]
    """Price at the bus of each station in this and the coming periods of the day."""
    voltage_min_pu: float
    relaxation_error_max: float
    ac_mismatch_max_pu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLimit(Message):
    """A cap on the station's load for this period alone."""

    instead: ClassVar[str] = "the station is not limited"
    limit_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TripReported(Message):
    """A trip has ended."""

    instead: ClassVar[str] = "the coordinator counts the traffic without the trip"
    ev: int
    trip: int
    path: int
    """Number of the path, or (path, station) pair, in the path set."""
    departure_s: int
    arrival_s: int
    wait_s: int
    """Time spent waiting for a charger [s]."""
    charge_s: int
    """Time spent plugged in [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TripsReported(Message):
    """Counts of the fleet's trips whose reports reached the coordinator in the period that ends.

    One message for each period of departure of these trips.
    """

    physical: ClassVar[bool] = True  # loss and delay of each EV's report are in the counts
    departed_s: int
    """Start of the period of departure."""
    trips: tuple[int, ...]
    """Trips on each path, or (path, station) pair, of the path set."""
    spent_s: tuple[int, ...]
    """Sum of their seconds of waiting and charging, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultReported(Message):
    """A sudden event has begun, or goes on."""

    event: int
    """Position among the events of the scenario, from 1."""
    kind: str
    name: str
    """What it happens to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCleared(Message):
    """A sudden event is over."""

    event: int
    kind: str
    name: str


def ev_address(number: int) -> str:
    """Return the address of an EV."""
    return f"ev {number}"


INFORMATION = {kind.__name__: kind for kind in Message.__subclasses__() if not kind.physical}
"""Messages that may be late or lost, by their kind."""
