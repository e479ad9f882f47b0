"""The page of an assignment: one file that opens without a network."""

import base64
import gzip
from collections.abc import Mapping
from pathlib import Path

from cosim.arrays import Frame
from experiments.assignment import Assigned
from experiments.figures.assignment import convergence_of_methods, network_by_saturation, path_shares
from experiments.figures.style import Figure


def write_page(assigned: Assigned, tables: Mapping[str, Frame], file: Path) -> None:
    """Write the page; the same tables give the same bytes."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    figures = {"network": network_by_saturation(assigned.network, tables["links"])}
    if assigned.residuals.size:
        figures["convergence"] = convergence_of_methods(
            tables["convergence"], assigned.method, assigned.tolerance
        )
    if "paths" in tables:
        figures["paths"] = path_shares(tables["paths"])
    environment = Environment(
        loader=PackageLoader("experiments"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("assignment.html.jinja").render(
        assigned=assigned,
        links=tables["links"],
        figures={name: _embedded(figure) for name, figure in figures.items()},
        plotly=base64.b64encode(gzip.compress(get_plotlyjs().encode(), compresslevel=9, mtime=0)).decode(),
    )
    file.write_text(page, encoding="utf-8")


def _embedded(figure: Figure) -> dict[str, str]:
    """Return the height and the content of a figure, safe within a script element."""
    return {"height": str(figure.layout.height), "json": figure.to_json(validate=False).replace("</", "<\\/")}
