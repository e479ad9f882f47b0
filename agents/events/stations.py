"""Stations and chargers that fail: how many chargers are in service, and who loses a place when fewer are.

While a station is closed nobody charges there. As it closes, sessions end with the energy they have and the queue
leaves; who arrives is turned away. Where some chargers fail, those in use longest are lost first. All these drivers
decide anew (``agents/diversion.py``). The power of a charger stays what it is: a site limit is shared among all
chargers, in service or not.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from agents.events.closures import Closures
from agents.events.room import Effects
from agents.population import Population
from agents.station_records import Chargers
from cosim.arrays import BoolArray
from cosim.ev.session import Session
from cosim.scenario import Event, Station
from cosim.scenario.events import STATION_KINDS, chargers_in_service, holding


class StationsInService:
    """The chargers in service at each station and second: a function of the scenario alone."""

    def __init__(self, stations: Sequence[Station], events: Sequence[Event], effects: Effects) -> None:
        """Sort the events by station."""
        self.stations, self.effects = stations, effects
        self.any_events = bool(events)
        """Whether anything may be closed."""
        self.events = [
            [event for event in events if event.kind in STATION_KINDS and event.thing == station.name]
            for station in stations
        ]

    def chargers(self, station: int, now_s: int) -> int:
        """Return the number of chargers in service."""
        return chargers_in_service(self.stations[station], holding(self.events[station], now_s))

    def is_open(self, station: int, now_s: int) -> bool:
        """Whether any charger is in service."""
        return not self.events[station] or self.chargers(station, now_s) > 0

    def is_closed_as_planned(self, station: int, now_s: int) -> bool:
        """Whether a closing that was known the day before goes on."""
        return any(
            event.planned and event.kind == "station" for event in holding(self.events[station], now_s)
        )

    def refuses(self, session: Session, station: int) -> bool:
        """Whether a vehicle that arrives is turned away."""
        return not session.stays and not self.is_open(station, session.arrival_s)

    def tell(self, station: int, now_s: int, effect: str, amount: float = 1) -> None:
        """Add to an effect of the worst event that goes on at a station."""
        going_on = holding(self.events[station], now_s)
        worst = min(going_on, key=lambda event: chargers_in_service(self.stations[station], [event]))
        self.effects.add(worst, now_s, effect, amount)


class StationEvents:
    """Events of stations and chargers (``EventFamily``)."""

    kinds: ClassVar[frozenset[str]] = STATION_KINDS
    effects: ClassVar[tuple[str, ...]] = (
        "sessions ended",
        "vehicles sent out of the queue",
        "vehicles that decide anew",
        "kWh not delivered",
    )

    def __init__(
        self,
        in_service: StationsInService,
        chargers: Sequence[Chargers],
        population: Population,
        closures: Closures,
        arcs: BoolArray,
    ) -> None:
        """Begin with the chargers as they are; *arcs*, (stations, links), has the charging arc of each station."""
        self.in_service, self.chargers, self.population = in_service, chargers, population
        self.closures, self.arcs = closures, arcs

    def told(self, event: Event) -> str:  # noqa: ARG002  (as every family is called)
        """Return that the coordinator is told."""
        return "coordinator"

    def show(self, now_s: int) -> None:
        """Show the drivers which stations are closed as planned."""
        numbers = range(len(self.chargers))
        closed = np.array([self.in_service.is_closed_as_planned(number, now_s) for number in numbers])
        self.closures.set("stations", closed @ self.arcs)

    def hold(self, now_s: int, _events: Sequence[Event]) -> None:
        """Change the chargers in service of each station that the events change."""
        for number, chargers in enumerate(self.chargers):
            count = self.in_service.chargers(number, now_s)
            if count == chargers.in_service:
                continue
            lost = chargers.set_in_service(count)
            for session in lost:
                plugged = session.start_s >= 0
                effect = "sessions ended" if plugged else "vehicles sent out of the queue"
                self.in_service.tell(number, now_s, effect)
            self.population.divert(lost)
        self.show(now_s)
