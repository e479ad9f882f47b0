"""Runs whose days are told again: at both resolutions, with lost mail, over midnight, with totals alone."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from agents.replay import Decision
from agents.replay_days import ReplayedDay
from cosim.results import Run
from cosim.scenario import load_scenario
from experiments.run.runner import run
from experiments.why.record import days_of, replay_of

CONFIGS = Path(__file__).parents[3] / "configs"
FEWER = "population.evs=90"
FEW = ["population.evs=150", "population.estimate_diaries=3000", "mobility.soc_first_mean=0.4"]
DEAF = ["messages.delay_s=30", "messages.loss_probability=0.3"]
PRICED = ["tariff.charging_price=nodal", 'coupling.starts=["tariff"]', "mobility.price_sensitivity=1.0"]
TYPES = (
    'population.types=[{name="small", share=0.5, battery_kwh=30.0, fast_kw=40.0}, '
    '{name="large", share=0.5, slow_kw=11.0}]'
)
MIXED = "population.information={equilibrium=0.2, yesterday=0.5, last_period=0.2}"
ONE_CHARGER = "stations.S.chargers=1"
CARRIED = [*FEW, FEWER, *DEAF, *PRICED, TYPES, MIXED, "days=3", "population.soc=carried", ONE_CHARGER]
CASES = {
    "told all": ("paper", [*FEW, TYPES, "population.choice=path_size", "population.resolution=batch"]),
    "mail lost, prices nodal": (
        "paper",
        [*FEW, *DEAF, *PRICED, "population.information=last_period", "stations.CS9.chargers=1"],
    ),
    "batteries too small": ("toy", [*FEW, "mobility.battery_kwh=9.0", "mobility.soc_reserve=0.0"]),
    "carried, mixed, individual": ("toy", CARRIED),
    "carried, mixed, batch": ("toy", [*CARRIED, "population.resolution=batch"]),
    "carried, mixed, totals alone": (
        "toy",
        [*CARRIED, "population.resolution=batch", "population.individual_tables=false"],
    ),
    "drawn, some learn, queues of days": (
        "toy",
        [
            *FEW,
            "days=3",
            "population.information={yesterday=0.4}",
            ONE_CHARGER,
            "mobility.soc_first_mean=0.3",
        ],
    ),
    "chained, periods opened late": (
        "two_way",
        [
            *FEW,
            FEWER,
            "days=2",
            "population.soc=carried",
            "population.information=yesterday",
            "population.resolution=batch",
            "messages.delay_s=1000",
            "messages.patience_s=700",
            "messages.loss_probability=0.3",
        ],
    ),
}
RECORDED = [case for case in CASES if "totals alone" not in case]
ONE_DAY = ["told all", "mail lost, prices nodal", "batteries too small"]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Return the finished run of a case; its page is not asked for."""

    @cache
    def run_of(case: str) -> Run:
        name, settings = CASES[case]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("experiments.run.runner._write_report", lambda _: None)
            scenario = load_scenario(CONFIGS / f"{name}.toml", settings)
            return run(scenario, "agents", tmp_path_factory.mktemp("why") / "run")

    return run_of


@pytest.fixture(scope="session")
def lived(finished: Callable[[str], Run]) -> Callable[[str], list[ReplayedDay]]:
    """Return all days of all EVs of a case, replayed, EV by EV."""

    @cache
    def days(case: str) -> list[ReplayedDay]:
        found = finished(case)
        replay = replay_of(found)
        return [day for ev in range(1, found.summary["evs"] + 1) for day in days_of(found, replay, ev)]

    return days


@pytest.fixture(scope="session")
def replayed(lived: Callable[[str], list[ReplayedDay]]) -> Callable[[str], list[tuple[int, Decision]]]:
    """Return all decisions of all EVs of a case, EV by EV in order of departure."""

    @cache
    def decisions(case: str) -> list[tuple[int, Decision]]:
        return [(day.plan.ev, made) for day in lived(case) for made in day.decisions]

    return decisions
