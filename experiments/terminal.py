"""What a run shows on the terminal: progress while it works, a few figures at the end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cosim.results import Run
from cosim.words import counted
from experiments.run.learning_check import apart, verdict_in_words
from experiments.run.over_replications import LARGEST, MEANS
from experiments.run.real_time import UNIT_VALUES, VALUES
from experiments.run.runner import Progress
from experiments.run.summary import WATCHED
from experiments.study import REPORT, CommandResult, aligned

JSON_KEYS = (
    "replications",
    "replications_broken",
    "interval_95",
    "evs",
    *WATCHED,
    *MEANS,
    *LARGEST,
    "sue_residual_max",
    "sue_method",
    "sue_other_methods",
    "coupling_iterations",
    "coupling_residual",
    "settled",
    "learning_check",
    "g_test_rejected_share",
    "g_test_pooled_p_value",
    "link_flow_rmse_veh_h",
    "geh_below_5_share",
    *VALUES,
    "verdict",
    "verdict_causes",
    "events",
    "solver",
)

LABEL = 39
"""Letters before the figures."""


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show the stage a run is in, on standard error; leave nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:12}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("reading", total=1.0)
        yield lambda stage, share: bars.update(task, description=stage, completed=share)


def study_of(run: Run) -> CommandResult:
    """Return a finished run as it is shown: a figure the model does not have is null, or a dash."""
    stages, flags, report = run.manifest["seconds"], run.manifest["flags"], run.directory / REPORT
    facts = {
        **{key: run.summary[key] for key in JSON_KEYS},
        "seconds": round(sum(stages.values()), 3),
        "seconds_by_stage": stages,
        "flags": flags,
        "run_dir": str(run.directory),
        "report": str(report),
    }
    title = f"{run.manifest['name']}, seed {run.manifest['seed']}{_of_days(run.summary)}{_of_replications(run.summary)}"
    lines = [title, *aligned(dict(_lines(run)), LABEL), f"report: {report}"]
    notes = run.manifest.get("notes", ())
    return CommandResult(command="run", facts=facts, lines=lines, flags=flags, notes=notes)


def _of_days(summary: Mapping[str, Any]) -> str:
    """Return which day of many the figures are of: the tables hold all, the figures the last one."""
    return f", day {summary['days']} of {summary['days']}" if summary["days"] > 1 else ""


def _of_replications(summary: Mapping[str, Any]) -> str:
    count = summary["replications"]
    return f": means of {count} replications with their 95 % intervals" if count > 1 else ""


def _lines(run: Run) -> list[tuple[str, str]]:
    s, stages = run.summary, run.manifest["seconds"]
    lines = [
        ("EVs", _number(s["evs"], ",")),
        ("EV trips arrived", _figure(s, "trips", ",.0f")),
        ("charging sessions", _figure(s, "sessions", ",.0f")),
        ("energy charged", _figure(s, "energy_kwh", ".2f", " MWh", 1e-3)),
        _occupancy(s),
        ("mean wait", _figure(s, "wait_min", ".1f", " min")),
        ("revenue of the stations", _figure(s, "revenue_cny", ",.0f", " CNY")),
        ("cost of the day", _figure(s, "cost_cny", ",.0f", " CNY")),
        ("losses", _figure(s, "losses_kwh", ".0f", " kWh")),
        ("lowest voltage", _figure(s, "voltage_min_pu", ".4f", " p.u.")),
        ("largest relaxation error", _figure(s, "relaxation_error_max", ".1e", " p.u.")),
        ("largest AC mismatch", _figure(s, "ac_mismatch_max_pu", ".1e", " p.u.")),
        *_equilibrium(s),
    ]
    if s["replications"] > 1:
        lines.append(("limits broken", f"on {s['replications_broken']} of {s['replications']} replications"))
    if s["unserved_kwh"] >= 0.5:
        lines.append(("unserved energy", _figure(s, "unserved_kwh", ",.0f", " kWh")))
    if s["mail_lost"] or s["mail_late"]:
        lines.append(("messages", _mail(s)))
    if s["stranded"]:
        lines.append(("stranded EVs", _stranded(s)))
    if s["link_flow_rmse_veh_h"] is not None:
        lines += [
            *_learning_check(s),
            (
                "check of the draws: G-tests rejected",
                _figure(s, "g_test_rejected_share", ".1%", " (chance 5%)"),
            ),
            ("check of the draws: link flow RMSE", _figure(s, "link_flow_rmse_veh_h", ".1f", " veh/h")),
            ("check of the draws: GEH below 5", _figure(s, "geh_below_5_share", ".1%")),
            ("check of the draws: verdict", _verdict(s)),
        ]
        lines += [
            ("cost of the forecast error", _figure(s, "forecast_error_cost_cny", "z,.1f", " CNY")),
            ("value of re-dispatch", _figure(s, "re_dispatch_value_cny", "z,.1f", " CNY")),
            *((f"value of {unit}", _worth(s, key, unit)) for key, unit in UNIT_VALUES.items()),
        ]
    lines.append(("solver", run.manifest["solver"]["reason"]))
    lines.append(("seconds", ", ".join(f"{name} {seconds:.1f}" for name, seconds in stages.items())))
    return lines


def _equilibrium(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return how well the equilibrium is solved, and how far link flows are by other methods of assignment."""
    lines = [("largest SUE residual", _figure(summary, "sue_residual_max", ".1e"))]
    if others := summary["sue_other_methods"]:
        names = ", ".join(own["method"] for own in others)
        apart = ", ".join(f"{own['link_flow_veh_h']:.1g}" for own in others)
        lines.append((f"SUE by {summary['sue_method']} against {names}", f"{apart} veh/h apart"))
    after = counted(summary["coupling_iterations"], "iteration")
    return [*lines, ("coupling", f"residual {summary['coupling_residual']:.1e} after {after}")]


def _learning_check(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return how far drivers who learn end from the equilibrium, in sampling floors; nothing if it was not asked."""
    check = summary["learning_check"]
    if check is None:
        return []
    label = f"learners of {check['days']} days vs SUE"
    return [
        (f"{label}: {links}", _finding(check[links], check["days"]))
        for links in ("roads", "stations")
        if links in check
    ]


def _finding(found: Mapping[str, Any], days: int) -> str:
    if found["verdict"] is None:
        return f"not settled after {days} days"
    ratio, bound = apart(found["ratio"], found["ratio_max"])
    side = "to" if found["verdict"] == "agrees" else "over"
    return f"{ratio} floors, {verdict_in_words(found)} ({side} {bound})"


def _occupancy(summary: Mapping[str, Any]) -> tuple[str, str]:
    """Return the share of the plug-hours that are in use, or where it is not known, of the energy."""
    if summary["charger_occupancy"] is None:
        return "energy utilisation of the stations", _figure(summary, "energy_utilisation", ".1%")
    return "charger occupancy", _figure(summary, "charger_occupancy", ".1%")


def _stranded(summary: Mapping[str, Any]) -> str:
    return f"{summary['stranded']:,}: the battery or a closure forbids the next trip, so the EV stays where it is"


def _mail(summary: Mapping[str, Any]) -> str:
    lost, late, sent = (summary[f"mail_{name}"] for name in ("lost", "late", "sent"))
    return f"{lost:,} lost and {late:,} late, of {sent:,} (table mail)"


def _verdict(summary: Mapping[str, Any]) -> str:
    because = ", ".join(summary["verdict_causes"])
    return str(summary["verdict"]) + (f" because of {because}" if because else "")


def _worth(summary: Mapping[str, Any], key: str, unit: str) -> str:
    if unit in summary["limits_kept_by"]:
        return "not in money: without it more limits are broken (table real_time)"
    return _figure(summary, key, "z,.1f", " CNY")


def _figure(summary: Mapping[str, Any], key: str, form: str, unit: str = "", scale: float = 1.0) -> str:
    """Return a figure with its unit, and its 95 % interval where it is a mean over replications."""
    text = _number(summary[key], form, unit, scale)
    if (interval := summary["interval_95"].get(key)) is None:
        return text
    low, high = (_number(bound, form, scale=scale) for bound in interval)
    return f"{text} ({low} to {high})"


def _number(value: float | None, form: str, unit: str = "", scale: float = 1.0) -> str:
    """Return a number with its unit; one that the run does not have is a dash."""
    return "-" if value is None else f"{value if scale == 1 else value * scale:{form}}{unit}"
