"""A slider over the periods, and the buttons that let it run."""

from experiments.figures.style import Figure

FRAME_MS = 700
"""How long a running slider stands at each period."""


def with_period_slider(drawing: Figure, periods: list[str], active: int) -> Figure:
    """Return *drawing*, which has a frame named after each period, with a slider that stands at one."""
    moment = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    running = {**moment, "frame": {"duration": FRAME_MS, "redraw": True}, "fromcurrent": True}
    slider = {
        "active": active,
        "currentvalue": {"prefix": "period ", "font": {"size": 15}},
        "pad": {"t": 64},
        "x": 0.09,
        "len": 0.91,
        "steps": [{"label": p, "method": "animate", "args": [[p], moment]} for p in periods],
    }
    play = {
        "type": "buttons",
        "showactive": False,
        "direction": "left",
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 96},
        "buttons": [
            {"label": "▶", "method": "animate", "args": [None, running]},
            {"label": "❚❚", "method": "animate", "args": [[None], moment]},
        ],
    }
    return drawing.update_layout(
        sliders=[slider], updatemenus=[play], margin={"l": 10, "r": 10, "t": 10, "b": 150}
    )
