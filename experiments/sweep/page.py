"""The page of a parameter sweep: one file that opens offline."""

from collections.abc import Mapping
from typing import Any

from experiments.page import drawn, embedded_all, rendered
from experiments.sweep.figures import figures_over_values, stations
from experiments.sweep.sweep_result import Sweep


def page(name: str, about: Mapping[str, Any], found: Sweep) -> str:
    """Return the page; the same runs give the same bytes.

    It starts with the text ``what_to_look_at`` of *about*.
    """
    fields = list(found.fields)
    values, shown = found.frame[fields], found.frame.astype(dict.fromkeys(fields, str))
    figures = {
        "sweep": drawn(figures_over_values, shown, values),
        "stations": drawn(stations, shown, found.fields),
    }
    return rendered(
        "sweep.html.jinja",
        figures=embedded_all(figures),
        name=name,
        about=about,
        days=shown.drop(columns=["run", "setting", "seed", "flagged", "failed"]).to_dict("records"),
        fields=found.fields,
        flags=found.flagged(),
    )
