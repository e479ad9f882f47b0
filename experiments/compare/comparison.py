"""A comparison as a whole: sides in, tables and verdicts out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cosim.arrays import Frame
from cosim.config import ScenarioConfig
from cosim.results import Recorder
from cosim.tables import TABLES
from experiments.compare.causes import signatures
from experiments.compare.choices import compare_choices
from experiments.compare.differences import compare_items, one_sided
from experiments.compare.moved import compare_moved
from experiments.compare.settings import Setting, differing_settings
from experiments.compare.sides import Side
from experiments.compare.signature import Signature
from experiments.compare.totals import compare_totals
from experiments.compare.verdict import Verdict, judge
from experiments.run.many_days import Reader


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Each side against the first."""

    sides: tuple[Side, ...]
    tables: dict[str, Frame]
    verdicts: tuple[Verdict, ...]

    def as_json(self) -> dict[str, Any]:
        """Return verdicts, causes and figures of the day as one object."""
        return {
            "comparisons": [
                _as_json(verdict, pair, self.tables) for pair, verdict in enumerate(self.verdicts, 1)
            ]
        }


def compare_sides(sides: Sequence[Side], seed: int) -> Comparison:
    """Return the comparison of every side with the first; *seed* names the draws of Monte Carlo p-values."""
    import pandas as pd

    recorders = [Recorder() for _ in sides[1:]]
    verdicts = tuple(
        _compare_pair(recorder, pair, sides[0], other, seed)
        for pair, (recorder, other) in enumerate(zip(recorders, sides[1:], strict=True), start=1)
    )
    frames = [recorder.frames() for recorder in recorders]
    names = [name for name in TABLES if any(name in tables for tables in frames)]
    tables = {
        name: pd.concat([own[name] for own in frames if name in own], ignore_index=True) for name in names
    }
    return Comparison(sides=tuple(sides), tables=tables, verdicts=verdicts)


def _compare_pair(recorder: Recorder, pair: int, reference: Side, other: Side, seed: int) -> Verdict:
    """Write the tables of one comparison and return its verdict."""
    compare_items(recorder, pair, reference, other)
    compare_totals(recorder, pair, reference, other)
    compare_choices(recorder, pair, reference, other, seed)
    compare_moved(recorder, pair, reference, other, seed)
    settings = differing_settings(reference, other)
    _record_settings(recorder, pair, settings)
    verdict = judge(reference, other, recorder.frames(), signatures(reference, other, settings), settings)
    _record_verdict(recorder, pair, verdict)
    return verdict


def _record_verdict(recorder: Recorder, pair: int, verdict: Verdict) -> None:
    for found in verdict.signatures:
        recorder.add_row("causes", pair=pair, present=found.present, **_row(found))
    recorder.add_row(
        "verdicts",
        pair=pair,
        reference=verdict.reference,
        other=verdict.other,
        verdict=verdict.word,
        flows_agree=verdict.flows_agree,
        causes=",".join(verdict.causes),
        sentence=verdict.sentence,
    )


def _row(found: Signature) -> dict[str, Any]:
    names = ("cause", "signature", "reference", "other", "effect", "threshold", "sentence")
    return {name: getattr(found, name) for name in names}


def _record_settings(recorder: Recorder, pair: int, settings: Sequence[Setting]) -> None:
    """Write the fields in which the two scenarios differ."""
    for setting in settings:
        recorder.add_row(
            "settings", pair=pair, field=setting.field, reference=setting.reference, other=setting.other
        )


def compare_models(
    config: ScenarioConfig, equilibrium: Reader, days: Sequence[Reader], seeds: Sequence[int]
) -> Comparison:
    """Return the comparison of the agents' *days* of one run with its equilibrium."""
    expected = Side(name="equilibrium", model="equilibrium", days=(equilibrium,), seeds=(), config=config)
    return compare_sides([expected, agents_of(config, days, seeds)], config.seed)


def agents_of(config: ScenarioConfig, days: Sequence[Reader], seeds: Sequence[int]) -> Side:
    """Return the agents' side of a run under way."""
    return Side(name="agents", model="agents", days=tuple(days), seeds=tuple(seeds), config=config)


def _as_json(verdict: Verdict, pair: int, tables: Mapping[str, Frame]) -> dict[str, Any]:
    def rows(table: str) -> list[dict[str, Any]]:
        if table not in tables:
            return []
        own = tables[table][tables[table].pair == pair].drop(columns="pair")
        content: list[dict[str, Any]] = own.to_dict("records")
        return content

    return {
        "reference": verdict.reference,
        "other": verdict.other,
        "verdict": verdict.word,
        "causes": list(verdict.causes),
        "flows_agree": verdict.flows_agree,
        "sentence": verdict.sentence,
        "tests": [{"family": f.name, "tests": f.tests, "rejected": f.rejected} for f in verdict.families],
        "signatures": rows("causes"),
        "measures": rows("measures"),
        "totals": rows("totals"),
        "one_sided": one_sided(tables["differences"].query("pair == @pair")).to_dict("records"),
        "settings": rows("settings"),
    }
