"""How drivers come to know the roads: the distance to the equilibrium, day by day."""

from cosim.arrays import Frame
from experiments.figures.palette import AGENTS, BLUE, LIMIT
from experiments.figures.style import Figure, figure
from experiments.figures.traces import line

DISTANCE = "distance |x \N{MINUS SIGN} x*| / |x*|"


def distances(learning: Frame) -> Figure:
    """Return the distance of flows to the equilibrium by day, with the sampling floors, on a log scale."""
    drawing = figure(380, yaxis={"title": {"text": DISTANCE}, "type": "log", "tickformat": ".0%"})
    for quantity, name, colour, of_chance in (
        ("ev", "EVs", AGENTS, LIMIT),
        ("flow", "all vehicles", BLUE, BLUE),
    ):
        floor, hover = f"sampling floor, {name}", "{}: %{{y:.2%}}<extra></extra>"
        mark = {"marker": {"size": 5}, "hovertemplate": hover.format(f"day %{{x}}, {name}")}
        chance = {"width": 1.2, "dash": "dash", "hovertemplate": hover.format(floor)}
        drawing.add_trace(
            line(learning.day, learning[f"{quantity}_distance"], name, colour, width=1.6, **mark)
        )
        drawing.add_trace(line(learning.day, learning[f"{quantity}_floor"], floor, of_chance, **chance))
    return drawing.update_xaxes(title_text="day", dtick=max(1, len(learning) // 15))


def learning_check(days: Frame) -> Figure:
    """Return the distance to the equilibrium, day by day, of drivers who are told nothing of it, with its floors."""
    drawing = figure(380, yaxis={"title": {"text": DISTANCE}, "type": "log", "tickformat": ".0%"})
    for (links, course), colour in zip(days.groupby("links", sort=False), (AGENTS, BLUE), strict=False):
        hover = "{}: %{{y:.2%}}<extra></extra>"
        mark = {"marker": {"size": 5}, "hovertemplate": hover.format(f"day %{{x}}, {links}")}
        chance = {"width": 1.2, "dash": "dash", "hovertemplate": hover.format(f"sampling floor, {links}")}
        drawing.add_trace(line(course.day, course.distance, links, colour, width=1.6, **mark))
        drawing.add_trace(line(course.day, course.floor, f"sampling floor, {links}", colour, **chance))
    return drawing.update_xaxes(title_text="day", dtick=max(1, int(days.day.max()) // 15))
