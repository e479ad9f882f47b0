"""Figures of a campaign: lines with bands, broken limits, heat maps, effects, remedies."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cosim.arrays import Frame
from experiments.figures.palette import AGENTS, CYCLE, EQUILIBRIUM, LIMIT, colours_of
from experiments.figures.style import Figure, colourbar_beside, figure, grid
from experiments.figures.traces import Trace, band, bars, line, points, whiskers
from experiments.sweep.answers.means import means_by_value
from experiments.sweep.answers.remedies import REMEDY
from experiments.sweep.answers.runs import Runs

LABELS = {
    "drive_min": "mean driving time [min]",
    "wait_min": "mean wait at stations [min]",
    "voltage_min_pu": "lowest voltage [p.u.]",
    "losses_kwh": "losses [kWh]",
    "purchase_max_kw": "maximum purchase [kW]",
    "cost_cny": "cost of the day [CNY]",
}
"""Figures that are drawn, and their axes."""
NAME_FIELDS = {"bus", "road_node"}
"""Fields whose numbers are names, and not quantities."""
MOST_SERIES = 8
"""Combinations of the other fields that have a line of their own."""


def labels_of(runs: Runs) -> dict[str, str]:
    """Return the figures that are drawn, and their axes."""
    return {name: label for name, label in LABELS.items() if name in runs.figures}


def is_quantity(runs: Runs, field: str) -> bool:
    """Return whether a field has an axis of numbers."""
    return field.rpartition(".")[2] not in NAME_FIELDS and runs.numeric(field)


def series_over(runs: Runs, rows: Frame, field: str) -> Iterator[tuple[str, str, Frame]]:
    """Yield name, model and rows, by rising *field*, of each model and combination of the other fields of *rows*."""
    others = [name for name in runs.fields if name != field and name in rows and _varies(runs, name)]
    quantity = is_quantity(runs, field)
    rows = rows.assign(x=rows[field] if quantity else rows[field].astype(str))
    rows = rows.sort_values("x", kind="stable") if quantity else rows
    groups = [name if runs.numeric(name) else rows[name].astype(str) for name in others]
    for key, own in rows.groupby(["model", *groups], sort=False):
        values = ", ".join(f"{_short(name)} = {value}" for name, value in zip(others, key[1:], strict=True))
        yield ", ".join(filter(None, [key[0] if len(runs.models) > 1 else "", values])), key[0], own


def _varies(runs: Runs, field: str) -> bool:
    return len(runs.settings[field].astype(str).unique()) > 1


def _short(field: str) -> str:
    return field.rpartition(".")[2]


def has_few_lines(runs: Runs, field: str) -> bool:
    """Return whether each combination of the other fields may have a line of its own."""
    others = runs.settings.drop(columns=field).astype(str)
    return others.shape[1] == 0 or len(others.drop_duplicates()) <= MOST_SERIES


def figures_over(runs: Runs, means: Frame, field: str) -> Figure:
    """Return charts of the means over a field: with 95 % bands, a line for each model and combination of other fields.

    Where these are too many, their mean; of points that are no grid, a mark for each.
    """
    labels = labels_of(runs)
    quantity = is_quantity(runs, field)
    rows = means if has_few_lines(runs, field) or not runs.is_grid else means_by_value(runs, field)
    height = 640 if quantity else 760
    drawing = grid(
        height, 2, 3, subplot_titles=list(labels.values()), vertical_spacing=0.16 if quantity else 0.26
    )
    series = list(series_over(runs, rows[rows.figure.isin(list(labels))], field)) if runs.is_grid else []
    colours = _colours([name for name, _, _ in series], [model for _, model, _ in series])
    for index, name in enumerate(labels):
        place = {"row": index // 3 + 1, "col": index % 3 + 1}
        if not runs.is_grid:
            _marks(drawing, runs, means[means.figure == name], field, place, first=not index)
        for label, model, own in series:
            one = own[own.figure == name]
            drawn = _band_and_line if quantity else _marks_and_whiskers
            drawn(drawing, one, Look(label, colours[label], model, first=not index), place)
    drawing.update_xaxes(type="linear" if quantity else "category", tickfont={"size": 11})
    drawing.update_layout(legend={"y": 1.07}, margin={"t": 96 if len(series) > 1 or not runs.is_grid else 40})
    return drawing.update_xaxes(title_text=field, row=2)


def _colours(names: list[str], models: list[str]) -> dict[str, str]:
    """Return the colours of the models where there is nothing else to tell apart."""
    if len(names) == len(set(models)):
        return dict(
            zip(names, (AGENTS if model == "agents" else EQUILIBRIUM for model in models), strict=True)
        )
    return colours_of(names)


@dataclass(frozen=True, slots=True)
class Look:
    """How a line is drawn."""

    label: str
    colour: str
    model: str
    _: KW_ONLY
    first: bool
    """Whether it is named in the legend."""

    def named(self, trace: Trace) -> Trace:
        """Return the trace as it is in the legend."""
        return trace | {"showlegend": self.first and bool(self.label), "legendgroup": self.label}


def _band_and_line(drawing: Figure, rows: Frame, look: Look, place: dict[str, int]) -> None:
    x = rows.x.tolist()
    if rows.low.notna().any():
        for trace in band(x, rows.low, rows.high, None, _pale(look.colour)):
            drawing.add_trace(trace, **place)
    dash = "dot" if look.model == "equilibrium" else None
    drawing.add_trace(
        look.named(line(x, rows["mean"], look.label, look.colour, dash=dash, marker={"size": 5})), **place
    )


def _marks_and_whiskers(drawing: Figure, rows: Frame, look: Look, place: dict[str, int]) -> None:
    reach = whiskers(rows["mean"] - rows.low, rows.high - rows["mean"], thickness=1.2, width=4)
    symbol = {"symbol": "circle-open" if look.model == "equilibrium" else "circle"}
    trace = points(
        rows.x.tolist(), rows["mean"], look.label, look.colour, size=8, marker=symbol, error_y=reach
    )
    drawing.add_trace(look.named(trace), **place)


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def _marks(
    drawing: Figure, runs: Runs, rows: Frame, field: str, place: dict[str, int], *, first: bool
) -> None:
    for model in runs.models:
        own = rows[rows.model == model]
        colour = AGENTS if model == "agents" else EQUILIBRIUM
        drawing.add_trace(points(own[field], own["mean"], model, colour, size=4, showlegend=first), **place)


def broken_over(runs: Runs, limits: Frame, field: str) -> Figure:
    """Return the probability that a limit is broken over a field, with its exact interval."""
    drawing = figure(400, yaxis_title_text="share of days with a broken limit", xaxis_title_text=field)
    series = list(series_over(runs, limits, field))
    colours = _colours([name for name, _, _ in series], [model for _, model, _ in series])
    for name, _, rows in [one for one in series if one[2].n.max() > 1] or series:
        reach = whiskers(rows.probability - rows.low, rows.high - rows.probability, thickness=1.2, width=4)
        trace = points(rows.x.tolist(), rows.probability, name or None, colours[name], size=8)
        if is_quantity(runs, field):
            trace = line(rows.x.tolist(), rows.probability, name or None, colours[name], marker={"size": 7})
        drawing.add_trace(trace | ({"error_y": reach} if rows.n.max() > 1 else {}))
    drawing.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    return drawing.update_xaxes(type="linear" if is_quantity(runs, field) else "category")


def heat_maps(runs: Runs, means: Frame, fields: tuple[str, str], model: str) -> Figure:
    """Return each figure over two fields, as means over all others."""
    labels = labels_of(runs)
    drawing = grid(
        720, 2, 3, subplot_titles=list(labels.values()), vertical_spacing=0.2, horizontal_spacing=0.16
    )
    for index, name in enumerate(labels):
        rows = means[(means.figure == name) & (means.model == model)]
        table = rows.pivot_table(
            index=fields[1], columns=fields[0], values="mean", sort=is_quantity(runs, fields[1])
        )
        row, column = index // 3, index % 3
        bar = {**colourbar_beside(""), "x": 0.23 + column * 0.385, "len": 0.4, "y": 0.8 - 0.6 * row}
        chart = go.Heatmap(
            x=[str(value) for value in table.columns],
            y=[str(value) for value in table.index],
            z=table.to_numpy(),
            colorscale="Cividis",
            colorbar=bar,
            hovertemplate=f"{_short(fields[0])} %{{x}}, {_short(fields[1])} %{{y}}: %{{z:.5g}}<extra></extra>",
        )
        drawing.add_trace(chart, row=row + 1, col=column + 1)
    drawing.update_xaxes(type="category", title_text=_short(fields[0]))
    drawing.update_yaxes(type="category")
    return drawing.update_yaxes(title_text=_short(fields[1]), col=1)


def shares_of_variance(runs: Runs, table: Frame, model: str) -> Figure:
    """Return the shares of the variance of each figure with their intervals: of effects, or Sobol indices."""
    own = table[(table.model == model) & table.figure.isin(list(labels_of(runs)))]
    kinds = list(own.groupby("order", sort=False)) if "order" in own else [("", own)]
    effects = list(dict.fromkeys(own.effect))
    shown = list(dict.fromkeys(own.figure))
    drawing = grid(
        max(300, 90 + 46 * len(effects) * len(kinds)), 1, len(shown), subplot_titles=shown, shared_yaxes=True
    )
    colours = dict(zip([kind for kind, _ in kinds], CYCLE, strict=False))
    for column, name in enumerate(shown, start=1):
        for kind, rows in kinds:
            one = rows[rows.figure == name]
            reach = whiskers(one.share - one.low, one.high - one.share, thickness=1, width=3)
            chart = bars(one.share, one.effect, kind or None, colours[kind], orientation="h", error_x=reach)
            drawing.add_trace(
                chart | {"showlegend": bool(kind) and column == 1, "legendgroup": kind}, row=1, col=column
            )
    drawing.update_xaxes(range=[-0.05, 1.05], tickformat=".0%", tickfont={"size": 10})
    drawing.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=effects)
    return drawing.update_layout(legend={"y": 1.12})


def remedy_costs(table: Frame, model: str) -> Figure:
    """Return what each remedy costs a day, operation and investment, and the share of days with a broken limit."""
    rows = table[table.model == model]
    drawing = grid(
        120 + 44 * len(rows), 1, 2, shared_yaxes=True, column_widths=[0.6, 0.4], horizontal_spacing=0.04
    )
    names = [", ".join(str(value) for value in row) for row in rows.loc[:, :REMEDY].to_numpy()]
    reach = whiskers(rows.total_cny - rows.low, rows.high - rows.total_cny, thickness=1.2, width=4)
    operation = bars(rows.operation_cny, names, "operation", CYCLE[0], orientation="h")
    invested = bars(rows.investment_cny, names, "investment", CYCLE[4], orientation="h", error_x=reach)
    shares = whiskers(
        rows.probability - rows.probability_low, rows.probability_high - rows.probability, width=4
    )
    broken = points(rows.probability, names, "days with a broken limit", LIMIT, size=9, error_x=shares)
    for trace, column in ((operation, 1), (invested, 1), (broken, 2)):
        drawing.add_trace(trace, row=1, col=column)
    drawing.update_layout(barmode="stack", legend={"y": 1.04})
    drawing.update_yaxes(autorange="reversed")
    drawing.update_xaxes(title_text="CNY a day", col=1, row=1, range=_cost_range(rows))
    return drawing.update_xaxes(
        title_text="share of days", tickformat=".0%", range=[-0.03, 1.03], col=2, row=1
    )


def _cost_range(rows: Frame) -> list[float]:
    """Return an axis that does not start at zero: what differs are the ends of the bars."""
    low, high = float(np.nanmin([rows.low, rows.total_cny])), float(np.nanmax([rows.high, rows.total_cny]))
    spare = 0.25 * max(high - low, 1.0)
    return [max(0.0, low - spare), high + spare]


def station_energy(runs: Runs, means: Frame, model: str) -> Figure:
    """Return the mean energy of each station in each setting, stacked."""
    columns = [name for name in runs.figures if name.startswith("energy_") and name != "energy_kwh"]
    colours, drawing = colours_of(columns), grid(380, 1, 1)
    rows = means[means.model == model]
    labels = [", ".join(str(value) for value in point.values()) for point in runs.points.values()]
    for column in columns:
        energy = rows[rows.figure == column].set_index("setting")["mean"].reindex(list(runs.points))
        drawing.add_trace(
            bars(labels, energy, column.removeprefix("energy_").removesuffix("_kwh"), colours[column])
        )
    drawing.update_xaxes(type="category", title_text=", ".join(runs.fields))
    return drawing.update_layout(barmode="stack", yaxis_title_text="energy charged [kWh]")


def parallel_coordinates(runs: Runs, means: Frame, limits: Frame, model: str) -> dict[str, Any]:
    """Return the axes and the lines of parallel coordinates: a line for each setting, of fields and figures.

    ``axes`` have a name and the texts of their categories (none: numbers), ``lines`` a value for each axis, or null.
    """
    own = means[means.model == model].pivot_table(
        index="setting", columns="figure", values="mean", dropna=False
    )
    broken = limits[limits.model == model].set_index("setting").probability
    axes: list[dict[str, Any]] = []
    columns: list[list[float | None]] = []
    for field in runs.fields:
        texts = [] if is_quantity(runs, field) else list(dict.fromkeys(runs.settings[field].astype(str)))
        axes.append({"name": field, "texts": texts})
        columns.append([texts.index(str(v)) if texts else float(v) for v in runs.settings[field]])
    for name in labels_of(runs):
        axes.append({"name": name, "texts": []})
        columns.append(_or_none(own[name].reindex(runs.settings.index)))
    axes.append({"name": "limits broken", "texts": []})
    columns.append(_or_none(broken.reindex(runs.settings.index)))
    return {"axes": axes, "lines": [list(line) for line in zip(*columns, strict=True)]}


def _or_none(values: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
