"""Figures of a population: what EVs do over the day, when they leave, what batteries hold, how often they charge."""

from typing import Any

from cosim.arrays import Frame
from experiments.figures import palette
from experiments.figures.style import Figure, figure
from experiments.figures.traces import band, bars, line, points, whiskers

COLOURS = {
    "home": palette.BLUE,
    "slow_charging": palette.GREEN,
    "work": palette.SKY,
    "leisure": palette.PURPLE,
    "other": palette.MUTED,
    "driving": palette.ORANGE,
    "fast_charging": palette.VERMILION,
}
LEAST_SHARE = 1e-4


def _over_day(drawing: Figure, **yaxis: Any) -> Figure:
    drawing.update_yaxes(**yaxis)
    return drawing.update_xaxes(title_text="hour of the day", range=[0, 24], dtick=2)


def stacked(activity_states: Frame) -> Figure:
    """Return what EVs do at every slot boundary, stacked to 1."""
    drawing = figure(420, hovermode="x unified")
    for name, colour in COLOURS.items():
        look = {"width": 0.5, "stackgroup": "all", "fillcolor": colour, "hovertemplate": "%{y:.4f}"}
        drawing.add_trace(
            line(activity_states.time_min / 60, activity_states[name], name.replace("_", " "), colour, **look)
        )
    return _over_day(drawing, title_text="share of all EVs", range=[0, 1])


def against_exact(found: Frame, key: str) -> Figure:
    """Return the difference of counted and exact shares in parts of the band's half width: 1 is its edge."""
    drawing = figure(320)
    for name, own in found.groupby(key, sort=False):
        certain = own[(own.high > own.low) & own.exact.between(LEAST_SHARE, 1 - LEAST_SHARE)]
        above = certain.share >= certain.exact
        width = (certain.high - certain.exact).where(above, certain.exact - certain.low)
        hours, difference = certain.time_min / 60, (certain.share - certain.exact) / width
        hover = "counted %{customdata[0]:.5f}, exact %{customdata[1]:.5f}"
        told = {"customdata": certain[["share", "exact"]].to_numpy(), "hovertemplate": hover}
        label, colour = str(name).replace("_", " "), COLOURS.get(str(name), palette.YELLOW)
        drawing.add_trace(points(hours, difference, label, colour, size=5, **told))
    for edge in (-1, 1):
        drawing.add_hline(y=edge, line={"color": palette.MUTED, "dash": "dash", "width": 1})
    return _over_day(drawing, title_text="difference / band")


def charging_against_chain(charging: Frame) -> Figure:
    """Return the EVs that charge: counted as points, by the chain with batteries as lines."""
    drawing = figure(340)
    for name, own in charging.groupby("activity_state", sort=False):
        label, colour = str(name).replace("_", " "), COLOURS[str(name)]
        hours = own.time_min / 60
        drawing.add_trace(line(hours, own.exact, f"{label}, chain", colour))
        drawing.add_trace(points(hours, own.share, label, colour, size=4))
    return _over_day(drawing, title_text="share of all EVs", rangemode="tozero")


def leaving(departures: Frame) -> Figure:
    """Return the trips that start in every slot: counted as bars, exact as a line."""
    drawing = figure(340, barmode="stack", bargap=0)
    for name, own in departures.groupby("from_activity", sort=False):
        hours, colour = own.time_min / 60 + 0.125, COLOURS[str(name)]
        drawing.add_trace(bars(hours, own.share, f"from {name}", colour, hovertemplate="%{y:.5f}"))
    exact = departures.groupby("time_min").exact.sum()
    drawing.add_trace(line(exact.index / 60 + 0.125, exact, "exact, all", palette.BLACK, width=1.2))
    return _over_day(drawing, title_text="trips per EV and quarter of an hour")


def soc_fan(quantiles: Frame) -> Figure:
    """Return the state of charge of all EVs: median, and the bands of half and of nine tenths of them."""
    drawing = figure(340)
    hours = quantiles.time_min / 60
    for low, high, colour, name in (
        ("soc_q05", "soc_q95", "rgba(0,114,178,0.15)", "5 to 95 %"),
        ("soc_q25", "soc_q75", "rgba(0,114,178,0.3)", "25 to 75 %"),
    ):
        drawing.add_traces(band(hours, quantiles[low], quantiles[high], name, colour))
    drawing.add_trace(line(hours, quantiles.soc_q50, "median", palette.BLUE))
    return _over_day(drawing, title_text="state of charge", range=[0, 1])


def charging_shares(shares: Frame) -> Figure:
    """Return p_t of all parts with its Wilson interval, and that of the chain with batteries as a line."""
    drawing = figure(360)
    for (part, own), colour in zip(
        shares.groupby("days", sort=False), (palette.EQUILIBRIUM, palette.AGENTS), strict=False
    ):
        name = str(part).replace("_", " ")
        share = own.charging_share
        spread = whiskers(share - own.low, own.high - share, thickness=1)
        drawing.add_trace(points(own.period, share, name, colour, error_y=spread))
        if own.chain.notna().any():
            drawing.add_trace(line(own.period, own.chain, f"{name}, chain", colour, width=1.2))
    drawing.update_xaxes(title_text="period of the day")
    return drawing.update_yaxes(title_text="share of trips that fast-charge", rangemode="tozero")
