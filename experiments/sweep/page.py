"""The page of a parameter sweep: one file that opens offline."""

from collections.abc import Mapping
from typing import Any

from cosim.arrays import Frame
from experiments.page import drawn, embedded_all, rendered
from experiments.sweep.figures import figures_over_values, stations
from experiments.sweep.parameters import ParameterGrid, text_fields


def page(name: str, about: Mapping[str, Any], parameters: ParameterGrid, days: Frame) -> str:
    """Return the page; the same days give the same bytes.

    It starts with the text ``what_to_look_at`` of *about*.
    """
    values, shown = days[list(parameters.fields)], text_fields(days, parameters)
    figures = {
        "sweep": drawn(figures_over_values, shown, values),
        "stations": drawn(stations, shown, parameters.fields),
    }
    return rendered(
        "sweep.html.jinja",
        figures=embedded_all(figures),
        name=name,
        about=about,
        days=shown.drop(columns="flagged").to_dict("records"),
        fields=parameters.fields,
        flags=parameters.flagged(days),
    )
