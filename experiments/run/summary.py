"""The few figures a run ends with: on the terminal, as JSON, and in the manifest."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cosim.arrays import Frame
from cosim.scenario import Scenario
from experiments.compare.choices import pooled_p_values
from experiments.compare.measures import rmse
from experiments.compare.totals import mean_wait_min
from experiments.run.real_time import VALUES, kept_by, values_cny

Tables = Mapping[str, Frame]
LEVEL = 0.05


def summarise(scenario: Scenario, tables: Mapping[str, Tables]) -> dict[str, Any]:
    """Return the figures of the agents' day where it ran, else of the equilibrium's; None where there is none.

    *tables* are those of the models that ran, by model. Costs, losses and voltages are those of the day
    itself. Trips (that arrived), sessions (arrivals at stations), energy and waits include what outlasts it:
    an EV that departs late arrives, waits and charges on the next day.
    """
    agents, main = tables.get("agents"), tables.get("agents") or tables["equilibrium"]
    day = main["dispatch"][main["dispatch"].day == 1]
    hours = scenario.periods.hours
    return {
        **(_traffic_of_agents(agents) if agents else _traffic_of_equilibrium(main, scenario)),
        **_stations(main["stations"], scenario),
        "cost_cny": float(day.cost_cny.sum()),
        "losses_kwh": float(day.losses_kw.sum()) * hours,
        "voltage_min_pu": float(day.voltage_min_pu.min()),
        "relaxation_error_max": float(main["dispatch"].relaxation_error_max.max()),
        "ac_mismatch_max_pu": float(main["dispatch"].ac_mismatch_max_pu.max()),
        **_plans(tables.get("comparison")),
        **_agreement(tables.get("comparison")),
        "solver": str(main["dispatch"].solver.iloc[0]),
    }


def _traffic_of_agents(tables: Tables) -> dict[str, Any]:
    evs, stations = tables["evs"], tables["stations"]
    return {
        "trips": int(evs.arrived.sum()),
        "stranded": int(evs.stranded.sum()),
        "sessions": int(stations.arrivals.sum()),
        "energy_kwh": float(stations.energy_kwh.sum()),
    }


def _traffic_of_equilibrium(tables: Tables, scenario: Scenario) -> dict[str, Any]:
    paths, stations, hours = tables["paths"], tables["stations"], scenario.periods.hours
    evs = paths[paths.user_class != "car"]
    return {
        "trips": float(evs.flow_veh_h.sum()) * hours,
        "stranded": 0,
        "sessions": float(stations.arrivals.sum()),
        "energy_kwh": float(stations.energy_kwh.sum()),
    }


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
    return {
        "charger_occupancy": float(np.average(today.charger_occupancy, weights=chargers))
        if is_known
        else None,
        "energy_utilisation": float(np.average(today.energy_utilisation, weights=limit_kw)),
    }


def _plans(comparison: Tables | None) -> dict[str, Any]:
    """Return what forecast errors, re-dispatch, storage and demand response are worth, where there are agents."""
    if comparison is None:
        return dict.fromkeys((*VALUES, "limits_kept_by"))
    real_time = comparison["real_time"]
    return {**values_cny(real_time), "limits_kept_by": kept_by(real_time)}


def _agreement(comparison: Tables | None) -> dict[str, Any]:
    """Return how the agents compare with the equilibrium, in a few figures; None where they were not compared.

    Of G-tests of route choice about 5 % reject at 5 % if the choices are draws from the equilibrium's shares.
    """
    names = ("g_test_rejected_share", "g_test_pooled_p_value", "link_flow_rmse_veh_h", "geh_below_5_share")
    if comparison is None:
        return dict.fromkeys([*names, "verdict", "verdict_causes"])
    tests, verdict = comparison.get("g_tests"), comparison["verdicts"].iloc[0]
    flows = link_flows(comparison["differences"])
    return {
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
) -> list[str]:
    """Return what kept each model from an answer within all limits: of each kind the worst, and how many more.

    Where there are *several_feeders*, a bus is named with its feeder. *listed* says where the others are.
    """
    return [
        f"{model}: {sentence}"
        for model, found in violations.items()
        if found is not None
        for sentence in _worst_of_each_kind(found, several_feeders, listed)
    ]


def _worst_of_each_kind(violations: Frame, several_feeders: bool, listed: str) -> list[str]:
    sentences = []
    for kind, alike in violations.groupby("kind", sort=False):
        worst = alike.sort_values("amount", ascending=False, kind="stable").iloc[0]
        feeder = worst.place.partition(",")[0]
        named = several_feeders and feeder.startswith("feeder ") and feeder not in worst.sentence
        more = len(alike) - 1
        sentences.append(
            (f"{feeder}, " if named else "")
            + worst.sentence
            + (f" ({more} more of kind '{kind}' {listed}.)" if more else "")
        )
    return sentences
