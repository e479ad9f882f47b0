"""The pages of a comparison and of the error against N: each one file that opens without a network."""

from typing import Any

from cosim.arrays import Frame
from experiments.compare import figures
from experiments.compare.comparison import ComparedPair, Comparison
from experiments.compare.convergence import ErrorAgainstN
from experiments.compare.differences import in_one_only
from experiments.figures.style import Figure
from experiments.page import drawn, drawn_each, embedded_all, embedded_each, rendered
from experiments.run.figures import traffic
from experiments.run.summary import link_flows


def comparison_page(comparison: Comparison) -> str:
    """Return the page; the same tables give the same bytes."""
    period_min = 60 * comparison.samples[0].hours
    pairs = [_pair(pair, number, period_min) for number, pair in enumerate(comparison.pairs, start=1)]
    return rendered("comparison.html.jinja", comparison=comparison, pairs=pairs)


def _pair(pair: ComparedPair, number: int, period_min: float) -> dict[str, Any]:
    """Return what the page shows of one comparison."""
    sections = _figures(pair.tables, (pair.verdict.reference, pair.verdict.other), period_min)
    shown = {name: embedded_each(f"{name}-{number}", own) for name, own in sections.items() if own}
    rows = {name: list(pair.rows(name).itertuples()) for name in ("totals", "causes", "measures", "settings")}
    alone = in_one_only(pair.tables["differences"]).groupby(["found_in", "kind"], sort=False).item.agg(list)
    return {"verdict": pair.verdict, "figures": shown, "in_one_only": list(alone.items()), **rows}


def _figures(tables: dict[str, Frame], names: tuple[str, str], period_min: float) -> dict[str, list[Figure]]:
    differences, tests = tables["differences"], tables.get("g_tests", tables.get("route_switchers"))
    has_buses = (differences.kind == "bus").any()
    return {
        "indicators": [drawn(figures.indicator_strength, tables["causes"])],
        "flows": [drawn(lambda: traffic.flow_agreement(link_flows(differences), names))],
        "choices": [] if tests is None else [drawn(traffic.choice_tests, tests)],
        "stations": drawn_each(figures.stations, differences, names, period_min),
        "voltages": [drawn(figures.voltages, differences, period_min)] if has_buses else [],
        "feeders": drawn_each(figures.feeders, differences, names, period_min),
    }


def error_page(name: str, result: ErrorAgainstN) -> str:
    """Return the page of the error against the number of agents."""
    table = result.table()
    rows = table.groupby("evs").relative_error.agg(["mean", "min", "max", "count"]).reset_index()
    shown = {"error": drawn(figures.error_against_n, table, result.slope)}
    return rendered(
        "error_against_n.html.jinja",
        figures=embedded_all(shown),
        name=name,
        result=result,
        rows=list(rows.itertuples()),
    )
