"""How drivers come to know the roads: the distance to the equilibrium, day by day."""

import plotly.graph_objects as go

from cosim.arrays import Frame
from experiments.figures.style import AGENTS, BLUE, LIMIT, Figure, figure


def distances(learning: Frame) -> Figure:
    """Return the distance of flows to the equilibrium by day, with the sampling floors, on a log scale."""
    drawing = figure(380)
    for quantity, name, colour in (("ev", "EVs", AGENTS), ("flow", "all vehicles", BLUE)):
        drawing.add_trace(
            go.Scatter(
                x=learning.day,
                y=learning[f"{quantity}_distance"],
                name=name,
                mode="lines+markers",
                line={"color": colour, "width": 1.6},
                marker={"size": 5},
                hovertemplate=f"day %{{x}}, {name}: %{{y:.2%}}<extra></extra>",
            )
        )
        drawing.add_trace(
            go.Scatter(
                x=learning.day,
                y=learning[f"{quantity}_floor"],
                name=f"sampling floor, {name}",
                mode="lines",
                line={"color": colour if quantity == "flow" else LIMIT, "width": 1.2, "dash": "dash"},
                hovertemplate=f"sampling floor, {name}: %{{y:.2%}}<extra></extra>",
            )
        )
    drawing.update_xaxes(title_text="day", dtick=max(1, len(learning) // 15))
    return drawing.update_yaxes(
        title_text="distance |x \N{MINUS SIGN} x*| / |x*|", type="log", tickformat=".0%"
    )
