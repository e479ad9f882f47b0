"""Figures of a parameter sweep: each figure over the values of the field that varies."""

from typing import Any

import numpy as np

from cosim.arrays import Frame
from experiments.figures.palette import colours_of
from experiments.figures.style import Figure, grid
from experiments.figures.traces import bars, line

SHOWN = {
    "drive_min": "mean driving time [min]",
    "wait_min": "mean wait at stations [min]",
    "voltage_min_pu": "lowest voltage [p.u.]",
    "losses_kwh": "losses [kWh]",
    "purchase_max_kw": "largest purchase [kW]",
    "cost_cny": "cost of the day [CNY]",
}
PLACES = {"bus", "road_node"}
"""Fields whose numbers are names."""


def figures_over_values(days: Frame, values: Frame) -> Figure:
    """Return small charts of the figures over the last field, a line for each combination of the others.

    *days* name the fields' *values* in words. Numbers stand where they belong on the axis, words side by side.
    """
    *others, last = values.columns
    numbers = last.rpartition(".")[2] not in PLACES and values[last].map(_is_number).all()
    days = days.assign(x=values[last] if numbers else days[last])
    days = days.sort_values("x", kind="stable") if numbers else days
    lines = (
        [("", days)]
        if not others
        else [(_called(others, key), own) for key, own in days.groupby(others, sort=False)]
    )
    colours = colours_of([name for name, _ in lines])
    drawing = grid(620, 2, 3, subplot_titles=list(SHOWN.values()), vertical_spacing=0.16)
    for number, column in enumerate(SHOWN):
        for name, own in lines:
            look = {"marker": {}, "showlegend": bool(others) and number == 0}
            course = line(own.x.tolist(), own[column], name, colours[name], **look)
            drawing.add_trace(course, row=number // 3 + 1, col=number % 3 + 1)
    drawing.update_xaxes(type="linear" if numbers else "category", tickfont={"size": 11})
    drawing.update_layout(legend={"y": 1.07}, margin={"t": 96})
    return drawing.update_xaxes(title_text=last, row=2)


def stations(days: Frame, fields: tuple[str, ...]) -> Figure:
    """Return the energy that each station serves on each day, stacked."""
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


def _called(fields: list[str], key: Any) -> str:
    return ", ".join(f"{field} = {value}" for field, value in zip(fields, key, strict=True))
