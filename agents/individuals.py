"""All EVs of a scenario as single agents (individual resolution)."""

from collections.abc import Sequence
from itertools import chain

import mesa
import numpy as np

from agents.clock import Clock
from agents.day_boundary import InitialState
from agents.decisions import DecisionContext
from agents.ev import EV
from agents.event_chargers import EventDrivenChargers
from agents.plans import DayPlan
from agents.watch import Watch
from cosim.ev.session import Session
from cosim.mailbox import PostOffice


class Individuals:
    """The EVs among the agents of the model, and the chargers that serve them."""

    def __init__(
        self,
        model: mesa.Model,
        plan: DayPlan,
        initial: InitialState,
        context: DecisionContext,
        watch: Watch,
        chargers: Sequence[EventDrivenChargers],
        clock: Clock,
        post: PostOffice,
    ) -> None:
        """Create an agent for each EV of the plan."""
        self.chargers, self.trips, self.information = chargers, context.trips, context.information
        present = {session.ev: session for session in chain(*initial.sessions_at(len(chargers)))}
        soc, parked_since_s = initial.soc(plan.evs.soc_first), initial.parked_since_s(plan.evs.count)
        bounds = plan.first_row.tolist()
        for index in range(plan.evs.count):
            EV(
                model,
                index + 1,
                range(bounds[index], bounds[index + 1]),
                soc=float(soc[index]),
                parked_since_s=int(parked_since_s[index]),
                session=present.get(index + 1),
                context=context,
                watch=watch,
                clock=clock,
                post=post,
            )
        self.evs = model.agents.select(agent_type=EV)
        self.addresses: list[str] = self.evs.get("name")
        self.addresses_by_class = {
            name: [self.addresses[ev] for ev in np.flatnonzero(initial.information_class == index)]
            for index, name in enumerate(initial.classes)
        }

    def advance(self) -> None:
        """Do nothing: the clock has simulated everything before this second."""

    def advance_through(self) -> None:
        """Do nothing, likewise."""

    def divert(self, sessions: Sequence[Session]) -> None:
        """Do nothing: the chargers have notified the drivers."""

    def has_pending_trips(self) -> bool:
        """Whether an EV has not arrived, or has not departed yet."""
        return any(ev.day.is_alive for ev in self.evs)

    def sessions_by_station(self, now_s: int) -> tuple[tuple[Session, ...], ...]:
        """Return for each station the vehicles that charge, wait or are on the way, in order of arrival."""
        by_station = {
            chargers.records.name: [*chargers.plugged, *chargers.waiting] for chargers in self.chargers
        }
        for ev in self.evs:
            if ev.session is not None and ev.session.arrival_s >= now_s:
                by_station[ev.station].append(ev.session)
        return tuple(
            tuple(sorted(sessions, key=lambda session: (session.arrival_s, session.ev)))
            for sessions in by_station.values()
        )
