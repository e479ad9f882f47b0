"""A blind trial of ``cosim compare``: ``python benchmarks/compare_trial.py [--seeds 10] [--nulls 100]``.

Single days of agents, each with a seed of its own, are compared with days of the bundled `paper` (its roads and
stations; `toy` and `coupled` with their feeders for prices and the grid). Over all variants the true cause must be
named first in 95 % of the days; of pairs in which nothing differs, as many must name no cause.
"""

import argparse
import sys
import tempfile
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree

import tomli_w

from agents.model import CoSimModel
from cosim.coupling import EquilibriumDay, day_ahead, solve_equilibrium_day
from cosim.scenario import Scenario, load_scenario
from experiments.compare.comparison import compare_samples
from experiments.compare.sample import Sample
from experiments.compare.verdict import Verdict
from experiments.manifest import write_scenario
from experiments.run.many_days import recorded

CONFIGS = Path(__file__).parents[1] / "configs"
ASKED = 0.95
WITH_FEEDERS = ("toy", "coupled")
"""Whose prices or feeder are the question; in `coupled` the stations' prices differ."""
STATIONS = ("CS6", "CS9", "CS11")


def at_stations(setting: str) -> tuple[str, ...]:
    """Return a setting of every station of the paper."""
    return tuple(f"stations.{name}.{setting}" for name in STATIONS)


VARIANTS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("5 % more trips", "demand", "paper", ("road.demand_scale=0.525",)),
    ("EVs make 65 % of the trips", "population", "paper", ("population.ev_share=0.65",)),
    ("3 chargers for 10", "queueing", "paper", at_stations("chargers=3")),
    ("20 kWh for 50", "range", "paper", ("mobility.battery_kwh=20",)),
    ("times of the period before", "information", "paper", ("population.information=last_period",)),
    ("theta 0.16 for 0.2", "information", "paper", ("population.theta_per_min=0.16",)),
    ("the cheapest path", "choice", "paper", ("population.choice=cheapest",)),
    ("30 kW for 60", "capacity", "paper", at_stations("charger_kw=30")),
    ("a station closed", "network", "closed_station.toml", ()),
    ("a road closed", "network", "closed_road.toml", ()),
    ("the dynamic tariff", "price", "toy", ("tariff.kind=dynamic",)),
    ("5 CNY an hour for 40", "choice", "coupled", ("road.value_of_time_cny_per_h=5",)),
    ("twice the load", "grid", "toy", ("grid.load_scale=2",)),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario whose days are drawn."""

    scenario: Scenario
    equilibrium: EquilibriumDay
    folder: Path

    def day(self, seed: int) -> Sample:
        """Return the agents' day with the draws of *seed*."""
        tables = CoSimModel(self.scenario, day_ahead(self.scenario, self.equilibrium), seed).simulate()
        return Sample(
            name=f"seed {seed}",
            model="agents",
            days=(recorded(tables),),
            seeds=(seed,),
            config=self.scenario.config,
            folder=self.folder,
            evs=self.equilibrium.demand.n_ev,
        )


def case(file: Path, settings: tuple[str, ...], folder: Path) -> Case:
    """Return the scenario of a file with these settings, without its feeder where that is not the question."""
    scenario = load_scenario(file, ["population.resolution=batch", *settings])
    folder.mkdir()
    write_scenario(scenario, folder)
    scenario = scenario if file.stem in WITH_FEEDERS else replace(scenario, feeders=())
    return Case(scenario, solve_equilibrium_day(scenario), folder)


def closed(configs: Path) -> None:
    """Write the paper's scenario without one station, and without one road."""
    tables = tomllib.loads((configs / "paper.toml").read_text(encoding="utf-8"))
    fewer = tables | {"stations": [own for own in tables["stations"] if own["name"] != "CS9"]}
    (configs / "closed_station.toml").write_text(tomli_w.dumps(fewer), encoding="utf-8")
    rows = (configs / "nguyen_dupuis" / "links.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (configs / "nguyen_dupuis" / "open_links.csv").write_text("".join(rows[:-1]), encoding="utf-8")
    tables["road"]["links"] = "nguyen_dupuis/open_links.csv"
    (configs / "closed_road.toml").write_text(tomli_w.dumps(tables), encoding="utf-8")


def verdict(reference: Sample, other: Sample) -> Verdict:
    """Return the verdict on two days."""
    return compare_samples([reference, other], seed=1).verdicts[0]


def main() -> int:
    """Print what was named; return 0 if the shares are those asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--nulls", type=int, default=100)
    parser.add_argument("--first", type=int, default=1000, help="first seed")
    asked = parser.parse_args()
    right = []
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        configs = copytree(CONFIGS, here / "configs")
        closed(configs)
        plain = {name: case(configs / f"{name}.toml", (), here / name) for name in ("paper", *WITH_FEEDERS)}
        for number, (told, cause, name, settings) in enumerate(VARIANTS):
            file = configs / (name if name.endswith(".toml") else f"{name}.toml")
            other, base = (
                case(file, settings, here / f"variant{number}"),
                plain[name if name in WITH_FEEDERS else "paper"],
            )
            seeds = [asked.first + 100 * number + 2 * k for k in range(asked.seeds)]
            named = [verdict(base.day(seed), other.day(seed + 1)).causes for seed in seeds]
            first = sum(causes[:1] == (cause,) for causes in named)
            others = sorted({", ".join(causes) or "none" for causes in named if causes[:1] != (cause,)})
            print(f"{told:28} {cause:12} first in {first} of {asked.seeds}", *others, flush=True)
            right.append(first)
        start = asked.first + 5_000
        nulls = [
            verdict(plain["paper"].day(start + 2 * k), plain["paper"].day(start + 2 * k + 1))
            for k in range(asked.nulls)
        ]
    silent, same = sum(not own.causes for own in nulls), sum(own.flows_agree for own in nulls)
    total = len(VARIANTS) * asked.seeds
    print(
        f"the true cause first in {sum(right)} of {total}; of {asked.nulls} null pairs {silent} name no cause"
    )
    print(f"{same} of the null pairs are not called different")
    return int(sum(right) < ASKED * total or silent < ASKED * asked.nulls)


if __name__ == "__main__":
    sys.exit(main())
