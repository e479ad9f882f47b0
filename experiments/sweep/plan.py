"""The plan of a sweep: what was asked, its settings, all checked, and the runs of each."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cosim.config.bundled import find_scenario, scenario_boundary
from cosim.config.extending import read_scenario_tables
from cosim.config.reading import Settings, apply_settings, check_sweep, read_settings
from cosim.config.sweep import Kind, RemedyConfig, SweepConfig, SweptModel
from cosim.errors import ConfigError, Problem, Problems, refuse
from cosim.files import Permission
from cosim.scenario import Scenario, check_scenario, with_imported_choice
from cosim.scenario.choice import NotImported
from cosim.tables import TABLES
from experiments.run.replications import replication_seeds
from experiments.store.identity import identity_of
from experiments.store.pieces import digest_of
from experiments.sweep.answers.remedies import REMEDY, Investment
from experiments.sweep.design import Design, Values, make_design, read_sample, read_vary

ID_LETTERS = 20
"""Letters of the id of a run: 80 bits of a SHA-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """Changes of fields that are compared by what they cost."""

    name: str
    settings: dict[str, Any]
    investment: Investment


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """What a sweep is asked to do, besides how it is worked off."""

    file: str
    """The scenario file."""
    settings: dict[str, Any]
    """Changes of fields that hold for all runs."""
    vary: dict[str, list[Any]]
    sample: dict[str, list[Any]] = field(default_factory=dict)
    points: int = 64
    design: Kind = "latin"
    seeds: int = 1
    model: SweptModel = "equilibrium"
    days: int | None = None
    keep: tuple[str, ...] = ()
    baseline: dict[str, Any] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()
    broken_at_most: float = 0.05

    @property
    def models(self) -> tuple[str, ...]:
        """Models that run."""
        return ("equilibrium", "agents") if self.model == "both" else (self.model,)


def read_request(
    scenario: str | Path,
    settings: Settings = (),
    *,
    vary: Values | Sequence[str] | None = None,
    sample: Values | Sequence[str] | None = None,
    allow: Collection[Permission] = (),
    **options: Any,
) -> SweepRequest:
    """Return what is asked: the options that are given, then those of ``[sweep]``; ConfigError for what cannot be.

    *vary* holds the values of fields, or texts ``field=value,value``; *sample* likewise ``field=low:high``.
    """
    file, changes = find_scenario(scenario), read_settings(settings)
    with scenario_boundary(file.parent, allow).around():
        tables = apply_settings(read_scenario_tables(file), changes)
    own = check_sweep(tables.get("sweep", {}), str(file))
    chosen = {name: value for name, value in options.items() if value is not None}
    asked = SweepConfig.model_construct(**{**dict(own), **chosen})
    is_own = vary is None and sample is None
    varied = _read(vary, own.vary if is_own else (), read_vary)
    sampled = _read(sample, own.sample if is_own else (), read_sample)
    if not varied and not sampled and not asked.remedies and asked.seeds == 1:
        refuse("sweep", ["nothing to vary; give a field with its values, as in road.theta_per_min=0.1,0.2"])
    _check_kept(asked.keep)
    return SweepRequest(
        file=str(file.absolute()),
        settings=changes,
        vary=varied,
        sample=sampled,
        points=asked.points,
        design=asked.design,
        seeds=asked.seeds,
        model=asked.model or ("both" if asked.seeds > 1 else "equilibrium"),
        days=asked.days,
        keep=tuple(asked.keep),
        baseline=read_settings(asked.baseline),
        thresholds=_levels(asked.thresholds),
        remedies=_remedies(asked.remedies, varied),
        broken_at_most=asked.broken_at_most,
    )


def _check_kept(names: Sequence[str]) -> None:
    """Raise ConfigError for tables that a run has not."""
    unknown = [name for name in names if name not in TABLES or "/" in name]
    told = [
        Problem(field="keep", value=name, allowed="a table, as links (cosim columns)") for name in unknown
    ]
    refuse("sweep", told)


def _levels(thresholds: Settings) -> dict[str, float]:
    """Return the level of each figure; ConfigError for one that is no number."""
    levels = read_settings(thresholds)
    refuse(
        "sweep",
        [
            Problem(field=f"thresholds.{figure}", value=level, allowed="a number, as voltage_min_pu=0.95")
            for figure, level in levels.items()
            if not isinstance(level, int | float) or isinstance(level, bool)
        ],
    )
    return {figure: float(level) for figure, level in levels.items()}


def _remedies(configs: Sequence[RemedyConfig], vary: dict[str, list[Any]]) -> tuple[Remedy, ...]:
    """Return the remedies, and have them varied last; ConfigError for two of one name."""
    names = [config.name for config in configs]
    refuse("sweep", [f"there are two remedies '{name}'" for name in {*names} if names.count(name) > 1])
    if names:
        vary[REMEDY] = names
    return tuple(
        Remedy(
            name=config.name,
            settings=read_settings(config.settings),
            investment=Investment(
                investment_cny=config.investment_cny, years=config.years, interest=config.interest
            ),
        )
        for config in configs
    )


def _read(given: Values | Sequence[str] | None, texts: Sequence[str], read: Any) -> dict[str, list[Any]]:
    if isinstance(given, Mapping):
        # what is no list is told with the other faults of the design
        kept: dict[str, Any] = {
            n: list(v) if isinstance(v, Sequence) and not isinstance(v, str) else v for n, v in given.items()
        }
        return kept
    return dict(read(texts if given is None else given))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of the plan: a scenario that was checked."""

    file: str
    settings: dict[str, Any]
    days: int | None
    allow: tuple[Permission, ...]
    identity: str = ""
    """Digest of all that its results depend on."""
    seed: int = 0
    """The scenario's own."""
    stations: tuple[str, ...] = ()
    """Names of its stations."""

    def scenario(self) -> Scenario:
        """Return the scenario as it is run: without what changes no table."""
        read = check_scenario(self.file, self.settings, allow=self.allow)
        if isinstance(read.choice, NotImported) and "import" in self.allow:
            read = with_imported_choice(read)
        config = read.config
        # both resolutions give the same tables, and this one in half the time
        population = config.population.model_copy(update={"resolution": "batch"})
        update: dict[str, Any] = {
            "population": population,
            "sweep": SweepConfig(),
            "description": "",
            "what_to_look_at": "",
            **({} if self.days is None else {"days": self.days}),
        }
        return replace(read, config=config.model_copy(update=update))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One run of the plan."""

    run: str
    """Id: a digest of the setting, the model, the seed, and the tables that are kept."""
    setting: int
    """Number of the setting, from 1."""
    seed_number: int
    """1..N; 0 for the equilibrium, which serves all seeds."""
    seed: int
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The settings of a sweep and its runs, in order."""

    request: SweepRequest
    design: Design
    settings: tuple[Setting, ...]
    members: tuple[Member, ...]
    base: str
    """Digest of the scenario without the values that vary."""

    @property
    def identity(self) -> str:
        """Digest of the ids of all runs."""
        return digest_of(" ".join(member.run for member in self.members))

    @property
    def runs(self) -> set[str]:
        """Ids of all runs."""
        return {member.run for member in self.members}


def make_plan(request: SweepRequest, allow: Collection[Permission] = ()) -> Plan:
    """Return the plan, each of its settings checked once; ConfigError with the problems of all of them."""
    scrambling = int(request.settings.get("seed", _seed_of(request, allow)))
    design = make_design(request.vary, request.sample, request.points, request.design, scrambling)
    problems = Problems()
    needs_code = request.model != "equilibrium"
    checked = [
        problems.attempt(_checked, _setting(request, design, point, allow), needs_code)
        for point in design.points
    ]
    refuse(request.file, problems)
    settings = tuple(setting for setting in checked if setting is not None)
    members = tuple(
        member
        for number, setting in enumerate(settings, start=1)
        for member in _members(number, setting, request)
    )
    base = _base_of(request, design, allow)
    return Plan(request=request, design=design, settings=settings, members=members, base=base)


def _base_of(request: SweepRequest, design: Design, allow: Collection[Permission]) -> str:
    """Return a digest of the scenario with its data; of its tables alone where it is valid only with what varies."""
    alone = Setting(file=request.file, settings=request.settings, days=None, allow=tuple(allow))
    try:
        return identity_of(alone.scenario())
    except ConfigError:
        return digest_of(json.dumps([request.file, request.settings, design.fields], default=str))


def _seed_of(request: SweepRequest, allow: Collection[Permission]) -> Any:
    file = Path(request.file)
    with scenario_boundary(file.parent, allow).around():
        seed = read_scenario_tables(file).get("seed", 1)
    return seed if isinstance(seed, int) and seed >= 0 else 1


def _setting(
    request: SweepRequest, design: Design, point: tuple[Any, ...], allow: Collection[Permission]
) -> Setting:
    values = dict(zip(design.fields, point, strict=True))
    remedy = values.pop(REMEDY, None)
    changes = request.settings | values
    for one in request.remedies:
        changes |= one.settings if one.name == remedy else {}
    return Setting(file=request.file, settings=changes, days=request.days, allow=tuple(allow))


def _checked(setting: Setting, needs_code: bool) -> Setting:
    scenario = setting.scenario()
    if needs_code and isinstance(scenario.choice, NotImported):
        raise scenario.choice.refusal
    return replace(
        setting,
        identity=identity_of(scenario),
        seed=scenario.config.seed,
        stations=tuple(s.name for s in scenario.stations),
    )


def _members(number: int, setting: Setting, request: SweepRequest) -> Iterator[Member]:
    """Yield the runs of a setting: its equilibrium, then the agents with each seed."""
    kept = " ".join(sorted(request.keep))
    for model in request.models:
        seeds = replication_seeds(setting.seed, request.seeds) if model == "agents" else (setting.seed,)
        for seed_number, seed in enumerate(seeds, start=1 if model == "agents" else 0):
            run = digest_of(f"{setting.identity} {model} {seed} {kept}")[:ID_LETTERS]
            yield Member(run=run, setting=number, seed_number=seed_number, seed=seed, model=model)
