"""The few figures a run ends with: on the terminal, as JSON, and in the manifest."""

from collections.abc import Mapping
from typing import Any

from cosim.arrays import Frame
from cosim.scenario import Scenario
from experiments.compare import agreement
from experiments.real_time import VALUES, values_cny

Tables = Mapping[str, Frame]


def summarise(scenario: Scenario, tables: Mapping[str, Tables]) -> dict[str, Any]:
    """Return the figures of the agents' day where it ran, else of the equilibrium's; None where there is none.

    *tables* are those of the models that ran, by model. Costs, losses and voltages are those of the day
    itself; trips and sessions include what outlasts it.
    """
    agents, main = tables.get("agents"), tables.get("agents") or tables["equilibrium"]
    compared = agreement(tables["comparison"]) if "comparison" in tables else None
    day = main["dispatch"][main["dispatch"].day == 1]
    hours = scenario.periods.hours
    return {
        **(_traffic_of_agents(agents) if agents else _traffic_of_equilibrium(main, scenario)),
        "cost_cny": float(day.cost_cny.sum()),
        "losses_kwh": float(day.losses_kw.sum()) * hours,
        "voltage_min_pu": float(day.voltage_min_pu.min()),
        "relaxation_error_max": float(main["dispatch"].relaxation_error_max.max()),
        "ac_mismatch_max_pu": float(main["dispatch"].ac_mismatch_max_pu.max()),
        "g_test_rejected_share": compared.g_test_rejected_share if compared else None,
        "g_test_pooled_p_value": compared.pooled_p_value if compared else None,
        "link_flow_rmse_veh_h": compared.link_flow_rmse_veh_h if compared else None,
        "geh_below_5_share": compared.geh_below_5_share if compared else None,
        **(values_cny(tables["comparison"]["real_time"]) if compared else dict.fromkeys(VALUES)),
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


def flags(violations: Mapping[str, Frame | None]) -> list[str]:
    """Return what kept each model from an answer within all limits: of each kind the worst, and how many more."""
    return [
        f"{model}: {sentence}"
        for model, found in violations.items()
        if found is not None
        for sentence in _worst_of_each_kind(found)
    ]


def _worst_of_each_kind(violations: Frame) -> list[str]:
    sentences = []
    for kind, alike in violations.groupby("kind", sort=False):
        worst = alike.sort_values("amount", ascending=False, kind="stable").sentence.iloc[0]
        more = len(alike) - 1
        sentences.append(
            worst + (f" ({more} more of kind '{kind}' in the table violations.)" if more else "")
        )
    return sentences
