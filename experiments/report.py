"""The report of a run: one page, ``report.html``, that opens without a network."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cosim.arrays import Frame
from cosim.results import Run
from experiments.figures import accuracy, coupling, feeder, learning, stations, traffic
from experiments.figures.day import Day
from experiments.figures.networks import networks
from experiments.figures.sequence import sequence
from experiments.figures.style import Figure
from experiments.page import embedded, rendered
from experiments.summary import link_flows


def write_report(run: Run) -> None:
    """Write ``report.html`` into the directory of *run*; the same run gives the same bytes."""
    day = Day(run)
    page = rendered(
        "report.html.jinja",
        manifest=run.manifest,
        scenario=day.scenario,
        day=day,
        headlines=headlines(run.summary),
        verdict=verdict(day),
        waits=mean_waits(day),
        figures={name: _as_json(name, drawn) for name, drawn in all_figures(day).items()},
        sequence=sequence(day),
    )
    (run.directory / "report.html").write_text(page, encoding="utf-8")


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
        return [drawn for own in day.feeders if (drawn := build(day, own)) is not None]

    return figures


def _of(day: Day, table: str, own: Mapping[str, Any]) -> Any:
    """Return the rows of one feeder."""
    frame = day.main(table)
    return frame if frame.empty else frame[frame.feeder == own["name"]]


def _path_shares(day: Day) -> list[Figure]:
    equilibrium = day.equilibrium("paths")
    return [] if equilibrium.empty else [traffic.path_shares(day.agents("paths"), equilibrium)]


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


def _real_time(day: Day, own: Mapping[str, Any]) -> Figure:
    table = day.comparison("real_time")
    return coupling.real_time(table[table.feeder == own["name"]], day.period_min)


def _storage(day: Day, own: Mapping[str, Any]) -> Figure | None:
    units = [*own["storage"], *({"name": unit["name"]} for unit in own.get("v2g", ()))]
    return feeder.storage(_of(day, "devices", own), units, day.period_min) if units else None


def _dispatch(day: Day, own: Mapping[str, Any]) -> Figure:
    devices, purchase, buses = (_of(day, table, own) for table in ("devices", "dispatch", "buses"))
    return feeder.dispatch(devices, purchase, buses, day.period_min)


_TRAFFIC: dict[str, Callable[[Day], list[Figure]]] = {
    "networks": _one("links", networks),
    "saturation": _one("links", traffic.saturation),
    "flow_agreement": _compared("differences", lambda rows: traffic.flow_agreement(link_flows(rows))),
    "learning": _learning,
    "path_shares": _path_shares,
    "choice_tests": _compared("g_tests", traffic.choice_tests),
    "stations": stations.stations,
}
_GRID: dict[str, Callable[[Day], list[Figure]]] = {
    "voltages": _per_feeder(
        "buses", lambda day, own: feeder.voltages(_of(day, "buses", own), own, day.period_min)
    ),
    "dispatch": _per_feeder("dispatch", _dispatch),
    "prices": _one("prices", lambda day: feeder.prices(day.main("prices"), day.period_min)),
    "storage": _per_feeder("devices", _storage),
    "forecast_error": _per_feeder(
        "dispatch", lambda day, own: feeder.forecast_error(_of(day, "dispatch", own), day.period_min)
    ),
    "exactness": _per_feeder(
        "dispatch", lambda day, own: accuracy.exactness(_of(day, "dispatch", own), day.period_min)
    ),
    "coupling": _coupling,
    "convergence": _convergence,
    "real_time": lambda day: (
        [] if day.comparison("real_time").empty else [_real_time(day, own) for own in day.feeders]
    ),
}


def _as_json(name: str, figures: list[Figure]) -> list[dict[str, str]]:
    """Return each figure with the id of its place on the page and its content as JSON."""
    return [{"id": f"{name}-{number}", **embedded(figure)} for number, figure in enumerate(figures, start=1)]


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure of the summary, as it is read."""

    label: str
    value: str
    unit: str


_HEADLINES = (
    ("evs", "EVs", ",.0f", ""),
    ("trips", "EV trips", ",.0f", ""),
    ("stranded", "stranded trips", ",.0f", ""),
    ("sessions", "fast-charging sessions", ",.0f", ""),
    ("energy_kwh", "energy charged", ",.0f", "kWh"),
    ("cost_cny", "cost of the day", ",.0f", "CNY"),
    ("losses_kwh", "losses", ",.0f", "kWh"),
    ("voltage_min_pu", "lowest voltage", ".4f", "p.u."),
    ("relaxation_error_max", "relaxation error", ".1e", "p.u."),
    ("ac_mismatch_max_pu", "dispatch against AC", ".1e", "p.u."),
    ("link_flow_rmse_veh_h", "agents against SUE, RMSE", ".1f", "veh/h"),
    ("sue_residual_max", "residual of the SUE", ".1e", ""),
    ("coupling_residual", "residual of the coupling", ".1e", ""),
)


def headlines(summary: Mapping[str, Any]) -> list[Headline]:
    """Return the summary as it is shown at the top; figures a model does not have are left out."""
    return [
        Headline(label, _power_of_ten(format(summary[key], form)), unit)
        for key, label, form, unit in _HEADLINES
        if isinstance(summary.get(key), int | float) and math.isfinite(summary[key])
    ]


def _power_of_ten(number: str) -> str:
    """Return 1.3e-07 as it is written by hand."""
    mantissa, _, exponent = number.partition("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")) if exponent else ""
    return f"{mantissa} \N{MULTIPLICATION SIGN} 10{raised}" if exponent else mantissa


def verdict(day: Day) -> Mapping[str, Any] | None:
    """Return the verdict on the agents against the equilibrium, or None where they were not compared."""
    if "verdicts" not in day.run.comparison.names:
        return None
    row: dict[str, Any] = day.run.comparison.verdicts.iloc[0].to_dict()
    return row | {"geh_below_5_share": day.run.summary["geh_below_5_share"]}


def mean_waits(day: Day) -> dict[str, float]:
    """Return the mean wait of a session in each model that has sessions [min]."""
    sessions = day.agents("sessions")
    found = {
        "agents": _mean_wait(day.agents("stations")),
        "equilibrium": _mean_wait(day.equilibrium("stations")),
    }
    means = {model: wait_min for model, wait_min in found.items() if wait_min is not None}
    if not sessions.empty:
        means["agents"] = float(sessions.wait_min.mean())
    return means


def _mean_wait(stations_: Frame) -> float | None:
    """Return the mean wait over periods and stations, weighted by the vehicles that came; None if none did."""
    if stations_.empty:
        return None
    came = stations_[(stations_.arrivals > 0) & stations_.wait_min.notna()]
    return float((came.wait_min * came.arrivals).sum() / came.arrivals.sum()) if len(came) else None
