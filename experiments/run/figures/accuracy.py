"""How exact the answers are: the relaxation against AC power flow, and the road equilibrium's residual."""

from typing import Any

import numpy as np
from plotly.colors import sample_colorscale

from cosim.arrays import Frame
from experiments.figures.palette import BLUE, PERIODS, VERMILION
from experiments.figures.style import Figure, colourbar_beside, figure, over_periods
from experiments.figures.traces import Trace, limit, line, points

EXACT = 1e-6
FLOOR = 1e-16
"""What is drawn for an error of zero: a log axis has none."""


def powers(title: str) -> dict[str, Any]:
    """Return a log axis for errors of any size."""
    look = {"exponentformat": "power", "dtick": 2, "tickfont": {"size": 11}}
    return {"title": {"text": title}, "type": "log", **look}


def exactness(dispatch: Frame, period_min: float) -> Figure:
    """Return the largest relaxation error and AC voltage mismatch of each period, on a log scale."""
    drawing = figure(380, yaxis=powers("largest error [p.u.]"))
    for column, name, colour, symbol in (
        ("relaxation_error_max", "relaxation error (Eq. 23)", BLUE, "circle"),
        ("ac_mismatch_max_pu", "|V of the dispatch \N{MINUS SIGN} V of AC power flow|", VERMILION, "diamond"),
    ):
        error, mark = dispatch[column].clip(lower=FLOOR), {"symbol": symbol, "size": 8}
        drawing.add_trace(line(dispatch.period, error, name, colour, width=1.2, marker=mark))
    limit(drawing, EXACT, "1e-6: the paper's level")
    return over_periods(drawing, period_min)


def convergence(iterations: Frame, tolerance: float) -> Figure:
    """Return the residual of the stochastic user equilibrium by iteration, one line for each period."""
    axis = powers("residual max |q P(c(f)) \N{MINUS SIGN} f| / max(1, q)")
    drawing = figure(400, margin={"l": 64, "r": 24, "t": 40, "b": 56}, yaxis=axis)
    periods = sorted(iterations.period.unique())
    colours = sample_colorscale(PERIODS, np.linspace(0, 1, max(2, len(periods))).tolist())
    for period, colour in zip(periods, colours, strict=False):
        own = iterations[iterations.period == period]
        hover = f"period {period}, iteration %{{x}}<br>residual %{{y:.2e}}<extra></extra>"
        look = {"width": 1.6, "marker": {"size": 4}, "showlegend": False, "hovertemplate": hover}
        drawing.add_trace(line(own.iteration, own.residual.clip(lower=FLOOR), f"{period}", colour, **look))
    drawing.add_trace(_period_key(periods))
    limit(drawing, tolerance, f"tolerance {tolerance:g}")
    return drawing.update_xaxes(title_text="iteration")


def _period_key(periods: list[int]) -> Trace:
    """Return an invisible point that carries the colour scale of the periods."""
    scale = {"cmin": periods[0], "cmax": periods[-1], "colorscale": PERIODS}
    return points(
        [None], [None], None, [periods[0]], marker={**scale, "colorbar": colourbar_beside("period")}
    )
