"""The few figures a run ends with: on the terminal, as JSON, and in the manifest."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.invariants import KIND as BROKEN_INVARIANT
from cosim.arrays import Frame
from cosim.scenario import Scenario
from experiments.compare.choices import pooled_p_values
from experiments.compare.measures import rmse
from experiments.compare.totals import mean_wait_min
from experiments.run.many_days import recorded, with_carry_over
from experiments.run.real_time import VALUES, over_days

Tables = Mapping[str, Frame]
LEVEL = 0.05
NOTES = ("price", "price_not_positive", "locally_optimal", "margin")
"""Kinds in the table violations that break no limit."""


def summarise(scenario: Scenario, tables: Mapping[str, Tables]) -> dict[str, Any]:
    """Return the figures of the agents' day where it ran, else of the equilibrium's; None where there is none.

    *tables* are those of the models that ran, by model. Costs, losses and voltages are those of the day
    itself. Trips (that arrived), sessions (arrivals at stations), energy and waits include what outlasts it:
    an EV that departs late arrives, waits and charges on the next day.
    """
    agents, main = tables.get("agents"), tables.get("agents") or tables["equilibrium"]
    comparison, hours, day = tables.get("comparison"), scenario.periods.hours, main["dispatch"]
    evs, stations, dispatch = (
        with_carry_over(recorded(main), name) for name in ("evs", "stations", "dispatch")
    )
    sessions = float(stations.arrivals.sum())
    return {
        **(_trips_of_agents(evs) if agents else _trips_of_equilibrium(main["paths"], hours)),
        **(_mail_and_invariants(agents) if agents else dict.fromkeys(WATCHED)),
        "sessions": int(sessions) if agents else sessions,
        "energy_kwh": float(stations.energy_kwh.sum()),
        **_stations(stations, scenario),
        "cost_cny": float(day.cost_cny.sum(skipna=False)),
        "losses_kwh": float(day.losses_kw.sum(skipna=False)) * hours,
        "voltage_min_pu": float(day.voltage_min_pu.min()),
        "relaxation_error_max": float(dispatch.relaxation_error_max.max()),
        "ac_mismatch_max_pu": float(dispatch.ac_mismatch_max_pu.max()),
        **(dict.fromkeys(COMPARED) if comparison is None else _compared(comparison)),
        "solver": str(day.solver.iloc[0]),
    }


def _trips_of_agents(evs: Frame) -> dict[str, Any]:
    return {"trips": int(evs.arrived.sum()), "stranded": int(evs.stranded.sum())}


WATCHED = ("mail_sent", "mail_lost", "mail_late", "invariants_broken")
"""What is known only of the agents: their messages, and what should hold after every period."""


def _mail_and_invariants(agents: Tables) -> dict[str, int]:
    """Return how many messages were sent, lost and late, and how often an invariant was broken."""
    mail, violations = agents["mail"], agents.get("violations")
    broken = 0 if violations is None else int(violations.kind.str.startswith(BROKEN_INVARIANT).sum())
    return {f"mail_{name}": int(mail[name].sum()) for name in ("sent", "lost", "late")} | {
        "invariants_broken": broken
    }


def _trips_of_equilibrium(paths: Frame, hours: float) -> dict[str, Any]:
    evs = paths[paths.user_class != "car"]
    return {"trips": float(evs.flow_veh_h.sum()) * hours, "stranded": 0}


def _stations(stations: Frame, scenario: Scenario) -> dict[str, Any]:
    """Return waits, revenue, utilisation (of the day itself) and unserved energy (never delivered)."""
    last, is_used = stations.groupby("station").tail(1), bool(stations.arrivals.sum())
    return {
        "wait_min": mean_wait_min(stations, scenario.periods.hours) if is_used else None,
        **_utilisation(stations[stations.day == 1], scenario),
        "revenue_cny": float(stations.revenue_cny.sum()),
        "unserved_kwh": float(last.backlog_kwh.sum()),
    }


def _utilisation(today: Frame, scenario: Scenario) -> dict[str, float | None]:
    """Return the use of all stations over the day, of their plug-hours and of their power; None if not known."""
    chargers = today.station.map({station.name: station.chargers for station in scenario.stations})
    limit_kw = today.station.map({station.name: station.limit_kw for station in scenario.stations})
    is_known = bool(today.charger_occupancy.notna().all())
    occupancy = float(np.average(today.charger_occupancy, weights=chargers)) if is_known else None
    energy = float(np.average(today.energy_utilisation, weights=limit_kw))
    return {"charger_occupancy": occupancy, "energy_utilisation": energy}


G_TESTS = ("g_test_rejected_share", "g_test_pooled_p_value")
FLOWS = ("link_flow_rmse_veh_h", "geh_below_5_share")
COMPARED = (*VALUES, "limits_kept_by", *G_TESTS, *FLOWS, "verdict", "verdict_causes")
"""What is known only where the agents were compared with the equilibrium."""


def _compared(comparison: Tables) -> dict[str, Any]:
    """Return what forecast errors and units are worth, and how the agents compare with the equilibrium.

    Of G-tests of route choice about 5 % reject at 5 % if the choices are draws from the equilibrium's shares.
    """
    tests = comparison.get("g_tests")
    verdict, flows = comparison["verdicts"].iloc[0], link_flows(comparison["differences"])
    return {
        **over_days(comparison["real_time_values"]),
        "g_test_rejected_share": float("nan") if tests is None else float((tests.p_value <= LEVEL).mean()),
        "g_test_pooled_p_value": {} if tests is None else pooled_p_values(tests),
        "link_flow_rmse_veh_h": rmse(flows.other.to_numpy(), flows.reference.to_numpy()),
        "geh_below_5_share": float((flows.geh < 5).mean()),
        "verdict": verdict.verdict,
        "verdict_causes": [cause for cause in verdict.causes.split(",") if cause],
    }


def link_flows(differences: Frame) -> Frame:
    """Return the differences of all flows on roads and charging arcs."""
    roads = (differences.kind == "link") & (differences.quantity == "flow_veh_h")
    stations = (differences.kind == "station") & (differences.quantity == "ev_veh_h")
    return differences[roads | stations]


def flags(
    violations: Mapping[str, Frame | None],
    *,
    several_feeders: bool = False,
    listed: str = "in the table violations",
    notes: bool = False,
    replications: int = 1,
) -> list[str]:
    """Return what kept each model from an answer within all limits: of each kind the worst, and how many more.

    Of several *replications*, whose number is in a column ``replication``, it is told in how many. Where there are
    *several_feeders*, a bus is named with its feeder. *listed* says where the others are. With
    *notes*, what is worth knowing although all limits are kept: the kinds `NOTES`.
    """
    sentences = []
    for model, found in violations.items():
        for kind, alike in () if found is None else found.groupby("kind", sort=False):
            if (kind in NOTES) is not notes:
                continue
            worst = alike.sort_values("amount", ascending=False, kind="stable").iloc[0]
            where = f"feeder {worst.feeder}, " if several_feeders and worst.feeder else ""
            others = f" ({len(alike) - 1} more of kind '{kind}' {listed}.)" if len(alike) > 1 else ""
            sentences.append(
                f"{model}{_replication(alike, worst, replications)}: {where}{worst.sentence}{others}"
            )
    return sentences


def _replication(alike: Frame, worst: Any, replications: int) -> str:
    if "replication" not in alike:
        return ""
    return f" in {alike.replication.nunique()} of {replications} replications, worst in replication {worst.replication}"
