"""The days of one EV, replayed one after another: each night leaves to the next day what it left in the run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

from agents.midnight import evs_after
from agents.news import Delivery
from agents.plans import DayPlan, TripPlan, first_evening, plan_alone
from agents.replay import Decision, Outcome, Replay
from agents.trip_log import TripLog
from cosim.ev.charging import plugs_in, soc_after_parking
from cosim.ev.mobility import EVState
from cosim.periods import SECONDS_PER_DAY

Recall = Callable[[int, Decision], Outcome]
"""Returns what is on record of a trip of a day."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Night:
    """What the days before have left one EV with."""

    state: EVState | None
    """Where it is, as arrays of one value; None: at home, with a state of charge drawn for the morning."""
    under_way: Decision | None
    """The trip that midnight interrupted."""
    is_recorded: bool
    """Whether all this follows from the tables."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplayedDay:
    """One EV's day: how it began, what was planned, and what was decided trip by trip."""

    day: int
    night: Night
    plan: DayPlan
    decisions: tuple[Decision, ...]

    @property
    def begun(self) -> tuple[Decision, ...]:
        """The trips on which the EV was that day, the one that midnight interrupted included."""
        return self.decisions if self.night.under_way is None else (self.night.under_way, *self.decisions)


def replay_days(replay: Replay, ev: int, recall: Recall | None) -> Iterator[ReplayedDay]:
    """Yield the days of EV number *ev*; without *recall*, nobody is taken to have waited."""
    news = replay.archive.news(ev)
    night = Night(state=_first_evening(replay, ev), under_way=None, is_recorded=True)
    for day in range(1, replay.world.config.days + 1):
        plan = plan_alone(replay.world, ev, replay.seed, day, night.state)
        made = _decisions(replay, day, plan, night, news, recall)
        lived = ReplayedDay(day=day, night=night, plan=plan, decisions=tuple(made))
        yield lived
        night = _night_after(replay, lived, recorded=recall is not None)


def _first_evening(replay: Replay, ev: int) -> EVState | None:
    """Return where the EV is before day 1, if its battery is carried over midnight."""
    if replay.world.config.population.soc == "daily":
        return None
    evening = first_evening(replay.world, ev, replay.seed)
    return EVState(**{field.name: getattr(evening, field.name)[-1:] for field in fields(EVState)})


def _night_after(replay: Replay, lived: ReplayedDay, *, recorded: bool) -> Night:
    """Return what a day leaves to the next one."""
    midnight_s, state = lived.day * SECONDS_PER_DAY, lived.night.state
    if state is not None:
        log = TripLog.of_rows([made.journey(1, midnight_s).values() for made in lived.begun])
        state = evs_after(state, log, replay.world, midnight_s)
    out = [made for made in lived.begun if made.is_under_way(midnight_s)]
    charged = any(made.fast.chosen for made in lived.decisions)
    return Night(
        state=state,
        under_way=out[-1] if out else None,
        is_recorded=recorded or (lived.night.is_recorded and not charged),
    )


def _decisions(
    replay: Replay, day: int, plan: DayPlan, night: Night, news: list[Delivery], recall: Recall | None
) -> Iterator[Decision]:
    """Yield the decisions of a day, trip by trip; what has not begun by midnight is not begun.

    Only the last day goes on until all have arrived, at most for another day.
    """
    end_s = (day + (day == replay.world.config.days)) * SECONDS_PER_DAY
    parked_s, soc = 0, plan.soc_first
    if night.state is not None:
        parked_s, soc = int(night.state.parked_since_s[0]), float(night.state.soc[0])
    free_s, last, is_recorded = 0, night.under_way, night.is_recorded
    for trip in plan.trips:
        if last is not None:
            if last.outcome is None or last.outcome.arrival_s < 0:
                return
            parked_s = free_s = last.outcome.arrival_s
            soc = float(last.course.soc_arrival)
        departure_s = max(trip.departure_s, free_s)
        if departure_s >= end_s:
            return
        soc, slow_kwh = _leave_the_parking_place(plan, trip, soc, departure_s - parked_s)
        made = replay.decide(plan, trip, departure_s, soc, slow_kwh, news, is_recorded=is_recorded)
        if not made.is_stranded:
            made = replace(made, outcome=recall(day, made) if recall else replay.reckoned(plan, made))
        yield made
        is_recorded &= recall is not None or not made.fast.chosen
        last = made


def _leave_the_parking_place(
    plan: DayPlan, trip: TripPlan, before: float, parked_s: int
) -> tuple[float, float]:
    """Return SOC at departure, and the energy slow-charged since the arrival; a morning may start as drawn."""
    if trip.trip == 1 and plan.soc_is_drawn:
        return plan.soc_first, 0.0
    home, work = plan.has_home_charger, plan.has_work_charger
    plugged = plugs_in(trip.from_activity, before, home, work, plan.behaviour)
    soc = float(soc_after_parking(before, plugged, parked_s / 3600, plan.battery, plan.behaviour))
    return soc, float(plan.battery.charging_kwh(before, soc))
