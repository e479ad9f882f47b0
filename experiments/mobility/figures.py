"""Figures of a population: what EVs do over the day, when they leave, what batteries hold, how often they charge."""

import plotly.graph_objects as go

from cosim.arrays import Frame
from experiments.figures.style import (
    AGENTS,
    BLUE,
    EQUILIBRIUM,
    GREEN,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    Figure,
    figure,
)

COLOURS = {
    "home": BLUE,
    "slow_charging": GREEN,
    "work": SKY,
    "leisure": PURPLE,
    "other": MUTED,
    "driving": ORANGE,
    "fast_charging": VERMILION,
}
LEAST_SHARE = 1e-4


def _over_day(drawing: Figure) -> Figure:
    return drawing.update_xaxes(title_text="hour of the day", range=[0, 24], dtick=2)


def stacked(activity_states: Frame) -> Figure:
    """Return what EVs do at every slot boundary, stacked to 1."""
    drawing = figure(420)
    for name, colour in COLOURS.items():
        drawing.add_trace(
            go.Scatter(
                x=activity_states.time_min / 60,
                y=activity_states[name],
                name=name.replace("_", " "),
                stackgroup="all",
                mode="lines",
                line={"width": 0.5, "color": colour},
                fillcolor=colour,
                hovertemplate="%{y:.4f}",
            )
        )
    drawing.update_layout(hovermode="x unified")
    drawing.update_yaxes(title_text="share of all EVs", range=[0, 1])
    return _over_day(drawing)


def against_exact(found: Frame, key: str) -> Figure:
    """Return the difference of counted and exact shares in parts of the band's half width: 1 is its edge."""
    drawing = figure(320)
    for name, own in found.groupby(key, sort=False):
        certain = own[(own.high > own.low) & own.exact.between(LEAST_SHARE, 1 - LEAST_SHARE)]
        above = certain.share >= certain.exact
        width = (certain.high - certain.exact).where(above, certain.exact - certain.low)
        drawing.add_trace(
            go.Scatter(
                x=certain.time_min / 60,
                y=(certain.share - certain.exact) / width,
                name=str(name).replace("_", " "),
                mode="markers",
                marker={"size": 5, "color": COLOURS.get(str(name), YELLOW)},
                customdata=certain[["share", "exact"]].to_numpy(),
                hovertemplate="counted %{customdata[0]:.5f}, exact %{customdata[1]:.5f}",
            )
        )
    for edge in (-1, 1):
        drawing.add_hline(y=edge, line={"color": MUTED, "dash": "dash", "width": 1})
    drawing.update_yaxes(title_text="difference / band")
    return _over_day(drawing)


def charging_against_chain(charging: Frame) -> Figure:
    """Return the EVs that charge: counted as points, by the chain with batteries as lines."""
    drawing = figure(340)
    for name, own in charging.groupby("activity_state", sort=False):
        label, colour = str(name).replace("_", " "), COLOURS[str(name)]
        hours = own.time_min / 60
        drawing.add_trace(
            go.Scatter(x=hours, y=own.exact, name=f"{label}, chain", mode="lines", line={"color": colour})
        )
        points = {"color": colour, "size": 4}
        drawing.add_trace(go.Scatter(x=hours, y=own.share, name=label, mode="markers", marker=points))
    drawing.update_yaxes(title_text="share of all EVs", rangemode="tozero")
    return _over_day(drawing)


def leaving(departures: Frame) -> Figure:
    """Return the trips that start in every slot: counted as bars, exact as a line."""
    drawing = figure(340, barmode="stack", bargap=0)
    for name, own in departures.groupby("from_activity", sort=False):
        drawing.add_trace(
            go.Bar(
                x=own.time_min / 60 + 0.125,
                y=own.share,
                name=f"from {name}",
                marker={"color": COLOURS[str(name)]},
                hovertemplate="%{y:.5f}",
            )
        )
    exact = departures.groupby("time_min").exact.sum()
    line = {"color": "#000000", "width": 1.2}
    drawing.add_trace(
        go.Scatter(x=exact.index / 60 + 0.125, y=exact, name="exact, all", mode="lines", line=line)
    )
    drawing.update_yaxes(title_text="trips per EV and quarter of an hour")
    return _over_day(drawing)


def soc_fan(quantiles: Frame) -> Figure:
    """Return the state of charge of all EVs: median, and the bands of half and of nine tenths of them."""
    drawing = figure(340)
    hours = quantiles.time_min / 60
    for low, high, colour, name in (
        ("soc_q05", "soc_q95", "rgba(0,114,178,0.15)", "5 to 95 %"),
        ("soc_q25", "soc_q75", "rgba(0,114,178,0.3)", "25 to 75 %"),
    ):
        bare = {"mode": "lines", "line": {"width": 0}}
        drawing.add_trace(go.Scatter(x=hours, y=quantiles[high], showlegend=False, hoverinfo="skip", **bare))
        drawing.add_trace(
            go.Scatter(x=hours, y=quantiles[low], name=name, fill="tonexty", fillcolor=colour, **bare)
        )
    drawing.add_trace(
        go.Scatter(x=hours, y=quantiles.soc_q50, name="median", mode="lines", line={"color": BLUE})
    )
    drawing.update_yaxes(title_text="state of charge", range=[0, 1])
    return _over_day(drawing)


def charging_shares(shares: Frame) -> Figure:
    """Return p_t of all parts with its Wilson interval, and that of the chain with batteries as a line."""
    drawing = figure(360)
    for (part, own), colour in zip(shares.groupby("days", sort=False), (EQUILIBRIUM, AGENTS), strict=False):
        name = str(part).replace("_", " ")
        spread = {
            "type": "data",
            "symmetric": False,
            "array": own.high - own.charging_share,
            "arrayminus": own.charging_share - own.low,
            "thickness": 1,
        }
        drawing.add_trace(
            go.Scatter(
                x=own.period,
                y=own.charging_share,
                error_y=spread,
                name=name,
                mode="markers",
                marker={"color": colour},
            )
        )
        if own.chain.notna().any():
            line = {"color": colour, "width": 1.2}
            drawing.add_trace(
                go.Scatter(x=own.period, y=own.chain, name=f"{name}, chain", mode="lines", line=line)
            )
    drawing.update_xaxes(title_text="period of the day")
    return drawing.update_yaxes(title_text="share of trips that fast-charge", rangemode="tozero")
