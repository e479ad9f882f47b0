"""All EVs of a scenario, each living alone (individual resolution): how their day begins and what it leaves."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from agents.ev import EV, Since
from agents.journey import Journey
from agents.midnight import LastHeard, Midnight, Morning, Reports, UnderWay
from agents.plans import DayPlans
from agents.plugs import ClockedPlugs
from agents.roads import Roads
from agents.trip_log import TripLog
from cosim.arrays import IntArray
from cosim.ev.session import Session
from cosim.mailbox import PostOffice
from cosim.messages import PeriodOpened, TariffIssued, TripReported


class Drivers:
    """The EVs, and the stations as they meet them."""

    def __init__(self, evs: list[EV], plugs: Sequence[ClockedPlugs], post: PostOffice) -> None:
        """Hold them together."""
        self.evs, self.plugs, self.post = evs, plugs, post

    def anyone_out(self) -> bool:
        """Tell whether somebody has not arrived, or has not left yet."""
        return any(ev.day.is_alive for ev in self.evs)

    @property
    def journeys(self) -> list[Journey]:
        """The trips begun, in the order of EVs."""
        return [journey for ev in self.evs for journey in ev.journeys]

    def trips(self) -> TripLog:
        """Return the trips begun, in the order of EVs; arrivals may be to come."""
        return TripLog.of_rows([journey.values() for journey in self.journeys])

    def under_way(self, rows: IntArray) -> UnderWay:
        """Return the trips in these rows of ``trips``."""
        journeys = self.journeys
        some = [journeys[row] for row in rows.tolist()]
        return UnderWay(
            log=TripLog.of_rows([journey.values() for journey in some]),
            after_s=np.array([journey.route.after_s for journey in some], dtype=np.int64),
            report_uniform=np.array([journey.plan.report_uniform for journey in some], dtype=np.float64),
        )

    def at_stations(self, now_s: int) -> tuple[tuple[Session, ...], ...]:
        """Return for each station the vehicles that charge, wait or are coming, in order of arrival."""
        at = {station.site.name: [*station.plugged, *station.waiting] for station in self.plugs}
        for ev in self.evs:
            if (session := ev.coming(now_s)) is not None:
                at[str(ev.journeys[-1].route.station)].append(session)
        return tuple(
            tuple(sorted(sessions, key=lambda session: (session.arrival_s, session.ev)))
            for sessions in at.values()
        )

    def opened(self) -> LastHeard[PeriodOpened]:
        """Return the last news of link times that each EV has heard."""
        for ev in self.evs:
            ev.read_news()
        return LastHeard.of_each([ev.belief.told for ev in self.evs])

    def tariff(self) -> LastHeard[TariffIssued]:
        """Return the last news of prices that each EV has heard."""
        for ev in self.evs:
            ev.read_news()
        return LastHeard.of_each([ev.tariff.issued for ev in self.evs])

    def reports(self, now_s: int) -> Reports:
        """Return the reports of trips that have not reached the coordinator yet."""
        rows = [
            (entry.delivered_s, report.departure_s, report.path, report.wait_s + report.charge_s)
            for entry in self.post.ledger
            if isinstance(report := entry.message, TripReported) and (entry.delivered_s or 0) > now_s
        ]
        delivered_s, departed_s, path, spent_s = np.array(rows, dtype=np.int64).reshape(-1, 4).T
        return Reports(delivered_s=delivered_s, departed_s=departed_s, path=path, spent_s=spent_s)


def since_midnight(morning: Morning, plans: DayPlans, roads: Roads) -> list[Since]:
    """Return what the days before have left each EV with."""
    start, state, n_ev = morning.start, morning.state, plans.diaries.n_ev
    soc = plans.diaries.soc_first if state is None else state.soc
    parked_s = np.zeros(n_ev, dtype=np.int64) if state is None else state.parked_since_s
    nothing: list[None] = [None] * n_ev
    opened = start.opened.each() if start else nothing
    tariff = start.tariff.each() if start else nothing
    journeys = _journeys(start, roads) if start else {}
    return [
        Since(soc=own_soc, parked_s=second, opened=news, tariff=prices, journey=journey, session=session)
        for own_soc, second, news, prices, (journey, session) in zip(
            soc.tolist(),
            parked_s.tolist(),
            opened,
            tariff,
            [journeys.get(number, (None, None)) for number in range(1, n_ev + 1)],
            strict=True,
        )
    ]


def _journeys(start: Midnight, roads: Roads) -> dict[int, tuple[Journey, Session | None]]:
    """Return the trips that midnight interrupted, and the sessions at their stations, by EV."""
    sessions = {session.ev: session for session in chain(*start.sessions)}
    return {
        ev: (Journey.under_way(start.under_way, row, roads, sessions.get(ev)), sessions.get(ev))
        for row, ev in enumerate(start.under_way.log.ev.tolist())
    }
