"""Stations and chargers that fail: how many chargers are in service, and who loses a place when fewer are.

While a station is closed nobody charges there. As it closes, sessions end with the energy they have and the queue
leaves; who arrives is turned away. Where some chargers fail, those in use longest are lost first. All these drivers
decide anew (``agents/diversion.py``). The power of a charger stays what it is: a site limit is shared among all
chargers, in service or not.
"""

from collections.abc import Sequence

from agents.events.room import Effects
from agents.population import Population
from agents.station_records import Chargers
from cosim.ev.session import Session
from cosim.scenario import Event, Station
from cosim.scenario.events import chargers_in_service, holding

KINDS = frozenset({"station", "chargers"})


class StationsInService:
    """The chargers in service at each station and second: a function of the scenario alone."""

    def __init__(self, stations: Sequence[Station], events: Sequence[Event], effects: Effects) -> None:
        """Sort the events by station."""
        self.stations, self.effects = stations, effects
        self.events = [
            [event for event in events if event.kind in KINDS and event.thing == station.name]
            for station in stations
        ]

    def chargers(self, station: int, now_s: int) -> int:
        """Return the number of chargers in service."""
        return chargers_in_service(self.stations[station], holding(self.events[station], now_s))

    def is_open(self, station: int, now_s: int) -> bool:
        """Whether any charger is in service."""
        return not self.events[station] or self.chargers(station, now_s) > 0

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

    kinds = KINDS
    effects: tuple[str, ...] = (
        "sessions ended",
        "vehicles sent out of the queue",
        "vehicles that decide anew",
        "kWh not delivered",
    )
    is_reported = True

    def __init__(
        self, in_service: StationsInService, chargers: Sequence[Chargers], population: Population
    ) -> None:
        """Begin with the chargers as they are."""
        self.in_service, self.chargers, self.population = in_service, chargers, population

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
