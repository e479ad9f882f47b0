"""The commands ``cosim compare`` and ``cosim converge``."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosim.errors import ConfigError
from experiments.options import (
    AllowImport,
    AllowOutside,
    AsJson,
    Config,
    Out,
    Seed,
    Settings,
    Workers,
    loaded,
)

if TYPE_CHECKING:
    from experiments.compare.comparison import ComparedPair, Comparison
    from experiments.compare.convergence import ErrorAgainstN
    from experiments.compare.settings import Setting

SETTINGS_SHOWN = 12


class OneModel(StrEnum):
    """Which model of several runs to compare."""

    agents = "agents"
    equilibrium = "equilibrium"


def compare_command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run directories; the first is the reference.")
    ],
    model: Annotated[
        OneModel | None,
        typer.Option(help="Of several runs: which model; by default the agents, where all have them."),
    ] = None,
    out: Out = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the Monte Carlo p-values.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Compare the agents of one run with its equilibrium, or several runs with the first, and say what differs."""
    from experiments.compare.page import comparison_page
    from experiments.compare.study import compare
    from experiments.study import CommandResult, emit

    comparison = compare(*runs, model=None if model is None else model.value, seed=seed)
    study = CommandResult(
        command="compare",
        facts=comparison.as_json(),
        lines=_lines(comparison),
        tables=lambda: comparison.tables,
        page=lambda _tables: comparison_page(comparison),
        folder="comparison",
    )
    emit(study, out, as_json=as_json)


def _lines(comparison: "Comparison") -> list[str]:
    """Return verdicts and the figures of the day."""
    return [line for pair in comparison.pairs for line in _lines_of_pair(pair)]


def _lines_of_pair(pair: "ComparedPair") -> list[str]:
    from experiments.compare.differences import in_one_only

    verdict, differences = pair.verdict, pair.tables["differences"]
    alone = in_one_only(differences[differences.kind != "path"]).groupby("found_in", sort=False)
    names = "".join(f"{name[-19:]:>20}" for name in (verdict.reference, verdict.other))
    return [
        f"{verdict.other} against {verdict.reference}: {verdict.headline}.",
        "",
        *(f"  {found.cause}: {found.sentence}." for found in verdict.present),
        f"  {verdict.evidence}",
        *(f"  {getattr(verdict, of)} alone: {', '.join(own.kind + ' ' + own.item)}." for of, own in alone),
        "",
        *_settings(verdict.settings),
        f"  {'':30}{names}{'difference':>12}  95 % band",
        *(_total(row) for row in pair.rows("totals").itertuples()),
        "",
    ]


def _total(row: Any) -> str:
    band = f"{row.low:.4g} to {row.high:.4g}" if row.low == row.low else "-"
    return f"  {row.quantity:30}{row.reference:20.6g}{row.other:20.6g}{row.difference:12.4g}  {band}"


def _settings(settings: "Sequence[Setting]") -> list[str]:
    """Return the settings that differ, as many as can be read at a glance."""
    if not settings:
        return []
    more = len(settings) - SETTINGS_SHOWN
    shown = [f"    {setting}" for setting in settings[:SETTINGS_SHOWN]]
    return [
        "  settings that differ (reference -> other):",
        *shown,
        *([f"    and {more} more: --json or --out shows all"] if more > 0 else []),
        "",
    ]


def converge_command(  # noqa: PLR0913, PLR0917  (one parameter per option)
    config: Config,
    sizes: Annotated[str, typer.Option(help="Numbers of EVs, comma-separated.")] = "100,1000,10000,100000",
    replications: Annotated[int, typer.Option(min=2, help="Populations of each size.")] = 20,
    seed: Seed = None,
    settings: Settings = None,
    workers: Workers = 1,
    allow_outside: AllowOutside = False,
    allow_import: AllowImport = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Measure how the agents' flows approach the equilibrium's as there are more of them: about N^-1/2."""
    from experiments.compare.convergence import error_against_n
    from experiments.compare.page import error_page
    from experiments.study import CommandResult, emit, told

    numbers = _sizes(sizes)
    scenario = loaded(config, settings or (), seed, outside=allow_outside, code=allow_import)
    result = error_against_n(scenario, numbers, replications, workers=workers, note=told)
    study = CommandResult(
        command="converge",
        facts=result.as_json(),
        lines=_errors(result),
        tables=lambda: {"convergence_in_n": result.table()},
        page=lambda _tables: error_page(scenario.config.name, result),
        folder="comparison",
    )
    emit(study, out, as_json=as_json)


MAX_EVS = 2_000_000
"""Of one population, with its trips."""


def _sizes(text: str) -> tuple[int, ...]:
    """Return the sizes of populations, at least two different ones."""
    words = text.split(",")
    numbers = tuple(int(word) for word in words if word.strip().isdecimal() and int(word) > 0)
    if len(numbers) < len(words) or len(set(numbers)) < 2:
        problem = f"'{text}': give at least two different numbers above 0, such as 100,1000,10000"
        raise ConfigError("--sizes", [problem])  # noqa: EM101
    if max(numbers) > MAX_EVS:
        problem = f"'{text}': {max(numbers):,} EVs are more than memory holds; give {MAX_EVS:,} or less"
        raise ConfigError("--sizes", [problem])  # noqa: EM101
    return tuple(sorted(set(numbers)))


def _errors(result: "ErrorAgainstN") -> list[str]:
    lines = [
        f"{size:>10,} EVs: {errors.mean():10.3f} veh/h, {errors.mean() / result.reference_veh_h:8.3%} of the flows"
        for size, errors in zip(result.sizes.tolist(), result.error_veh_h, strict=True)
    ]
    return [*lines, result.sentence]
