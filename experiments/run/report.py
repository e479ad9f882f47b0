"""The report of a run: one page, ``report.html``, that opens without a network."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cosim.results import Run
from experiments.figures import feeder
from experiments.figures.style import Figure
from experiments.page import embedded, packed, rendered
from experiments.run.figures import accuracy, coupling, learning, outcomes, stations, traffic
from experiments.run.figures.day import Day
from experiments.run.figures.networks import networks
from experiments.run.figures.sequence import sequence
from experiments.run.report_words import headlines, mean_waits, real_time_sentence, verdict
from experiments.run.summary import link_flows

FLOW_COLUMNS = ("period", "kind", "item", "quantity", "reference", "other", "geh")
DAYS_SHOWN = 6
"""Days of a long run that have figures: the first ones, which differ most, stand closest."""


def write_report(run: Run) -> None:
    """Write ``report.html`` into the directory of *run*; the same run gives the same bytes."""
    day = Day(run)
    figures = {name: _as_json(name, drawn) for name, drawn in all_figures(day).items()}
    page = rendered(
        "report.html.jinja",
        manifest=run.manifest,
        scenario=day.scenario,
        day=day,
        headlines=headlines(run.summary),
        verdict=verdict(day),
        waits=mean_waits(day),
        tariff_held="class_change" in set(day.equilibrium("violations", ["kind"]).kind),
        single_evs="ev_days" in run.agents.names,
        replications=len(run.replications),
        real_time=real_time_sentence(run.summary),
        figures=figures,
        later_days={number: _packed_day(Day(run, number)) for number in days_shown(day)[1:]},
        sequence=sequence(day),
    )
    (run.directory / "report.html").write_text(page, encoding="utf-8")


def days_shown(day: Day) -> list[int]:
    """Return the days of a run whose figures are on the page."""
    if not day.run.agents:
        return [1]
    days: list[int] = np.unique(np.geomspace(1, day.days, DAYS_SHOWN).round().astype(int)).tolist()
    return days


def _packed_day(day: Day) -> str:
    """Return the figures of a later day by their place on the page: those that show that day."""
    figures = {name: build(day) for name, build in {**_TRAFFIC, **_GRID}.items() if name in BY_DAY}
    places = [place for name, drawn in figures.items() for place in _as_json(name, drawn)]
    return packed("{" + ",".join(f'"{place["id"]}":{place["json"]}' for place in places) + "}")


def all_figures(day: Day) -> dict[str, list[Figure]]:
    """Return the figures of the report by section; a section without data is left out."""
    drawn = {name: build(day) for name, build in {**_TRAFFIC, **_GRID}.items()}
    return {name: figures for name, figures in drawn.items() if figures}


def _one(table: str, build: Callable[[Day], Figure]) -> Callable[[Day], list[Figure]]:
    """Return a builder of one figure, or of none where *table* was not written."""
    return lambda day: [] if day.main(table).empty else [build(day)]


def _compared(table: str, build: Callable[[Any], Figure]) -> Callable[[Day], list[Figure]]:
    return lambda day: [] if day.comparison(table).empty else [build(day.comparison(table))]


def _per_feeder(
    table: str, build: Callable[[Day, Mapping[str, Any]], Figure | None]
) -> Callable[[Day], list[Figure]]:
    def figures(day: Day) -> list[Figure]:
        if day.main(table).empty:
            return []
        found = [(own["name"], build(day, own)) for own in day.feeders]
        return [drawn.update_layout(meta=name) for name, drawn in found if drawn is not None]

    return figures


def _of(day: Day, table: str, own: Mapping[str, Any]) -> Any:
    """Return the rows of one feeder."""
    frame = day.main(table)
    return frame if frame.empty else frame[frame.feeder == own["name"]]


def _path_shares(day: Day) -> list[Figure]:
    return [traffic.path_shares(day)] if "paths" in day.run.equilibrium.names else []


def _flow_agreement(day: Day) -> list[Figure]:
    """Return the figure of the flows; a city's differences are of paths, ninety-nine in a hundred."""
    flows = link_flows(day.comparison("differences", FLOW_COLUMNS, kind=["link", "station"]))
    return [] if flows.empty else [traffic.flow_agreement(flows)]


def _learning(day: Day) -> list[Figure]:
    """Return the course of many days; of one day there is none."""
    learnt = day.run.comparison.read("learning") if "learning" in day.run.comparison.names else None
    return [] if learnt is None or len(learnt) < 2 else [learning.distances(learnt)]


def _convergence(day: Day) -> list[Figure]:
    iterations = day.equilibrium("convergence")
    tolerance = day.scenario["road"]["assignment"]["tolerance"]
    return [] if iterations.empty else [accuracy.convergence(iterations, tolerance)]


def _coupling(day: Day) -> list[Figure]:
    iterations = day.equilibrium("coupling")
    return [] if iterations.empty else [coupling.coupling(iterations, day.scenario["coupling"]["tolerance"])]


def _real_time(day: Day, own: Mapping[str, Any]) -> Figure | None:
    table = day.comparison("real_time")
    return None if table.empty else coupling.real_time(table[table.feeder == own["name"]], day.period_min)


def _storage(day: Day, own: Mapping[str, Any]) -> Figure | None:
    units = [*own["storage"], *({"name": unit["name"]} for unit in own.get("v2g", ()))]
    return feeder.storage(_of(day, "devices", own), units, day.period_min) if units else None


def _prices(day: Day, own: Mapping[str, Any]) -> Figure | None:
    prices, names = day.main("prices"), day.stations_of(own)
    return feeder.prices(prices[prices.station.isin(names)], day.period_min, day.stations) if names else None


def _dispatch(day: Day, own: Mapping[str, Any]) -> Figure:
    devices, purchase, buses = (_of(day, table, own) for table in ("devices", "dispatch", "buses"))
    return feeder.dispatch(devices, purchase, buses, day.period_min)


_TRAFFIC: dict[str, Callable[[Day], list[Figure]]] = {
    "networks": _one("links", networks),
    "saturation": _one("links", traffic.saturation),
    "flow_agreement": _flow_agreement,
    "learning": _learning,
    "path_shares": _path_shares,
    "choice_tests": _compared("g_tests", traffic.choice_tests),
    "stations": stations.stations,
    "outcomes": outcomes.outcomes,
}
_GRID: dict[str, Callable[[Day], list[Figure]]] = {
    "voltages": _per_feeder(
        "buses",
        lambda day, own: feeder.voltages(
            _of(day, "buses", own), own, day.period_min, day.stations_by_bus(own)
        ),
    ),
    "dispatch": _per_feeder("dispatch", _dispatch),
    "prices": _per_feeder("prices", _prices),
    "storage": _per_feeder("devices", _storage),
    "forecast_error": _per_feeder(
        "dispatch", lambda day, own: feeder.forecast_error(_of(day, "dispatch", own), day.period_min)
    ),
    "exactness": _per_feeder(
        "dispatch", lambda day, own: accuracy.exactness(_of(day, "dispatch", own), day.period_min)
    ),
    "coupling": _coupling,
    "convergence": _convergence,
    "real_time": _per_feeder("dispatch", _real_time),
}


BY_DAY = (
    "networks",
    "saturation",
    "stations",
    "outcomes",
    "voltages",
    "dispatch",
    "prices",
    "storage",
    "forecast_error",
    "exactness",
)
"""Figures that each day of the agents has; the others are of the equilibrium, or of the first day."""


def _as_json(name: str, figures: list[Figure]) -> list[dict[str, str]]:
    """Return each figure with the id of its place on the page, its feeder if it has one, and its content as JSON."""
    return [
        {"id": f"{name}-{number}", "feeder": figure.layout.meta or "", **embedded(figure)}
        for number, figure in enumerate(figures, start=1)
    ]
