"""All EVs of a scenario as agents that live alone (individual resolution)."""

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
    """The EVs, found among the agents of the model, and the stations as they meet them."""

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
        """Create an EV for each row of the attributes."""
        self.chargers, self.trips, self.information = chargers, context.trips, context.information
        present = {session.ev: session for session in chain(*initial.sessions_at(len(chargers)))}
        soc, parked_since_s = initial.soc(plan.evs.soc_first), initial.parked_since_s(plan.evs.count)
        bounds = plan.first_row.tolist()
        for place in range(plan.evs.count):
            EV(
                model,
                place + 1,
                range(bounds[place], bounds[place + 1]),
                soc=float(soc[place]),
                parked_since_s=int(parked_since_s[place]),
                session=present.get(place + 1),
                context=context,
                watch=watch,
                clock=clock,
                post=post,
            )
        self.evs = model.agents.select(agent_type=EV)
        self.addresses: list[str] = self.evs.get("name")
        self.addresses_by_class = {
            name: [self.addresses[place] for place in np.flatnonzero(initial.information_class == number)]
            for number, name in enumerate(initial.classes)
        }

    def advance(self) -> None:
        """Do nothing: on the clock, everything before this second has happened."""

    def has_pending_trips(self) -> bool:
        """Tell whether an EV has not arrived, or has not left yet."""
        return any(ev.day.is_alive for ev in self.evs)

    def sessions_by_station(self, now_s: int) -> tuple[tuple[Session, ...], ...]:
        """Return for each station the vehicles that charge, wait or are coming, in order of arrival."""
        at = {chargers.records.name: [*chargers.plugged, *chargers.waiting] for chargers in self.chargers}
        for ev in self.evs:
            if ev.session is not None and ev.session.arrival_s >= now_s:
                at[ev.station].append(ev.session)
        return tuple(
            tuple(sorted(sessions, key=lambda session: (session.arrival_s, session.ev)))
            for sessions in at.values()
        )
