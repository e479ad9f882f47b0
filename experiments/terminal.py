"""What a run shows on the terminal: progress while it works, a short table at the end."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cosim.results import Run
from experiments.run import Progress

JSON_KEYS = (
    "evs",
    "trips",
    "sessions",
    "energy_kwh",
    "cost_cny",
    "losses_kwh",
    "voltage_min_pu",
    "relaxation_error_max",
    "ac_mismatch_max_pu",
    "sue_residual_max",
    "g_test_rejected_share",
    "link_flow_rmse_veh_h",
    "geh_below_5_share",
    "solver",
)

WIDTH = 120
"""The table is never narrower, so that no figure is cut off where the output is not a terminal."""


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show the stage a run is in, on standard error; leave nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:12}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("reading", total=1.0)
        yield lambda stage, share: bars.update(task, description=stage, completed=share)


def show_json(run: Run) -> None:
    """Print the summary as one JSON object; a figure the model does not have is null."""
    facts: dict[str, Any] = {key: _or_null(run.summary.get(key)) for key in JSON_KEYS}
    stages = run.manifest["seconds"]
    facts |= {
        "seconds": round(sum(stages.values()), 3),
        "seconds_by_stage": stages,
        "flags": run.manifest["flags"],
        "run_dir": str(run.directory),
        "report": str(run.directory / "report.html"),
    }
    print(json.dumps(facts))  # noqa: T201


def _or_null(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def show_table(run: Run) -> None:
    """Print the summary as a table, then what was flagged, and where the report is."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    table = Table(title=f"{run.manifest['name']}, seed {run.manifest['seed']}", box=None, show_header=False)
    table.title_justify = "left"
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    for label, value in _lines(run):
        table.add_row(label, value)
    console.print(table)
    for flag in run.manifest["flags"]:
        console.print(f"[bold yellow]![/] {flag}", soft_wrap=True)
    console.print(f"report: {run.directory / 'report.html'}", soft_wrap=True)


def _lines(run: Run) -> list[tuple[str, str]]:
    s, stages = run.summary, run.manifest["seconds"]
    lines = [
        ("EVs", f"{s['evs']:,}"),
        ("trips", f"{s['trips']:,.0f}"),
        ("charging sessions", f"{s['sessions']:,.0f}"),
        ("energy charged", f"{s['energy_kwh'] / 1000:.2f} MWh"),
        ("cost of the day", f"{s['cost_cny']:,.0f} CNY"),
        ("losses", f"{s['losses_kwh']:.0f} kWh"),
        ("lowest voltage", f"{s['voltage_min_pu']:.4f} p.u."),
        ("largest relaxation error", f"{s['relaxation_error_max']:.1e} p.u."),
        ("largest AC mismatch", f"{s['ac_mismatch_max_pu']:.1e} p.u."),
        ("largest SUE residual", f"{s['sue_residual_max']:.1e}"),
    ]
    if s["stranded"]:
        lines.append(("stranded EVs", f"{s['stranded']:,}"))
    if s["link_flow_rmse_veh_h"] is not None:
        lines += [
            ("agents vs SUE: G-tests rejected at 5 %", _percent(s["g_test_rejected_share"])),
            ("agents vs SUE: link flow RMSE", f"{s['link_flow_rmse_veh_h']:.1f} veh/h"),
            ("agents vs SUE: GEH below 5", _percent(s["geh_below_5_share"])),
        ]
    lines.append(("solver", run.manifest["solver"]["reason"]))
    lines.append(("seconds", ", ".join(f"{name} {seconds:.1f}" for name, seconds in stages.items())))
    return lines


def _percent(share: float) -> str:
    return "none" if math.isnan(share) else f"{share:.1%}"
