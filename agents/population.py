"""The interface of all EVs of a scenario, the same at both resolutions."""

from collections.abc import Sequence
from typing import Protocol

from agents.information import InformationState
from agents.rerouting import Rerouted
from agents.trip_table import TripTable
from cosim.ev.session import Session


class Population(Protocol):
    """All EVs of a day (``agents.individuals``, ``agents.fleet``)."""

    trips: TripTable
    """Trips planned, under way and made; arrivals may be in the future."""
    information: InformationState
    addresses: list[str]
    """Mail addresses of all EVs."""
    addresses_by_class: dict[str, list[str]]
    """Mail addresses of the EVs of each information class."""

    def advance(self) -> None:
        """Simulate the time before this second; called before link times, prices or power limits change."""
        ...

    def advance_through(self) -> None:
        """Simulate up to this second, ends of sessions in it included; called before events begin or end."""
        ...

    def divert(self, sessions: Sequence[Session]) -> None:
        """Let the drivers of vehicles that have just lost their place decide anew."""
        ...

    def reroute(self, rerouted: Sequence[Rerouted]) -> None:
        """Let vehicles on the roads arrive when their new ways end."""
        ...

    def has_pending_trips(self) -> bool:
        """Whether an EV has not arrived, or has not departed yet."""
        ...

    def sessions_by_station(self, now_s: int) -> tuple[tuple[Session, ...], ...]:
        """Return for each station the vehicles that charge, wait or are on the way, in order of arrival."""
        ...
