"""Self-contained HTML pages, which open offline: a template, figures, and compressed plotly.js."""

import base64
import gzip
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from experiments.figures.style import Figure, note, template_json

T = TypeVar("T")


def rendered(template: str, **content: Any) -> str:
    """Return the page of a template with *content*; equal content gives identical bytes."""
    page: str = _templates().get_template(template).render(plotly=_packed_plotly(), **content)
    return page


@cache
def _templates() -> Any:
    """Return the templates, each compiled once."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("experiments"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def drawn(build: Callable[..., T], *arguments: Any) -> "T | Figure":
    """Return ``build(*arguments)``, figures of a page; where they cannot be drawn, a figure that says so.

    The result is whole and written: whatever is odd in it must not cost its reader the other figures.
    """
    try:
        return build(*arguments)
    except Exception as fault:  # noqa: BLE001  (a note in place of the figure, whatever the fault)
        return note(f"This figure cannot be drawn ({type(fault).__name__}: {fault}). The tables are whole.")


def drawn_each(build: Callable[..., list[Figure]], *arguments: Any) -> list[Figure]:
    """Return the figures of a section likewise; one that says so where they cannot be drawn."""
    figures = drawn(build, *arguments)
    return figures if isinstance(figures, list) else [figures]


def drawn_by_name(builders: Mapping[str, Callable[[], Figure]]) -> dict[str, Figure]:
    """Return the figure of each builder likewise."""
    return {name: drawn(build) for name, build in builders.items()}


def embedded(figure: Figure) -> dict[str, str]:
    """Return the height and the JSON of a figure, escaped for a script element."""
    return {
        "height": str(figure.layout.height),
        "json": figure.to_json(validate=False).replace("<", "\\u003c"),
    }


def embedded_all(figures: Mapping[str, Figure]) -> dict[str, dict[str, str]]:
    """Return the height and the JSON of each figure by name."""
    return {name: embedded(figure) for name, figure in figures.items()}


def embedded_each(name: str, figures: Sequence[Figure]) -> list[dict[str, str]]:
    """Return each figure of a section with the id of its place on the page, and its feeder if it has one."""
    return [
        {"id": f"{name}-{number}", "feeder": figure.layout.meta or "", **embedded(figure)}
        for number, figure in enumerate(figures, start=1)
    ]


@cache
def _packed_plotly() -> str:
    """Return plotly.js with the look of all figures, compressed to a third of its size."""
    from plotly.offline import get_plotlyjs

    return packed(f"{get_plotlyjs()};const look = {template_json()};")


def packed(text: str) -> str:
    """Return *text* compressed by gzip, in Base64; browsers can decompress it."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()
