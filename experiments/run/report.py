"""The report of a run: one page, ``report.html``, that opens without a network."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cosim.arrays import Frame
from cosim.results import Run
from experiments.figures import feeder
from experiments.figures.style import Figure
from experiments.page import drawn, drawn_each, embedded_each, packed, rendered
from experiments.run.events_told import what_it_did
from experiments.run.figures import accuracy, coupling, learning, outcomes, stations, traffic
from experiments.run.figures.day import Day
from experiments.run.figures.networks import networks
from experiments.run.figures.sequence import sequence
from experiments.run.report_words import (
    headlines,
    learners,
    lost_mail,
    mean_waits,
    real_time_sentence,
    verdict,
)
from experiments.run.summary import link_flows
from experiments.study import write_page

FLOW_COLUMNS = ("period", "kind", "item", "quantity", "reference", "other", "geh")
DAYS_SHOWN = 6
"""Days of a long run that have figures: the first ones, which differ most, stand closest."""


def write_report(run: Run) -> None:
    """Write ``report.html`` into the directory of *run*; the same run gives the same bytes."""
    day = Day(run)
    figures = {name: embedded_each(name, drawn) for name, drawn in all_figures(day).items()}
    page = rendered(
        "report.html.jinja",
        manifest=run.manifest,
        scenario=day.scenario,
        day=day,
        headlines=headlines(run.summary),
        verdict=verdict(day),
        learners=learners(run.summary),
        waits=mean_waits(day),
        tariff_held="class_change" in set(day.equilibrium("violations", ["kind"]).kind),
        single_evs="ev_days" in run.agents.names,
        replications=len(run.replications),
        real_time=real_time_sentence(run.summary),
        figures=figures,
        later_days={number: _packed_day(Day(run, number)) for number in days_shown(day)[1:]},
        sequence=sequence(day),
        events=[record | {"did": what_it_did(record)} for record in run.summary.get("events", [])],
        lost_mail=lost_mail(run.agents.read("mail")) if run.agents else [],
    )
    write_page(page, run.directory / "report.html")


def days_shown(day: Day) -> list[int]:
    """Return the days of a run whose figures are on the page."""
    if not day.run.agents:
        return [1]
    days: list[int] = np.unique(np.geomspace(1, day.days, DAYS_SHOWN).round().astype(int)).tolist()
    return days


def _packed_day(day: Day) -> str:
    """Return the figures of a later day by their place on the page: those that show that day."""
    figures = {name: drawn_each(build, day) for name, build in OF_EACH_DAY.items()}
    places = [place for name, drawn in figures.items() for place in embedded_each(name, drawn)]
    return packed("{" + ",".join(f'"{place["id"]}":{place["json"]}' for place in places) + "}")


def all_figures(day: Day) -> dict[str, list[Figure]]:
    """Return the figures of the report by section; a section without data is left out."""
    sections = {name: drawn_each(build, day) for name, build in {**OF_EACH_DAY, **OF_THE_RUN}.items()}
    return {name: figures for name, figures in sections.items() if figures}


Builder = Callable[[Day], list[Figure]]
ReadTable = Callable[[Day, str], Frame]
"""A model's tables: `Day.main`, `Day.equilibrium` or `Day.comparison`."""


def _one(read: ReadTable, table: str, build: Callable[[Day, Frame], Figure]) -> Builder:
    """Return the builder of a figure of one table, and of none where it was not written."""

    def figures(day: Day) -> list[Figure]:
        rows = read(day, table)
        return [] if rows.empty else [build(day, rows)]

    return figures


def _per_feeder(
    read: ReadTable, table: str, build: Callable[[Day, Mapping[str, Any], Frame], Figure | None]
) -> Builder:
    """Return the builder of a figure for each feeder that has rows in a table."""

    def figures(day: Day) -> list[Figure]:
        whole = read(day, table)
        parts = [] if whole.empty else [(own, whole[whole.feeder == own["name"]]) for own in day.feeders]
        figures = [(own["name"], drawn(build, day, own, rows)) for own, rows in parts]
        return [figure.update_layout(meta=name) for name, figure in figures if figure is not None]

    return figures


def _flow_agreement(day: Day) -> list[Figure]:
    """Return the figure of the flows; a city's differences are of paths, ninety-nine in a hundred."""
    flows = link_flows(day.comparison("differences", FLOW_COLUMNS, kind=["link", "station"]))
    return [] if flows.empty else [traffic.flow_agreement(flows)]


def _learning(day: Day) -> list[Figure]:
    """Return the course of many days; of one day there is none."""
    learnt = day.run.comparison.read("learning") if "learning" in day.run.comparison.names else ()
    return [learning.distances(learnt)] if len(learnt) > 1 else []


def _path_shares(day: Day) -> list[Figure]:
    return [traffic.path_shares(day)] if "paths" in day.run.equilibrium.names else []


def _storage(day: Day, own: Mapping[str, Any], devices: Frame) -> Figure | None:
    units = [*own["storage"], *({"name": unit["name"]} for unit in own.get("v2g", ()))]
    return feeder.storage(devices, units, day.period_min) if units else None


def _prices(day: Day, _: Mapping[str, Any], stations: Frame) -> Figure | None:
    prices = day.main("prices")
    own = prices[prices.station.isin(stations.station)]
    return None if own.empty else feeder.prices(own, day.period_min, day.stations)


def _dispatch(day: Day, own: Mapping[str, Any], purchase: Frame) -> Figure:
    tables = day.main("devices"), day.main("buses")
    devices, buses = (table if table.empty else table[table.feeder == own["name"]] for table in tables)
    return feeder.dispatch(devices, purchase, buses, day.period_min)


def _voltages(day: Day, own: Mapping[str, Any], buses: Frame) -> Figure:
    return feeder.voltages(buses, own, day.period_min, day.stations_by_bus(own))


OF_EACH_DAY: dict[str, Builder] = {
    "networks": _one(Day.main, "links", lambda day, _: networks(day)),
    "saturation": _one(Day.main, "links", lambda day, links: traffic.saturation(links, day.period_min)),
    "stations": stations.stations,
    "outcomes": outcomes.outcomes,
    "voltages": _per_feeder(Day.main, "buses", _voltages),
    "dispatch": _per_feeder(Day.main, "dispatch", _dispatch),
    "prices": _per_feeder(Day.main, "stations", _prices),
    "storage": _per_feeder(Day.main, "devices", _storage),
    "forecast_error": _per_feeder(
        Day.main, "dispatch", lambda day, _, purchase: feeder.forecast_error(purchase, day.period_min)
    ),
    "exactness": _per_feeder(
        Day.main, "dispatch", lambda day, _, dispatch: accuracy.exactness(dispatch, day.period_min)
    ),
}
"""Figures that each day of the agents has."""
OF_THE_RUN: dict[str, Builder] = {
    "flow_agreement": _flow_agreement,
    "learning": _learning,
    "learning_check": _one(
        Day.comparison, "learning_check_days", lambda _, days: learning.learning_check(days)
    ),
    "path_shares": _path_shares,
    "choice_tests": _one(Day.comparison, "g_tests", lambda _, tests: traffic.choice_tests(tests)),
    "coupling": _one(
        Day.equilibrium,
        "coupling",
        lambda day, iterations: coupling.coupling(iterations, day.scenario["coupling"]["tolerance"]),
    ),
    "convergence": _one(
        Day.equilibrium,
        "convergence",
        lambda day, iterations: accuracy.convergence(
            iterations, day.scenario["road"]["assignment"]["tolerance"]
        ),
    ),
    "real_time": _per_feeder(
        Day.comparison, "real_time", lambda day, _, plans: coupling.real_time(plans, day.period_min)
    ),
}
"""Figures of the equilibrium, of its comparison with the agents, or of all days."""
