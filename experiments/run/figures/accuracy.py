"""How exact the answers are: the relaxation against AC power flow, and the road equilibrium's residual."""

from math import log10
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from cosim.arrays import Frame
from experiments.figures.style import BLUE, LIMIT, PERIODS, VERMILION, Figure, figure, over_periods

EXACT = 1e-6
FLOOR = 1e-16
"""What is drawn for an error of zero: a log axis has none."""
POWERS = {"type": "log", "exponentformat": "power", "dtick": 2, "tickfont": {"size": 11}}


def exactness(dispatch: Frame, period_min: float) -> Figure:
    """Return the largest relaxation error and AC voltage mismatch of each period, on a log scale."""
    drawing = figure(380)
    for column, name, colour, mark in (
        ("relaxation_error_max", "relaxation error (Eq. 23)", BLUE, "circle"),
        ("ac_mismatch_max_pu", "|V of the dispatch \N{MINUS SIGN} V of AC power flow|", VERMILION, "diamond"),
    ):
        drawing.add_trace(
            go.Scatter(
                x=dispatch.period,
                y=dispatch[column].clip(lower=FLOOR),
                name=name,
                mode="lines+markers",
                line={"color": colour, "width": 1.2},
                marker={"symbol": mark, "size": 8},
            )
        )
    add_line(drawing, EXACT, "1e-6: the paper's level")
    over_periods(drawing, period_min)
    return drawing.update_yaxes(title_text="largest error [p.u.]", **POWERS)


def convergence(iterations: Frame, tolerance: float) -> Figure:
    """Return the residual of the stochastic user equilibrium by iteration, one line for each period."""
    drawing = figure(400, margin={"l": 64, "r": 24, "t": 40, "b": 56})
    periods = sorted(iterations.period.unique())
    colours = sample_colorscale(PERIODS, np.linspace(0, 1, max(2, len(periods))).tolist())
    for period, colour in zip(periods, colours, strict=False):
        own = iterations[iterations.period == period]
        drawing.add_trace(
            go.Scatter(
                x=own.iteration,
                y=own.residual.clip(lower=FLOOR),
                mode="lines+markers",
                line={"color": colour, "width": 1.6},
                marker={"size": 4},
                name=f"{period}",
                showlegend=False,
                hovertemplate=f"period {period}, iteration %{{x}}<br>residual %{{y:.2e}}<extra></extra>",
            )
        )
    drawing.add_trace(_period_key(periods))
    add_line(drawing, tolerance, f"tolerance {tolerance:g}")
    drawing.update_xaxes(title_text="iteration")
    return drawing.update_yaxes(title_text="residual max |q P(c(f)) \N{MINUS SIGN} f| / max(1, q)", **POWERS)


def _period_key(periods: list[int]) -> Any:
    """Return an invisible point that carries the colour scale of the periods."""
    marker = {
        "color": [periods[0]],
        "cmin": periods[0],
        "cmax": periods[-1],
        "colorscale": PERIODS,
        "colorbar": {"title": {"text": "period", "font": {"size": 12}}, "thickness": 12, "outlinewidth": 0},
    }
    return go.Scatter(x=[None], y=[None], mode="markers", marker=marker, showlegend=False)


def add_line(drawing: Figure, y: float, text: str) -> None:
    """Draw a level, such as a tolerance, across a log axis."""
    drawing.add_hline(y=y, line={"color": LIMIT, "dash": "dash", "width": 1.5})
    note = {"text": text, "font": {"color": LIMIT, "size": 11}, "showarrow": False}
    drawing.add_annotation(**note, x=1, xref="paper", xanchor="right", y=log10(y), yanchor="bottom")
