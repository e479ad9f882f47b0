"""Figures of a parameter sweep: results over the values of the varied field."""

from typing import Any

import numpy as np

from cosim.arrays import Frame
from experiments.figures.palette import colours_of
from experiments.figures.style import Figure, grid
from experiments.figures.traces import bars, line

SHOWN_COLUMNS = {
    "drive_min": "mean driving time [min]",
    "wait_min": "mean wait at stations [min]",
    "voltage_min_pu": "lowest voltage [p.u.]",
    "losses_kwh": "losses [kWh]",
    "purchase_max_kw": "maximum purchase [kW]",
    "cost_cny": "cost of the day [CNY]",
}
NAME_FIELDS = {"bus", "road_node"}
"""Fields whose numbers are names, and not quantities."""


def figures_over_values(days: Frame, values: Frame) -> Figure:
    """Return charts of the results over the last field, with a line for each combination of the others.

    *days* have the fields as texts, *values* as values. A field of numbers has a linear axis, others have categories.
    """
    *others, last = values.columns
    is_numeric = last.rpartition(".")[2] not in NAME_FIELDS and values[last].map(_is_number).all()
    days = days.assign(x=values[last] if is_numeric else days[last])
    days = days.sort_values("x", kind="stable") if is_numeric else days
    series = {"": days}
    if others:
        series = {_assignments(others, key): rows for key, rows in days.groupby(others, sort=False)}
    colours = colours_of(list(series))
    drawing = grid(620, 2, 3, subplot_titles=list(SHOWN_COLUMNS.values()), vertical_spacing=0.16)
    for index, column in enumerate(SHOWN_COLUMNS):
        for name, rows in series.items():
            trace = line(rows.x.tolist(), rows[column], name, colours[name], marker={})
            trace.update(showlegend=bool(others) and index == 0)
            drawing.add_trace(trace, row=index // 3 + 1, col=index % 3 + 1)
    drawing.update_xaxes(type="linear" if is_numeric else "category", tickfont={"size": 11})
    drawing.update_layout(legend={"y": 1.07}, margin={"t": 96})
    return drawing.update_xaxes(title_text=last, row=2)


def stations(days: Frame, fields: tuple[str, ...]) -> Figure:
    """Return the energy of each station on each day, stacked."""
    columns = [name for name in days.columns if name.startswith("energy_") and name != "energy_kwh"]
    colours = colours_of(columns)
    labels = [", ".join(str(value) for value in row) for row in days[list(fields)].to_numpy().tolist()]
    drawing = grid(380, 1, 1)
    for column in columns:
        name = column.removeprefix("energy_").removesuffix("_kwh")
        drawing.add_trace(bars(labels, days[column], name, colours[column]))
    drawing.update_xaxes(type="category", title_text=", ".join(fields))
    return drawing.update_layout(barmode="stack", yaxis_title_text="energy charged [kWh]")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _assignments(fields: list[str], key: Any) -> str:
    return ", ".join(f"{field} = {value}" for field, value in zip(fields, key, strict=True))
