"""How drivers come to know the roads: the distance to the equilibrium, day by day."""

from cosim.arrays import Frame
from experiments.figures.palette import AGENTS, BLUE, LIMIT
from experiments.figures.style import Figure, figure
from experiments.figures.traces import line


def distances(learning: Frame) -> Figure:
    """Return the distance of flows to the equilibrium by day, with the sampling floors, on a log scale."""
    title = "distance |x \N{MINUS SIGN} x*| / |x*|"
    drawing = figure(380, yaxis={"title": {"text": title}, "type": "log", "tickformat": ".0%"})
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
