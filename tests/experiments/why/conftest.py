"""Runs whose days are told again: at both resolutions, with lost mail, over midnight, with totals alone."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from cosim.results import Run
from cosim.scenario import load_scenario
from experiments.run.runner import run
from experiments.why.record import EvDay, Rerun, Trip, rerun

CONFIGS = Path(__file__).parents[3] / "configs"
FEWER = "population.evs=90"
FEW = ["population.evs=150", "population.estimate_diaries=3000", "mobility.soc_first_mean=0.4"]
DEAF = ["messages.delay_s=30", "messages.loss_probability=0.3"]
PRICED = ["tariff.charging_price=nodal", 'coupling.starts=["tariff"]', "mobility.price_sensitivity=1.0"]
TYPES = (
    'population.types=[{name="small", share=0.5, battery_kwh=30.0, fast_kw=40.0}, '
    '{name="large", share=0.5, slow_charger_kw=11.0}]'
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
    "two days of few": ("toy", ["days=2", "population.evs=20", "population.resolution=batch"]),
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
RECORDED = [case for case in CASES if "totals alone" not in case and case != "two days of few"]
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
def again(finished: Callable[[str], Run]) -> Callable[[str], Rerun]:
    """Return a case simulated again, all its EVs watched."""

    @cache
    def rerun_of(case: str) -> Rerun:
        found = finished(case)
        return rerun(found, range(1, found.summary["evs"] + 1))

    return rerun_of


@pytest.fixture(scope="session")
def days(again: Callable[[str], Rerun]) -> Callable[[str], list[EvDay]]:
    """Return all days of all EVs of a case, EV by EV."""

    @cache
    def days_of(case: str) -> list[EvDay]:
        run_again = again(case)
        numbers = range(1, run_again.scenario.config.days + 1)
        return [run_again.ev_day(ev, day) for ev in range(1, run_again.day_ahead.n_ev + 1) for day in numbers]

    return days_of


@pytest.fixture(scope="session")
def told_trips(days: Callable[[str], list[EvDay]]) -> Callable[[str], list[tuple[int, Trip]]]:
    """Return all trips of all EVs of a case, EV by EV in order of departure."""

    @cache
    def trips(case: str) -> list[tuple[int, Trip]]:
        return [(day.ev, trip) for day in days(case) for trip in day.trips]

    return trips
