"""Figures of a population: activity states, departures, states of charge and fast-charging shares over the day."""

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
"""Colour of each activity state."""
MIN_SHARE = 1e-4
"""Shares closer to 0 or 1 are not compared: their bands are narrower than one EV."""
SLOT_MIDDLE_H = 0.125


def _over_day(drawing: Figure, title: str, **axis: object) -> Figure:
    """Set the axes: hours of the day, and *title* of the y axis."""
    drawing.update_yaxes(title_text=title, **axis)
    return drawing.update_xaxes(title_text="hour of the day", range=[0, 24], dtick=2)


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def stacked(activity_states: Frame) -> Figure:
    """Return the shares of the activity states at every slot boundary, stacked to 1."""
    drawing, hours = figure(420, hovermode="x unified"), activity_states.time_min / 60
    for name, colour in COLOURS.items():
        area = {"stackgroup": "all", "fillcolor": colour, "width": 0.5, "hovertemplate": "%{y:.4f}"}
        drawing.add_trace(line(hours, activity_states[name], _words(name), colour, **area))
    return _over_day(drawing, "share of all EVs", range=[0, 1])


def against_exact(counted: Frame, key: str) -> Figure:
    """Return the difference of counted and exact shares over the half width of the band, one series per *key*."""
    drawing = figure(320)
    for name, series in counted.groupby(key, sort=False):
        comparable = series[(series.high > series.low) & series.exact.between(MIN_SHARE, 1 - MIN_SHARE)]
        half_width = (comparable.high - comparable.exact).where(
            comparable.share >= comparable.exact, comparable.exact - comparable.low
        )
        hover = {
            "customdata": comparable[["share", "exact"]].to_numpy(),
            "hovertemplate": "counted %{customdata[0]:.5f}, exact %{customdata[1]:.5f}",
        }
        y, colour = (comparable.share - comparable.exact) / half_width, COLOURS.get(str(name), palette.YELLOW)
        drawing.add_trace(points(comparable.time_min / 60, y, _words(name), colour, size=5, **hover))
    for edge in (-1, 1):
        drawing.add_hline(y=edge, line={"color": palette.MUTED, "dash": "dash", "width": 1})
    return _over_day(drawing, "difference / band")


def charging_against_chain(charging: Frame) -> Figure:
    """Return the shares of charging EVs: counted as points, of the chain with batteries as lines."""
    drawing = figure(340)
    for name, series in charging.groupby("activity_state", sort=False):
        colour, hours = COLOURS[str(name)], series.time_min / 60
        drawing.add_trace(line(hours, series.exact, f"{_words(name)}, chain", colour))
        drawing.add_trace(points(hours, series.share, _words(name), colour, size=4))
    return _over_day(drawing, "share of all EVs", rangemode="tozero")


def departures_by_activity(departures: Frame) -> Figure:
    """Return the trips that start in every slot: counted as bars by activity, exact total as a line."""
    drawing = figure(340, barmode="stack", bargap=0)
    for name, series in departures.groupby("from_activity", sort=False):
        hours = series.time_min / 60 + SLOT_MIDDLE_H
        colour = COLOURS[str(name)]
        drawing.add_trace(bars(hours, series.share, f"from {name}", colour, hovertemplate="%{y:.5f}"))
    exact = departures.groupby("time_min").exact.sum()
    drawing.add_trace(line(exact.index / 60 + SLOT_MIDDLE_H, exact, "exact, all", palette.BLACK, width=1.2))
    return _over_day(drawing, "trips per EV and quarter of an hour")


def soc_fan(quantiles: Frame) -> Figure:
    """Return the distribution of the state of charge: median, and the central 50 and 90 % of EVs."""
    drawing, hours = figure(340), quantiles.time_min / 60
    for low, high, fill, name in (
        ("soc_q05", "soc_q95", "rgba(0,114,178,0.15)", "5 to 95 %"),
        ("soc_q25", "soc_q75", "rgba(0,114,178,0.3)", "25 to 75 %"),
    ):
        drawing.add_traces(band(hours, quantiles[low], quantiles[high], name, fill))
    drawing.add_trace(line(hours, quantiles.soc_q50, "median", palette.BLUE))
    return _over_day(drawing, "state of charge", range=[0, 1])


def charging_shares(shares: Frame) -> Figure:
    """Return p_t of each part with its Wilson interval, and that of the chain with batteries as a line."""
    drawing = figure(360)
    for (part, series), colour in zip(
        shares.groupby("days", sort=False), (palette.EQUILIBRIUM, palette.AGENTS), strict=False
    ):
        share = series.charging_share
        interval = whiskers(share - series.low, series.high - share, thickness=1)
        name = _words(part)
        drawing.add_trace(points(series.period, share, name, colour, error_y=interval))
        if series.chain.notna().any():
            drawing.add_trace(line(series.period, series.chain, f"{name}, chain", colour, width=1.2))
    drawing.update_xaxes(title_text="period of the day")
    return drawing.update_yaxes(title_text="share of trips that fast-charge", rangemode="tozero")
