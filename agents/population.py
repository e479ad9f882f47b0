"""What the EVs of a scenario have in common, live they alone or as arrays."""

from typing import Protocol

from agents.information import InformationState
from agents.trip_table import TripTable
from cosim.ev.session import Session


class Population(Protocol):
    """All EVs of a day (``agents.individuals``, ``agents.fleet``)."""

    trips: TripTable
    """Planned, under way and made; arrivals may be to come."""
    information: InformationState
    addresses: list[str]
    """Where all EVs are reached."""
    addresses_by_class: dict[str, list[str]]
    """Where the EVs of each information class are reached."""

    def advance(self) -> None:
        """Live through the time before this second: what EVs decide or pay by is about to change."""
        ...

    def has_pending_trips(self) -> bool:
        """Tell whether an EV has not arrived, or has not left yet."""
        ...

    def sessions_by_station(self, now_s: int) -> tuple[tuple[Session, ...], ...]:
        """Return for each station the vehicles that charge, wait or are coming, in order of arrival."""
        ...
