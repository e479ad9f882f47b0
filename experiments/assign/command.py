"""The command ``cosim assign``: one hour's traffic on any road network, without a grid."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from experiments.assign.study import Assigned


class AssignmentMethod(StrEnum):
    """How the equilibrium is found, and which."""

    newton = "newton"
    sra = "sra"
    mswa = "mswa"
    msa = "msa"
    ue = "ue"
    so = "so"


Roads = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG|NET",
        help="A scenario (file or name), a TNTP or CSV file of links, or a GMNS folder.",
    ),
]
Trips = Annotated[Path | None, typer.Argument(help="The TNTP or CSV file of trips that goes with NET.")]
Nodes = Annotated[Path | None, typer.Option(help="TNTP or CSV file of nodes: where they are.")]
RoadSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="length_weight, toll_weight (minutes per unit of the file), demand_scale; of a scenario any field.",
    ),
]
Paths = Annotated[
    str,
    typer.Option(
        "--paths",
        metavar="ROUTES",
        help="Of stochastic methods: auto, all, budget:1.5, k:10, or bush (none listed).",
    ),
]


def assign_command(  # noqa: PLR0913, PLR0917  (one parameter per option)
    network: Roads,
    trips: Trips = None,
    method: Annotated[
        AssignmentMethod,
        typer.Option(
            help="Stochastic: newton, sra, mswa, msa (the paper's 1/n). Wardrop: ue (user equilibrium), so (optimum)."
        ),
    ] = AssignmentMethod.newton,
    system_optimum: Annotated[
        bool,
        typer.Option(
            "--system-optimum", help="Under marginal cost tolls; of stochastic methods their optimum."
        ),
    ] = False,
    theta: Annotated[
        float | None, typer.Option(help="Logit theta [1/min]; by default the scenario's, else 0.2.")
    ] = None,
    paths: Paths = "auto",
    add_paths: Annotated[
        bool, typer.Option("--add-paths", help="Add paths that become cheaper than all listed ones.")
    ] = False,
    path_size: Annotated[
        float, typer.Option(help="Weight of ln PS in the path-size logit, usually 1; 0: plain logit.")
    ] = 0.0,
    tolerance: Annotated[float, typer.Option(help="Largest residual; of ue and so, relative gap.")] = 1e-6,
    max_iterations: Annotated[int, typer.Option(min=1, help="Iterations allowed.")] = 10_000,
    nodes: Nodes = None,
    settings: RoadSettings = None,
    out: Annotated[Path | None, typer.Option(help="New directory for the tables and the page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Assign one hour's trips to the roads alone: link flows, path shares, costs of the ODs."""
    from cosim.results import RunDirectory
    from experiments.assign.study import assign
    from experiments.assign.tables import write_assignment
    from experiments.road_files import read_road_input

    directory = None if out is None else RunDirectory(out)  # refuses one that exists before any work is done
    roads = read_road_input(network, trips, nodes, settings or ())
    for note in roads.data.notes:
        typer.echo(f"note: {note}", err=True)
    assigned = assign(
        roads,
        method=method.value,
        system_optimum=system_optimum,
        theta_per_min=theta,
        routes=paths,
        add_paths=add_paths,
        path_size=path_size,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    if directory is not None:
        write_assignment(assigned, directory)
    typer.echo(json.dumps(assigned.as_json()) if as_json else _text(assigned, out))
    if not assigned.converged:
        said = f"the residual is {assigned.residual:.2e}, tolerance {tolerance:.0e}: not an equilibrium yet. "
        more = _what_helps(assigned)
        if assigned.residual <= tolerance:
            said, more = "paths still become cheaper than all listed ones. ", "Begin with more paths."
        typer.echo(f"cosim: {said}{more}", err=True)
        raise typer.Exit(3)


def _what_helps(assigned: "Assigned") -> str:
    """Return what can be done about a search that did not end."""
    saturation = float((assigned.link_flow_veh_h / assigned.network.capacity_veh_h).max())
    if assigned.method in {"ue", "so"}:
        return "Allow more iterations, or loosen --tolerance."
    if assigned.method != "newton":
        return "Allow more iterations, or use newton."
    demand = f"the demand (--set demand_scale; the largest v/c is {saturation:.3g})"
    return f"Lower theta, or {demand}, or loosen --tolerance."


def _text(assigned: "Assigned", out: Path | None) -> str:
    """Return the answer as a few lines."""
    saturation = assigned.link_flow_veh_h / assigned.network.capacity_veh_h
    routes = "bushes" if assigned.paths is None else f"{assigned.paths.count:,} paths"
    facts = {
        "method": assigned.method + (", system optimum" if assigned.system_optimum else ""),
        "routes": f"{routes} for {assigned.od_cost_min.size:,} ODs ({assigned.routes_cpu_s:.3f} s CPU)",
        "iterations": f"{assigned.residuals.size:,} ({assigned.cpu_s:.3f} s CPU)",
        "residual": f"{assigned.residual:.2e}",
        "Beckmann": f"{assigned.beckmann:,.4f} min veh/h",
        "Fisk": "-" if assigned.fisk is None else f"{assigned.fisk:,.4f} min veh/h",
        "total travel time": f"{assigned.total_travel_time_veh_min:,.1f} veh min",
        "largest v/c": f"{saturation.max():.3f}, link {assigned.network.links[saturation.argmax()]}",
    }
    if out is not None:
        facts["report"] = str(out / "report.html")
    return "\n".join(f"{name:18} {value}" for name, value in facts.items())
