"""Drivers who are told nothing of the equilibrium: they learn link times, stations and prices day by day.

The agents' model on roads and stations alone: no feeder is dispatched, no message is late, no event happens. Nothing is
recorded but what the drivers did and what they were told.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import mesa
import numpy as np

from agents.counts import trips_by_period
from agents.day_boundary import DayBoundary
from agents.model import CoSimModel
from cosim.arrays import FloatArray, IntArray
from cosim.config.scenario import MessagesConfig
from cosim.config.travel import InformationConfig
from cosim.scenario import DayAhead, Scenario


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearningDay:
    """A day of the learners; T periods, P paths, L links, S stations."""

    path_trips: IntArray
    """(T, P): trips of EVs by period of departure."""
    told_min: FloatArray
    """(T, L): link times announced: the mean of those measured on the days before."""
    price_cny_per_kwh: FloatArray
    """(T, S): charging prices announced."""
    load_kw: FloatArray
    """(T, S): mean load of each station."""


Prices = Callable[[DayAhead, FloatArray], DayAhead]
"""Returns what is published for the next day, from what was for this one and the load of the stations, (T, S)."""


def learning_days(
    scenario: Scenario, day_ahead: DayAhead, seed: int, days: int, prices: Prices
) -> Iterator[LearningDay]:
    """Yield the days of drivers who begin at free flow and learn; *prices* follow from the load of each day.

    Of *day_ahead* they get the paths and what does not depend on the equilibrium; its link times and loads are NaN to
    them.
    """
    learners = as_learners(scenario)
    unknown = {
        name: np.full_like(getattr(day_ahead, name), np.nan) for name in ("link_time_min", "station_load_kw")
    }
    published = prices(replace(day_ahead, days=days + 1, **unknown), np.zeros_like(day_ahead.station_load_kw))
    start: DayBoundary | None = None
    with _only_new_garbage():
        for _ in range(days):
            model = CoSimModel(learners, published, seed, start)
            model.live()
            day, start = _day_of(model), model.boundary()
            getattr(mesa.Agent, "_ids", {}).pop(model, None)  # as in agents.days
            del model
            gc.collect()
            published = prices(published, day.load_kw)
            yield day


@contextmanager
def _only_new_garbage() -> Iterator[None]:
    """Let what a day leaves be found without a look at all that was there before; a caller may have seen to it."""
    if gc.get_freeze_count():
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def as_learners(scenario: Scenario) -> Scenario:
    """Return the scenario with drivers who learn, all as arrays, without feeders, events and late messages."""
    config = scenario.config
    changed = {
        "information": InformationConfig(yesterday=1.0),
        "resolution": "batch",
        "individual_tables": False,
    }
    population = config.population.model_copy(update=changed)
    learning = config.model_copy(
        update={"population": population, "messages": MessagesConfig(), "events": ()}
    )
    return replace(scenario, config=learning, feeders=(), events=())


def _day_of(model: CoSimModel) -> LearningDay:
    """Return what the drivers of a simulated day did."""
    scenario, today, paths = model.scenario_case, model.record.today, model.day_ahead.paths.count
    periods = range(1, scenario.periods.count + 1)
    return LearningDay(
        path_trips=np.array(
            [np.bincount(trips.path, minlength=paths) for trips in trips_by_period(today, scenario)]
        ),
        told_min=today.announced_min,
        price_cny_per_kwh=today.price_cny_per_kwh,
        load_kw=np.array([model.station_load_kw(period) for period in periods]),
    )
