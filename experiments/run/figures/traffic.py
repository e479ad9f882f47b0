"""The roads: how full the links are, and the agents' choices against the stochastic user equilibrium."""

from itertools import cycle
from typing import Any

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.road.records import flow_per_capacity
from experiments.figures.palette import AGENTS, EQUILIBRIUM, INK, colours_of, congestion
from experiments.figures.style import Figure, figure, over_periods
from experiments.figures.traces import Trace, band, bars, heat_map, line, points, whiskers
from experiments.run.figures.day import Day

GEH_GOOD = 5.0
CHOICE = ["user_class", "origin", "destination"]
PATH_COLUMNS = ["period", *CHOICE, "path", "nodes", "station", "flow_veh_h", "share"]
SHOWN_ALTERNATIVES, SHOWN_GROUPS, SHOWN_TESTS = 30, 40, 400


def saturation(links: Frame, period_min: float) -> Figure:
    """Return flow over capacity of every road link in every period, as a heat map."""
    roads = links[links.kind == "road"]
    order = roads.drop_duplicates("link")
    ratio = roads.assign(ratio=flow_per_capacity(roads.flow_veh_h, roads.capacity_veh_h))
    table = ratio.pivot_table(index="link", columns="period", values="ratio").loc[order.link].round(4)
    top = max(1.2, float(table.to_numpy().max()))
    drawing = figure(max(280, 22 * len(table) + 110), margin={"l": 110, "r": 24, "t": 40, "b": 56})
    labels = (order.link + ": " + order.from_node + "→" + order.to_node).tolist()
    hover = "link %{y}<br>period %{x}<br>v/c %{z:.3f}<extra></extra>"
    scale = {"colorscale": congestion(top), "zmin": 0, "zmax": top, "xgap": 1, "ygap": 1}
    drawing.add_trace(heat_map(table, labels, "flow /<br>capacity", hover, **scale))
    over_periods(drawing, period_min)
    return drawing.update_yaxes(title_text="link: from → to", autorange="reversed", type="category")


def flow_agreement(flows: Frame, names: tuple[str, str] = ("equilibrium", "agents")) -> Figure:
    """Return flows of the other over those of the reference, within the band of GEH < 5; a menu picks the period."""
    drawing = figure(520)
    top = 1.05 * float(flows[["other", "reference"]].to_numpy().max())
    _draw_geh_band(drawing, np.linspace(0, max(top, 1.0), 120))
    still = len(drawing.data)
    periods = sorted(flows.period.unique())
    for period in (None, *periods):
        drawing.add_trace(_flows(flows if period is None else flows[flows.period == period], period, names))
    shown = [
        [True] * still + [choice == place for place in range(len(periods) + 1)]
        for choice in range(len(periods) + 1)
    ]
    labels = ["all periods", *(f"period {period}" for period in periods)]
    _add_menu(drawing, labels, shown)
    drawing.update_xaxes(title_text=f"flow: {names[0]} [veh/h]", rangemode="tozero")
    return drawing.update_yaxes(title_text=f"flow: {names[1]} [veh/h]", rangemode="tozero")


def _draw_geh_band(drawing: Figure, expected: FloatArray) -> None:
    half = GEH_GOOD**2 / 4
    spread = np.sqrt(half**2 + 4 * half * expected)
    low, high = np.maximum(0, expected + half - spread), expected + half + spread
    drawing.add_traces(band(expected, low, high, f"GEH < {GEH_GOOD:g}", "rgba(86,180,233,.16)"))
    drawing.add_trace(line(expected, expected, "equal", INK, width=1.5, dash="dash", hoverinfo="skip"))


def _flows(flows: Frame, period: int | None, names: tuple[str, str]) -> Trace:
    text = [f"{row.kind} {row.item}, period {row.period}<br>GEH {row.geh:.2f}" for row in flows.itertuples()]
    hover = f"%{{text}}<br>{names[0]} %{{x}} veh/h<br>{names[1]} %{{y}} veh/h<extra></extra>"
    told = {"text": text, "hovertemplate": hover, "visible": period is None}
    mark = {"size": 7, "marker": {"opacity": 0.7, "line": {"width": 0.5, "color": "white"}}}
    return points(flows.reference.round(2), flows.other.round(2), "link and period", AGENTS, **mark, **told)


def _add_menu(drawing: Figure, labels: list[str], shown: list[list[bool]]) -> None:
    """Add a menu above the chart: each label shows some of the traces."""
    buttons = [
        {"label": label, "method": "update", "args": [{"visible": visible}]}
        for label, visible in zip(labels, shown, strict=True)
    ]
    menu = {"buttons": buttons, "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom", "active": 0}
    drawing.update_layout(updatemenus=[menu], margin={"t": 78})


def path_shares(day: Day) -> Figure:
    """Return the share of each path over the day; a menu picks the OD pair and class of the EVs.

    A city has a thousand of these: of each class those with the most trips are shown, and the axis says so.
    The equilibrium's shares of the periods are weighted with the agents' trips, so that the bars can be
    compared; the whiskers hold 95 % of the shares that draws from the equilibrium would give.
    """
    flows = day.equilibrium("paths", [*CHOICE, "flow_veh_h"])
    trips = flows[flows.user_class != "car"].groupby(CHOICE, sort=True).flow_veh_h.sum()
    trips = trips.sort_values(ascending=False, kind="stable")
    drawing = figure(440, barmode="group", bargap=0.25)
    labels, owners = [], []
    shown = trips.groupby(level="user_class", sort=False).head(SHOWN_GROUPS)
    rows = day.equilibrium("paths", PATH_COLUMNS, **{key: _levels(shown, key) for key in CHOICE})
    groups = rows.groupby(CHOICE, sort=True)
    drawn = np.concatenate([groups.get_group(group).path.unique() for group in shown.index])
    agents = day.agents("paths", ["period", "path", "flow_veh_h"], path=drawn.tolist())
    counted = None if agents.empty else agents.set_index(["period", "path"]).flow_veh_h
    for place, group in enumerate(shown.index):
        user_class, origin, destination = group
        labels.append(f"{origin} → {destination}, {user_class}")
        for trace in _share_bars(groups.get_group(group), counted):
            trace["visible"] = place == 0
            drawing.add_trace(trace)
            owners.append(place)
    _add_menu(drawing, labels, [[owner == choice for owner in owners] for choice in range(len(labels))])
    cut = "" if len(shown) == len(trips) else f"; {len(shown)} of {len(trips)} choices, by trips"
    title = f"path (and station), most used first{cut}"
    drawing.update_xaxes(title_text=title, tickangle=-40, type="category")
    return drawing.update_yaxes(title_text="share of the day's trips [%]", rangemode="tozero")


def _levels(shown: Frame, key: str) -> list[str]:
    return sorted(set(shown.index.get_level_values(key)))


def _share_bars(equilibrium: Frame, counted: Frame | None) -> list[Trace]:
    expected = _weighted_shares(equilibrium, counted).head(SHOWN_ALTERNATIVES)
    percent = 100 * expected[["share", "counted"]]
    spread = _whiskers(percent.share, 196 * expected.spread)
    drawn = [bars(expected.label, percent.share.round(3), "equilibrium", EQUILIBRIUM, error_y=spread)]
    if percent.counted.notna().any():
        drawn.append(bars(expected.label, percent.counted.round(3), "agents", AGENTS))
    return drawn


def _whiskers(middle: Frame, half: Frame) -> dict[str, Any]:
    """Return error bars that end at zero."""
    look = {"color": INK, "thickness": 1.2, "visible": bool((half > 0).any())}
    return whiskers(half.clip(upper=middle).round(3), half.round(3), **look)


def _weighted_shares(equilibrium: Frame, counted: Frame | None) -> Frame:
    """Return share, its sampling spread and the counted share of each path over the day."""
    rows = equilibrium.assign(
        weight=equilibrium.groupby("period").flow_veh_h.transform("sum"), counted=np.nan
    )
    if counted is not None:
        keys = rows.set_index(["period", "path"]).index
        trips = counted.reindex(keys, fill_value=0.0)
        rows["counted"] = trips.to_numpy()
        rows["weight"] = rows.groupby("period").counted.transform("sum")
    total = rows.drop_duplicates("period").weight.sum() or np.nan
    rows["expected"] = rows.weight * rows.share
    rows["variance"] = rows.weight * rows.share * (1 - rows.share) * (counted is not None)
    rows["label"] = rows.nodes.where(rows.station == "", rows.nodes + " @ " + rows.station)
    sums = rows.groupby("label")[["expected", "variance", "counted"]].sum(min_count=1)
    found = (
        sums.assign(share=sums.expected, spread=np.sqrt(sums.variance))[["share", "spread", "counted"]]
        / total
    )
    return found.sort_values("share", ascending=False, kind="stable").reset_index()


def choice_tests(tests: Frame) -> Figure:
    """Return the p-values of the G-tests in order: on the diagonal if the choices are the equilibrium's."""
    drawing = figure(400)
    drawing.add_trace(line([0, 1], [0, 1], "draws from the equilibrium", INK, width=1.5, dash="dash"))
    colours = colours_of(sorted(tests.user_class.unique()))
    for (user_class, colour), symbol in zip(
        colours.items(), cycle(("circle", "diamond", "square")), strict=False
    ):
        ordered = np.sort(tests[tests.user_class == user_class].p_value.to_numpy())
        shown = np.unique(np.linspace(0, ordered.size - 1, SHOWN_TESTS).round().astype(int))
        rank, name = ((shown + 0.5) / ordered.size).round(5), f"{user_class} ({ordered.size} tests)"
        drawing.add_trace(points(rank, ordered[shown].round(4), name, colour, marker={"symbol": symbol}))
    drawing.update_xaxes(title_text="share of tests with a smaller p-value", range=[-0.02, 1.02])
    return drawing.update_yaxes(title_text="p-value of the G-test", range=[-0.02, 1.02])
