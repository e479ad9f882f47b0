"""What the manifest says of a run: its summary, flags and notes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from cosim.arrays import Frame
from cosim.config.plausibility import unit_questions
from cosim.coupling import EquilibriumDay, MethodDifference, day_violations, method_differences
from cosim.grid.solvers import available_solver
from cosim.scenario import Scenario
from cosim.scenario.feeder_case import network_notes
from experiments.run import learning_check
from experiments.run.events_told import event_records, event_sentences
from experiments.run.many_days import Reader, last_day
from experiments.run.over_replications import ONE_DAY, over_replications, violations_of
from experiments.run.real_time import intervals
from experiments.run.summary import flags, summarise


def run_facts(
    scenario: Scenario,
    day: EquilibriumDay,
    tables: Mapping[str, Mapping[str, Frame]],
    replications: Sequence[Reader],
) -> dict[str, Any]:
    """Return what the manifest says of a run, besides versions, hashes and timings."""
    days, equilibrium = scenario.config.days, tables.get("equilibrium", {})
    agents = tables.get("agents", {}).get("violations")
    told: dict[str, Any] = {"several_feeders": len(scenario.feeders) > 1, "replications": len(replications)}
    violations = {
        "equilibrium": equilibrium.get("violations", day_violations(scenario, day)),
        "agents": violations_of(replications) if replications else agents,
    }
    shown = {name: last_day(own, 1 if name == "equilibrium" else days) for name, own in tables.items()}
    summary = {
        "evs": day.demand.n_ev,
        "session_kwh": day.demand.session_kwh,
        "days": days,
        **_learning(tables.get("comparison", {}), days),
        **summarise(scenario, shown),
        "replications": max(1, len(replications)),
        **_over_replications(scenario, tables.get("comparison", {}), replications),
        "sue_residual_max": day.residual_max,
        "sue_method": scenario.config.road.assignment.method,
        "sue_other_methods": [asdict(method) for method in _other_methods(scenario, day)],
        "coupling_iterations": len(day.iterations),
        "coupling_residual": day.residual,
        "settled": day.settled,
        "events": event_records(scenario, tables.get("agents", {}).get("events")),
    }
    return {
        "name": scenario.config.name,
        "seed": scenario.config.seed,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "solver": asdict(available_solver(scenario.feeders[0].rules.solver)),
        "flags": flags(violations, **told),
        "notes": [
            *unit_questions(scenario.config),
            *network_notes([case.feeder for case in scenario.feeders]),
            *flags(violations, **told, notes=True),
            *event_sentences(scenario, summary["events"], of_agents="agents" in tables),
        ],
        "summary": summary,
    }


def _other_methods(scenario: Scenario, day: EquilibriumDay) -> tuple[MethodDifference, ...]:
    """Return how far other methods of assignment are from this day, where the scenario asks for it."""
    return method_differences(scenario, day) if scenario.config.road.assignment.compare_methods else ()


def _over_replications(
    scenario: Scenario, comparison: Mapping[str, Frame], replications: Sequence[Reader]
) -> dict[str, Any]:
    """Return the figures of all replications, with the intervals of what re-dispatch and units are worth."""
    if not replications:
        return ONE_DAY
    found = over_replications(scenario, replications)
    worth = intervals(comparison["real_time_values"]) if comparison else {}
    return {**found, "interval_95": {**found["interval_95"], **worth}}


def _learning(comparison: Mapping[str, Frame], days: int) -> dict[str, Any]:
    """Return how far the agents' flows are from the equilibrium, on the last day and on all, and learners' flows."""
    check = comparison.get("learning_check")
    found = {
        "learning_check": None if check is None else learning_check.check_facts(check.to_dict("records"))
    }
    if "learning" not in comparison:
        return found
    rows = comparison["learning"].to_dict("records")
    figures = {name: rows[-1][name] for name in ("ev_distance", "ev_floor", "flow_distance", "flow_floor")}
    return {**found, **figures, **({"learning": rows} if days > 1 else {})}
