"""All EVs of a scenario as single agents (individual resolution)."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from agents.day_boundary import InitialState
from agents.decisions import DecisionContext
from agents.ev import EV
from agents.event_chargers import EventDrivenChargers
from agents.plans import DayPlan, DrawnDay, join_days
from agents.rerouting import Rerouted
from agents.watch import Watch
from cosim.ev.mobility import EVState
from cosim.ev.session import Session
from cosim.scenario import Scenario


def draw_own_days(evs: Sequence[EV], scenario: Scenario, day: int, state: EVState | None) -> DrawnDay:
    """Return the day that the EVs draw, one after another, each for itself."""
    return join_days([ev.draw_day(scenario, day, state) for ev in evs])


class Individuals:
    """The EVs among the agents of the model, and the chargers that serve them."""

    def __init__(
        self,
        evs: Sequence[EV],
        plan: DayPlan,
        initial: InitialState,
        context: DecisionContext,
        watch: Watch,
        chargers: Sequence[EventDrivenChargers],
    ) -> None:
        """Tell each of the *evs* its rows of the plan and its state as the day begins."""
        self.evs, self.chargers = evs, chargers
        self.trips, self.information = context.trips, context.information
        present = {session.ev: session for session in chain(*initial.sessions_at(len(chargers)))}
        soc, parked_since_s = initial.soc(plan.evs.soc_first), initial.parked_since_s(plan.evs.count)
        bounds = plan.first_row.tolist()
        for index, ev in enumerate(evs):
            ev.wake_up(
                range(bounds[index], bounds[index + 1]),
                soc=float(soc[index]),
                parked_since_s=int(parked_since_s[index]),
                session=present.get(index + 1),
                context=context,
                watch=watch,
            )
        self.addresses = [ev.name for ev in evs]
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

    def reroute(self, rerouted: Sequence[Rerouted]) -> None:
        """Let vehicles on the roads arrive when their new ways end."""
        for one in rerouted:
            if one.session is None:
                self.trips.arrival_s[one.row] = one.arrival_s
            else:
                one.session.arrival_s = one.arrival_s
            self.evs[self.trips.ev[one.row] - 1].change_way()

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
