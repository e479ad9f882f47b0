"""A comparison as a whole: samples in, tables and verdicts out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cosim.arrays import Frame
from cosim.config import ScenarioConfig
from cosim.results import Recorder
from cosim.tables import TABLES
from experiments.compare.causes import indicators
from experiments.compare.choices import compare_choices
from experiments.compare.differences import compare_items, in_one_only
from experiments.compare.route_switchers import compare_route_switchers
from experiments.compare.sample import Sample
from experiments.compare.settings import differing_settings
from experiments.compare.totals import compare_totals
from experiments.compare.verdict import Verdict, judge
from experiments.run.many_days import Reader


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Each sample against the first."""

    samples: tuple[Sample, ...]
    tables: dict[str, Frame]
    verdicts: tuple[Verdict, ...]

    def as_json(self) -> dict[str, Any]:
        """Return verdicts, causes and figures of the day as one object."""
        return {
            "comparisons": [
                _as_json(verdict, pair, self.tables) for pair, verdict in enumerate(self.verdicts, 1)
            ]
        }


def compare_samples(samples: Sequence[Sample], seed: int) -> Comparison:
    """Return the comparison of every sample with the first; *seed* names the draws of Monte Carlo p-values."""
    import pandas as pd

    recorders = [Recorder() for _ in samples[1:]]
    verdicts = tuple(
        _compare_pair(recorder, pair, samples[0], other, seed)
        for pair, (recorder, other) in enumerate(zip(recorders, samples[1:], strict=True), start=1)
    )
    frames = [recorder.frames() for recorder in recorders]
    names = [name for name in TABLES if any(name in tables for tables in frames)]
    tables = {
        name: pd.concat([own[name] for own in frames if name in own], ignore_index=True) for name in names
    }
    return Comparison(samples=tuple(samples), tables=tables, verdicts=verdicts)


def _compare_pair(recorder: Recorder, pair: int, reference: Sample, other: Sample, seed: int) -> Verdict:
    """Write the tables of one comparison and return its verdict."""
    compare_items(recorder, pair, reference, other)
    compare_totals(recorder, pair, reference, other)
    compare_choices(recorder, pair, reference, other, seed)
    compare_route_switchers(recorder, pair, reference, other, seed)
    settings = differing_settings(reference, other)
    for setting in settings:
        recorder.add_row("settings", pair=pair, **asdict(setting))
    verdict = judge(reference, other, recorder.frames(), indicators(reference, other, settings), settings)
    _record_verdict(recorder, pair, verdict)
    return verdict


def _record_verdict(recorder: Recorder, pair: int, verdict: Verdict) -> None:
    for found in verdict.indicators:
        recorder.add_row("causes", pair=pair, present=found.present, **asdict(found))
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


def compare_models(
    config: ScenarioConfig, equilibrium: Reader, days: Sequence[Reader], seeds: Sequence[int]
) -> Comparison:
    """Return the comparison of the agents' *days* of one run with its equilibrium."""
    expected = Sample(name="equilibrium", model="equilibrium", days=(equilibrium,), seeds=(), config=config)
    return compare_samples([expected, agents_of(config, days, seeds)], config.seed)


def agents_of(config: ScenarioConfig, days: Sequence[Reader], seeds: Sequence[int]) -> Sample:
    """Return the agents' sample of a run under way."""
    return Sample(name="agents", model="agents", days=tuple(days), seeds=tuple(seeds), config=config)


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
        "indicators": rows("causes"),
        "measures": rows("measures"),
        "totals": rows("totals"),
        "in_one_only": in_one_only(tables["differences"].query("pair == @pair")).to_dict("records"),
        "settings": rows("settings"),
    }
