"""The table and the page of a family of days."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cosim.arrays import Frame
from experiments.page import embedded, rendered
from experiments.sweep.figures import family as draw_family
from experiments.sweep.figures import stations
from experiments.sweep.study import Family


def write_sweep(name: str, about: Mapping[str, Any], family: Family, days: Frame, directory: Path) -> None:
    """Write ``days.csv``, ``days.parquet`` and ``report.html`` into *directory*; the same days give the same bytes.

    The page opens with what *about* says under ``what_to_look_at``, where that is about this family.
    """
    values = days[list(family.fields)]
    days = days.assign(**{field: values[field].map(str) for field in family.fields})
    days.to_csv(directory / "days.csv", index=False, lineterminator="\n")
    days.to_parquet(directory / "days.parquet", index=False)
    figures = {"family": draw_family(days, values), "stations": stations(days, family.fields)}
    page = rendered(
        "sweep.html.jinja",
        name=name,
        about=about,
        days=days.drop(columns="flagged").to_dict("records"),
        fields=family.fields,
        flags=family.flagged(days),
        figures={key: embedded(figure) for key, figure in figures.items()},
    )
    (directory / "report.html").write_text(page, encoding="utf-8")
