"""The few figures a run ends with: on the terminal, as JSON, and in the manifest."""

from collections.abc import Mapping
from typing import Any

from cosim.arrays import Frame
from cosim.scenario import Scenario
from experiments.compare import Agreement

Tables = Mapping[str, Frame]


def summarise(
    scenario: Scenario, agents: Tables | None, equilibrium: Tables | None, agreement: Agreement | None
) -> dict[str, Any]:
    """Return the figures of the agents' day where it ran, else of the equilibrium's; None where there is none.

    Costs, losses and voltages are those of the day itself; trips and sessions include what outlasts it.
    """
    main = agents or equilibrium or {}
    day = main["dispatch"][main["dispatch"].day == 1]
    hours = scenario.periods.hours
    return {
        **(_traffic_of_agents(agents) if agents else _traffic_of_equilibrium(main, scenario)),
        "cost_cny": float(day.cost_cny.sum()),
        "losses_kwh": float(day.losses_kw.sum()) * hours,
        "voltage_min_pu": float(day.voltage_min_pu.min()),
        "relaxation_error_max": float(main["dispatch"].relaxation_error_max.max()),
        "ac_mismatch_max_pu": float(main["dispatch"].ac_mismatch_max_pu.max()),
        "g_test_rejected_share": agreement.g_test_rejected_share if agreement else None,
        "g_test_pooled_p_value": agreement.pooled_p_value if agreement else None,
        "link_flow_rmse_veh_h": agreement.link_flow_rmse_veh_h if agreement else None,
        "geh_below_5_share": agreement.geh_below_5_share if agreement else None,
        "solver": str(main["dispatch"].solver.iloc[0]),
    }


def _traffic_of_agents(tables: Tables) -> dict[str, Any]:
    trips, sessions = tables["trips"], tables.get("sessions")
    made = trips[trips.status == "arrived"]
    return {
        "trips": len(made),
        "stranded": len(trips) - len(made),
        "sessions": 0 if sessions is None else len(sessions),
        "energy_kwh": 0.0 if sessions is None else float(sessions.energy_kwh.sum()),
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


def flags(*models: Tables | None) -> list[str]:
    """Return what kept the models from an answer within all limits: one sentence each, none twice."""
    sentences: list[str] = []
    for tables in models:
        if tables and "violations" in tables:
            sentences += tables["violations"].sentence.tolist()
    return list(dict.fromkeys(sentences))
