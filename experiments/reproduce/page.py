"""The page: statements of Ma et al. (2024) beside the results here, figure by figure, and the errata."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup, escape

from experiments.page import embedded_all, rendered
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.drawings import drawings
from experiments.reproduce.grid_case import GridCase
from experiments.reproduce.report import Report, agreeing, verdict_of
from experiments.reproduce.statement import Claim, Judgement
from experiments.run.learning_check import apart

SUBSCRIPT = re.compile(r"(?<=\b[^\W\d_])_(?:\{([^}]*)\}|([^\W_²]+))")
"""Matches the subscript after a single letter and an underscore."""
CODE = re.compile(r"`([^`]*)`")
"""Matches text between backticks."""


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One statement with its judgements in all variants."""

    id: str
    claim: Claim
    judgements: tuple[Judgement, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of the verdicts ``differs``, each once."""
        return tuple(dict.fromkeys(judgement.reason for judgement in self.judgements if judgement.reason))


def rows(judgements: Sequence[Judgement]) -> list[StatementRow]:
    """Return one row per statement, with its judgements."""
    grouped = groupby(judgements, key=lambda judgement: judgement.id)
    groups = {name: tuple(group) for name, group in grouped}
    return [StatementRow(name, group[0].claim, group) for name, group in groups.items()]


def variant_figures(grid: GridCase) -> dict[str, float]:
    """Return the main results of a variant."""
    d = grid.dispatch
    hours = grid.hours
    return {
        "cost_cny": d.cost_cny,
        "bare_cost_cny": grid.purchase_cny(grid.bare),
        "peak_kw": float(d.purchase_kw.max()),
        "voltage_min_pu": float(d.voltage_pu.min()),
        "voltage_max_pu": float(d.voltage_pu.max()),
        "losses_kwh": hours * float(d.losses_kw.sum()),
        "turbine_kwh": hours * float(d.setpoints["turbine_kw"].sum()),
        "shifted_kwh": hours * float(d.setpoints["shift_out_kw"].sum()),
        "stored_kwh": hours * float(d.setpoints["charge_kw"].sum()),
    }


def formula(text: str) -> Markup:
    """Return *text* as HTML with subscripts, as in ``q_t`` and ``q_{t-1}``, and `code`."""
    html = SUBSCRIPT.sub(lambda match: f"<sub>{match[1] or match[2]}</sub>", str(escape(text)))
    return Markup(CODE.sub(r"<code>\1</code>", html))  # noqa: S704  (escaped above)


def page(case: Reproduction, report: Report) -> str:
    """Return the page; the same case gives the same bytes."""
    first = case.grids[0]
    return rendered(
        "reproduction.html.jinja",
        figures=embedded_all(drawings(case)),
        formula=formula,
        report=report,
        learners=[
            (found, *apart(found.ratio, found.ratio_max), verdict_of(found))
            for found in report.learners.findings
        ],
        learning_days=report.learners.scenario.config.learning_check.days,
        agreeing=agreeing,
        chapters={name: rows(judgements) for name, judgements in report.chapters.items()},
        errata=report.errata,
        variants={grid.variant: variant_figures(grid) for grid in case.grids},
        bare={
            "peak_kw": float(first.bare.slack_kw.max()),
            "voltage_min_pu": float(first.bare.voltage_pu.min()),
            "voltage_max_pu": float(first.bare.voltage_pu.max()),
            "losses_kwh": first.hours * float(first.bare.losses_kw.sum()),
        },
        search=case.roads.search,
    )
