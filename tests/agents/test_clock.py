import simpy

from agents.clock import Clock, Phase
from cosim.periods import PeriodOfDay, Periods


def clock() -> Clock:
    return Clock(simpy.Environment(), Periods(count=24))


def test_within_a_second_phases_come_in_their_order_whatever_the_order_of_asking() -> None:
    hours = clock()
    seen: list[str] = []

    def act(name: str, phase: Phase, order: int = 0) -> object:
        yield hours.until(60, phase, order)
        seen.append(name)

    for name, phase, order in (
        ("ev 7", Phase.ACT, 7),
        ("resume", Phase.RESUME, 0),
        ("ev 2", Phase.ACT, 2),
        ("report", Phase.REPORT, 0),
        ("meter", Phase.METER, 0),
        ("close", Phase.CLOSE, 0),
    ):
        hours.env.process(act(name, phase, order))
    hours.env.run()
    assert seen == ["meter", "close", "report", "resume", "ev 2", "ev 7"]


def test_mail_is_read_before_the_next_phase_begins() -> None:
    hours = clock()
    box = simpy.Store(hours.env)
    seen: list[str] = []

    def report() -> object:
        yield hours.until(60, Phase.REPORT)
        box.put("news")

    def answer() -> object:
        yield box.get()
        seen.append("answered")

    def act() -> object:
        yield hours.until(60, Phase.ACT)
        seen.append("acted")

    for process in (act(), answer(), report()):
        hours.env.process(process)
    hours.env.run()
    assert seen == ["answered", "acted"]


def test_a_moment_that_has_passed_means_now() -> None:
    hours = clock()
    hours.env.run(until=100)
    hours.env.run(until=hours.until(40, Phase.ACT))
    assert hours.now_s == 100


def test_a_boundary_second_belongs_to_the_period_it_begins() -> None:
    hours = clock()
    hours.env.run(until=hours.end_of_period(Phase.METER))
    assert hours.now_s == 3600
    assert hours.period == PeriodOfDay(1, 2)
    assert hours.next_boundary_s == 7200
