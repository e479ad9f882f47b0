"""A comparison as a whole: samples in, tables and verdicts out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cosim.arrays import Frame
from cosim.config import ScenarioConfig
from cosim.results import Recorder
from cosim.short_repr import short_repr
from cosim.tables import TABLES
from experiments.compare.causes import indicators
from experiments.compare.choices import compare_choices
from experiments.compare.day_choices import compare_day_choices
from experiments.compare.day_totals import compare_day_totals
from experiments.compare.differences import compare_items, in_one_only
from experiments.compare.families import deviating_choices, families_of
from experiments.compare.power import detectable
from experiments.compare.route_switchers import compare_route_switchers
from experiments.compare.sample import Sample
from experiments.compare.scenario_causes import EVS, SAME
from experiments.compare.settings import Setting, differing_settings
from experiments.compare.structure import certain_differences
from experiments.compare.totals import compare_totals
from experiments.compare.verdict import Verdict, errors_of
from experiments.run.many_days import Reader


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedPair:
    """One sample against the reference: the verdict, and its rows of the tables."""

    verdict: Verdict
    tables: dict[str, Frame]

    def rows(self, table: str) -> Frame:
        """Return the rows of a table, without any where it was not written."""
        return self.tables.get(table, Recorder().frame(table))

    def as_json(self) -> dict[str, Any]:
        """Return the verdict with what it rests on as one object."""
        shown = {"indicators": "causes", "measures": "measures", "totals": "totals", "settings": "settings"}
        rows = {key: self.rows(table).drop(columns="pair").to_dict("records") for key, table in shown.items()}
        tests = [asdict(family) for family in (*self.verdict.families, *self.verdict.certain)]
        seen = [asdict(own) for own in self.verdict.detectable]
        alone = in_one_only(self.tables["differences"]).to_dict("records")
        settings = rows.pop("settings")
        return {
            **self.verdict.facts,
            "tests": tests,
            "detectable": seen,
            **rows,
            "in_one_only": alone,
            "settings": settings,
        }


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Each sample against the first."""

    samples: tuple[Sample, ...]
    pairs: tuple[ComparedPair, ...]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdict on each pair."""
        return tuple(pair.verdict for pair in self.pairs)

    @property
    def tables(self) -> dict[str, Frame]:
        """The tables of all pairs together."""
        import pandas as pd

        found = {name: [p.tables[name] for p in self.pairs if name in p.tables] for name in TABLES}
        return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items() if parts}

    def as_json(self) -> dict[str, Any]:
        """Return verdicts, causes and figures of the day as one object."""
        return {"comparisons": [pair.as_json() for pair in self.pairs]}


def compare_samples(samples: Sequence[Sample], seed: int) -> Comparison:
    """Return the comparison of every sample with the first; *seed* names the draws of Monte Carlo p-values."""
    reference, *others = samples
    pairs = tuple(
        _compare_pair(number, reference, other, seed) for number, other in enumerate(others, start=1)
    )
    return Comparison(samples=tuple(samples), pairs=pairs)


def _compare_pair(number: int, reference: Sample, other: Sample, seed: int) -> ComparedPair:
    recorder = Recorder()
    compare_items(recorder, number, reference, other)
    compare_totals(recorder, number, reference, other)
    compare_choices(recorder, number, reference, other, seed)
    compare_route_switchers(recorder, number, reference, other, seed)
    compare_day_totals(recorder, number, reference, other)
    compare_day_choices(recorder, number, reference, other, seed)
    settings = differing_settings(reference, other)
    for setting in settings:
        recorder.add_row("settings", pair=number, **asdict(setting))
    verdict = _judged(reference, other, recorder.frames(), settings)
    for found in verdict.indicators:
        recorder.add_row("causes", pair=number, present=found.present, **asdict(found))
    recorder.add_row("verdicts", pair=number, **{**verdict.facts, "causes": ",".join(verdict.causes)})
    return ComparedPair(verdict=verdict, tables=recorder.frames())


def _judged(
    reference: Sample, other: Sample, tables: dict[str, Frame], settings: Sequence[Setting]
) -> Verdict:
    """Return the verdict of one comparison from its tables and the settings that differ."""
    families = families_of(tables)
    flow_error, grid_error = errors_of(tables)
    everybody = frozenset(EVS) if flow_error > SAME else frozenset[str]()
    deviating = deviating_choices(tables, families) if other.is_random else everybody
    found = indicators(reference, other, settings, deviating)
    return Verdict(
        reference=reference.name,
        other=other.name,
        families=families,
        certain=certain_differences(reference, other, tables),
        flow_error=flow_error,
        grid_error=grid_error,
        is_random=other.is_random,
        indicators=tuple(found),
        settings=tuple(settings),
        detectable=detectable(tables, families, found, reference) if other.is_random else (),
    )


def compare_models(
    config: ScenarioConfig,
    equilibrium: Reader,
    days: Sequence[Reader],
    seeds: Sequence[int],
    evs: int | None = None,
) -> Comparison:
    """Return the comparison of the agents' *days* of one run, of so many *evs*, with its equilibrium."""
    expected = Sample(name="equilibrium", model="equilibrium", days=(equilibrium,), seeds=(), config=config)
    return compare_samples([expected, replace(agents_of(config, days, seeds), evs=evs)], config.seed)


def agents_of(config: ScenarioConfig, days: Sequence[Reader], seeds: Sequence[int]) -> Sample:
    """Return the agents' sample of a run under way."""
    return Sample(name="agents", model="agents", days=tuple(days), seeds=tuple(seeds), config=config)
