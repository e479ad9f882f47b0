"""One EV's day, found in a finished run: what is on record, and the decisions replayed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.news import News
from agents.plans import DayPlan, plan_day, plan_of
from agents.replay import Decision, Outcome, Replay
from cosim.errors import ConfigError
from cosim.ev.battery import Battery
from cosim.results import Run, load_run
from cosim.scenario import DayAhead, Scenario, load_scenario


@dataclass(frozen=True)
class EvDay:
    """The day of an EV of a run."""

    run: Run
    scenario: Scenario
    plan: DayPlan
    day: int
    n_ev: int
    news: list[News]
    decisions: list[Decision]
    charge_start_s: Mapping[int, int]
    """By trip: the second of plugging in."""
    replay: Replay

    @property
    def is_recorded(self) -> bool:
        """Whether the run kept trips one by one."""
        return "trips" in self.run.agents.names

    @property
    def battery(self) -> Battery:
        """The EV's battery."""
        return self.plan.battery


def find_ev_day(directory: Path, ev: int, day: int = 1) -> EvDay:
    """Return the day of an EV of the run in *directory*; ConfigError if there is no such run, EV or day."""
    run = load_run(directory)
    problems = _problems(run, ev, day)
    if problems:
        raise ConfigError(str(directory), problems)
    scenario = load_scenario(directory / "scenario.toml")
    if problem := _beyond_replay(scenario):
        raise ConfigError(str(directory), [problem])
    seed, n_ev = int(run.manifest["seed"]), int(run.summary["evs"])
    # who comes later does not change who comes before: the plans up to this EV are enough
    plan = plan_of(plan_day(scenario, ev, seed, day), ev)
    replay = Replay(scenario, _known_the_day_before(run, scenario, n_ev), seed, run.agents.messages)
    return EvDay(
        run=run,
        scenario=scenario,
        plan=plan,
        day=day,
        n_ev=n_ev,
        news=replay.archive.news(ev),
        decisions=list(replay.day(plan, outcomes_of(run, ev))),
        charge_start_s=charge_starts_s(run, ev),
        replay=replay,
    )


def _beyond_replay(scenario: Scenario) -> str:
    """Return why a day of this scenario cannot be replayed from its tables; nothing if it can."""
    population = scenario.config.population
    told = population.information
    if max(told.equilibrium, told.last_period) < 1:
        return "drivers have different or learnt knowledge; a replay needs one that all are told of today"
    if population.soc == "carried":
        return "batteries are carried over midnight (population.soc); a replay needs mornings that are drawn"
    return ""


def _problems(run: Run, ev: int, day: int) -> list[str]:
    if not run.agents:
        return ["holds no agents; run the scenario with --model both, or --model agents"]
    if "session_kwh" not in run.summary or "published_cny_per_kwh" not in run.agents.prices:
        return ["was made by an earlier version, which did not keep what the replay needs; run it again"]
    n_ev, problems = int(run.summary["evs"]), []
    if not 1 <= ev <= n_ev:
        problems.append(f"there is no EV {ev}; the EVs are numbered 1 to {n_ev}")
    if day != 1:
        problems.append(f"there is no day {day} to replay; a replay is of day 1 alone")
    return problems


def _known_the_day_before(run: Run, scenario: Scenario, n_ev: int) -> DayAhead:
    """Return what drivers knew of the day ahead: published prices, and the mean session; nothing else is replayed."""
    session_kwh = float(run.summary["session_kwh"])
    today = run.agents.prices.query("day == 1")
    shape = (scenario.periods.count, len(scenario.stations))
    paths = scenario.with_sessions(session_kwh)
    price = today.published_cny_per_kwh.to_numpy().reshape(shape)
    return DayAhead(
        days=1,
        n_ev=n_ev,
        session_kwh=session_kwh,
        paths=paths,
        link_time_min=np.zeros((shape[0], len(paths.network.links))),
        car_path_veh_h=np.zeros((shape[0], paths.count)),
        station_load_kw=np.zeros(shape),
        tariff_cny_per_kwh=today.tariff_cny_per_kwh.to_numpy().reshape(shape)[:, 0],
        nodal_price_cny_per_kwh=np.zeros(shape),
        charging_price_cny_per_kwh=price,
        share_drawn_on_arrival=0.0,
    )


def outcomes_of(run: Run, ev: int) -> dict[int, Outcome] | None:
    """Return what came of each trip, by number; None where trips were not kept."""
    if "trips" not in run.agents.names:
        return None
    trips = run.agents.trips
    return {
        int(row.trip): Outcome(
            arrival_s=int(row.arrival_s),
            wait_s=0 if np.isnan(row.wait_min) else round(60 * row.wait_min),
            charge_s=0 if np.isnan(row.charge_min) else round(60 * row.charge_min),
            fast_kwh=float(np.nan_to_num(row.fast_charge_kwh)),
            paid_cny=float(np.nan_to_num(row.paid_cny)),
        )
        for row in trips[trips.ev == ev].itertuples()
    }


def charge_starts_s(run: Run, ev: int) -> dict[int, int]:
    """Return the second of plugging in, by trip."""
    if "sessions" not in run.agents.names:
        return {}
    sessions = run.agents.sessions
    mine = sessions[sessions.ev == ev]
    return dict(zip(mine.trip.tolist(), mine.start_s.tolist(), strict=True))
