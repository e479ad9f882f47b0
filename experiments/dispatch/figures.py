"""Figures of a dispatch alone: the one-line diagram by voltage, shifted load, and one period bus by bus."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from cosim.arrays import Frame
from cosim.grid.bus_words import at_bus
from cosim.grid.feeder import Feeder
from experiments.figures.feeder_map import branch_lines, bus_label, bus_positions, label_position
from experiments.figures.palette import BLUE, CYCLE, INK, LIMIT, MUTED, VOLTAGE
from experiments.figures.positions import Positions
from experiments.figures.road_map import LABELLED
from experiments.figures.slider import with_period_slider
from experiments.figures.style import Figure, figure, grid, stacked
from experiments.figures.traces import bars, line

DEVICES_NAMED = 60
"""Devices up to which they are named in the one-line diagram."""
SHIFTS_APART = 10
"""Demand-response buses up to which each has its colour."""


def one_line(feeder: Feeder, buses: Frame, branches: Frame, devices: Frame) -> Figure:
    """Return the trees of the feeder, buses coloured by voltage, with a slider where there are several periods."""
    trees = _tree_of_bus(feeder)
    first = branches[branches.period == branches.period.min()]
    placed = bus_positions(first.assign(feeder=[trees[bus] for bus in first.to_bus]))
    positions = {bus: placed[f"{tree}/{bus}"] for bus, tree in trees.items() if f"{tree}/{bus}" in placed}
    heights = [y for _, y in positions.values()]
    drawing = figure(int(np.clip(300 + 34 * np.ptp(heights), 420, 1400)))
    ends = zip(first.from_bus.map(positions), first.to_bus.map(positions), strict=True)
    drawing.add_trace(branch_lines(ends))
    _name_devices(drawing, devices, buses, positions)
    periods = sorted(buses.period.unique())
    shown = buses[buses.bus.isin(list(positions))]
    moving = [_buses(shown[shown.period == period], feeder, positions) for period in periods]
    weakest = int(np.argmin([np.min(trace["marker"]["color"]) for trace in moving]))
    drawing.add_trace(moving[weakest])
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    drawing.update_xaxes(**hidden)
    drawing.update_yaxes(**hidden)
    drawing.update_layout(margin={"l": 10, "r": 10, "t": 10, "b": 90})
    if len(periods) == 1:
        return drawing
    drawing.frames = [
        {"name": str(period), "data": [_changes(trace)], "traces": [1]}
        for period, trace in zip(periods, moving, strict=True)
    ]
    return with_period_slider(drawing, [str(period) for period in periods], weakest)


def _tree_of_bus(feeder: Feeder) -> dict[str, str]:
    """Return the name of the slack bus that feeds each bus."""
    tree = {int(bus): feeder.bus_names[bus] for bus in feeder.slack_buses}
    for near, far in zip(feeder.from_bus.tolist(), feeder.to_bus.tolist(), strict=True):
        tree[far] = tree[near]
    return {feeder.bus_names[bus]: root for bus, root in tree.items()}


def _name_devices(drawing: Figure, devices: Frame, buses: Frame, positions: Positions) -> None:
    """Name the devices, and stations as EV, below their buses."""
    named = devices.drop_duplicates("device")
    if len(named) > DEVICES_NAMED:
        return
    names: dict[str, list[str]] = {}
    for row in named.itertuples():
        names.setdefault(row.bus, []).append("DR" if row.kind == "demand_response" else row.device)
    for bus in buses.bus[buses.station_kw > 0].unique():
        names.setdefault(bus, []).append("<b>EV</b>")
    for bus in (bus for bus in names if bus in positions):
        x, y = positions[bus]
        text = f"<i>{', '.join(names[bus])}</i>"
        drawing.add_annotation(
            text=text, showarrow=False, font={"size": 11, "color": INK}, x=x, y=y, yshift=-20
        )


def _buses(now: Frame, feeder: Feeder, positions: Positions) -> dict[str, Any]:
    few = len(now) <= LABELLED
    bar = {"orientation": "h", "y": -0.02, "yanchor": "top", "len": 0.5, "thickness": 10, "outlinewidth": 0}
    return {
        "type": "scatter",
        "showlegend": False,
        "x": [positions[bus][0] for bus in now.bus],
        "y": [positions[bus][1] for bus in now.bus],
        "mode": "markers+text" if few else "markers",
        "marker": {
            "size": 21 if few else 8,
            "color": now.voltage_pu.round(5).tolist(),
            "colorscale": VOLTAGE,
            "cmin": float(feeder.voltage_limits_pu[0].min()),
            "cmax": float(feeder.voltage_limits_pu[1].max()),
            "colorbar": {"title": {"text": "voltage [p.u.]", "side": "top", "font": {"size": 12}}, **bar},
            "line": {"color": INK, "width": 1},
        },
        "text": [bus_label(bus) for bus in now.bus] if few else None,
        "textposition": label_position(now.bus),
        "textfont": {"size": 10, "color": INK},
        "hovertext": [at_bus(bus) for bus in now.bus],
        "customdata": now[["load_kw", "station_kw"]].round(1).to_numpy().tolist(),
        "hovertemplate": "%{hovertext}<br>%{marker.color:.4f} p.u.<br>%{customdata[0]:.0f} kW load"
        "<br>%{customdata[1]:.0f} kW stations<extra></extra>",
    }


def _changes(trace: dict[str, Any]) -> dict[str, Any]:
    """Return what a frame has to say: all but where the buses are."""
    return {
        "type": "scatter",
        "customdata": trace["customdata"],
        "marker": {"color": trace["marker"]["color"]},
    }


def demand_response(devices: Frame, period_min: float) -> Figure:
    """Return the power each bus shifts out (up) and takes back (down), and the energy deferred."""
    own = devices[devices.kind == "demand_response"]
    own = own.assign(bus=own.bus.map(at_bus))
    if own.bus.nunique() > SHIFTS_APART:
        powers = ["p_kw", "stored_kwh"]
        own = own.groupby("period")[powers].sum().reset_index().assign(bus=f"all {own.bus.nunique()} buses")
    titles = ("shifted out [kW]", "deferred at the<br>end [kWh]")
    drawing = stacked(420, period_min, titles, row_heights=[0.62, 0.38])
    for place, (bus, shifts) in enumerate(own.groupby("bus", sort=False)):
        colour, look = CYCLE[place % len(CYCLE)], {"width": 1.8, "marker": {}, "showlegend": False}
        drawing.add_trace(bars(shifts.period, shifts.p_kw.round(3), str(bus), colour), row=1, col=1)
        deferred = line(shifts.period, shifts.stored_kwh.round(3), str(bus), colour, **look)
        drawing.add_trace(deferred, row=2, col=1)
    return drawing.update_layout(barmode="relative", bargap=0.12)


def by_bus(feeder: Feeder, buses: Frame) -> Figure:
    """Return the voltage and the nodal price of each bus in one period, in the order of the table."""
    drawing = grid(460, 2, 1, shared_xaxes=True, row_heights=[0.55, 0.45], vertical_spacing=0.07)
    for row, (values, colour, form) in enumerate(
        ((buses.voltage_pu, BLUE, ".4f"), (buses.nodal_price_cny_per_kwh, MUTED, ".4f")), start=1
    ):
        marks = go.Scatter(
            x=buses.bus.tolist(),
            y=values.round(6),
            mode="markers",
            marker={"color": colour, "size": 7 if len(buses) <= LABELLED else 4},
            showlegend=False,
            text=[at_bus(bus) for bus in buses.bus],
            hovertemplate=f"%{{text}}<br>%{{y:{form}}}<extra></extra>",
        )
        drawing.add_trace(marks, row=row, col=1)
    for level in feeder.voltage_limits_pu:
        look = {"width": 1.5, "dash": "dash", "hoverinfo": "skip"}
        drawing.add_trace(line(buses.bus.tolist(), level, None, LIMIT, **look), row=1, col=1)
    drawing.update_xaxes(type="category", nticks=40)
    drawing.update_xaxes(title_text="bus", row=2, col=1)
    drawing.update_yaxes(title_text="voltage [p.u.]", row=1, col=1)
    return drawing.update_yaxes(title_text="nodal price<br>[CNY/kWh]", row=2, col=1)
