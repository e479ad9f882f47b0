"""The command ``cosim assign``: traffic assignment of one hour on any road network, without a grid."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.options import AllowOutside, AsJson, Out, permissions

if TYPE_CHECKING:
    from experiments.assign.study import Assigned
    from experiments.study import CommandResult


class AssignmentMethod(StrEnum):
    """Solution methods of the stochastic equilibrium, and Wardrop's equilibria."""

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
Nodes = Annotated[Path | None, typer.Option(help="TNTP or CSV file of node positions.")]
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
        metavar="PATHS",
        help="Of stochastic methods: auto, all, budget:1.5, k:10, or bush (none listed).",
    ),
]


Method = Annotated[
    AssignmentMethod,
    typer.Option(
        help="Stochastic: newton, sra, mswa, msa (the paper's 1/n). Wardrop: ue (user equilibrium), so (optimum)."
    ),
]
SystemOptimum = Annotated[
    bool,
    typer.Option("--system-optimum", help="Under marginal cost tolls; of stochastic methods their optimum."),
]
Theta = Annotated[
    float | None, typer.Option(help="Logit theta [1/min]; by default the scenario's, else 0.2.")
]
AddPaths = Annotated[
    bool, typer.Option("--add-paths", help="Add paths that become cheaper than all listed ones.")
]
PathSize = Annotated[
    float, typer.Option(help="Weight of ln PS in the path-size logit, usually 1; 0: plain logit.")
]
Tolerance = Annotated[float, typer.Option(help="Maximum residual; of ue and so, maximum relative gap.")]
MaxIterations = Annotated[
    int | None, typer.Option(min=1, help="Iterations allowed; by default 10,000, of ue and so 60.")
]


def assign_command(  # noqa: PLR0913, PLR0917  (one parameter per option)
    network: Roads,
    trips: Trips = None,
    method: Method = AssignmentMethod.newton,
    system_optimum: SystemOptimum = False,
    theta: Theta = None,
    paths: Paths = "auto",
    add_paths: AddPaths = False,
    path_size: PathSize = 0.0,
    tolerance: Tolerance = 1e-6,
    max_iterations: MaxIterations = None,
    nodes: Nodes = None,
    settings: RoadSettings = None,
    allow_outside: AllowOutside = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Assign one hour's trips to the roads alone: link flows, path shares, costs of the ODs."""
    from experiments.assign.study import assign
    from experiments.road_files import read_road_input
    from experiments.study import emit

    roads = read_road_input(network, trips, nodes, settings or (), permissions(outside=allow_outside))
    assigned = assign(
        roads,
        method=method.value,
        system_optimum=system_optimum,
        theta_per_min=theta,
        paths=paths,
        add_paths=add_paths,
        path_size=path_size,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    emit(_result(assigned), out, as_json=as_json)


def _result(assigned: "Assigned") -> "CommandResult":
    from experiments.assign.page import page
    from experiments.assign.tables import tables_of
    from experiments.study import CommandResult

    return CommandResult(
        command="assign",
        facts=assigned.as_json(),
        lines=_lines(assigned),
        flags=_flags(assigned),
        notes=assigned.roads.data.notes,
        tables=lambda: tables_of(assigned),
        page=lambda tables: page(assigned, tables),
    )


def _flags(assigned: "Assigned") -> list[str]:
    """Return a sentence for a search that did not converge, with advice."""
    if assigned.converged:
        return []
    if assigned.residual <= assigned.tolerance:
        return ["some paths are still cheaper than all listed ones. Start with more paths."]
    state = f"the residual is {assigned.residual:.2e}, tolerance {assigned.tolerance:.0e}"
    return [f"{state}: not an equilibrium yet. {_advice(assigned)}"]


def _advice(assigned: "Assigned") -> str:
    """Return advice for a search that did not converge."""
    saturation = float((assigned.link_flow_veh_h / assigned.network.capacity_veh_h).max())
    if assigned.method in {"ue", "so"}:
        return "Allow more iterations, or loosen --tolerance."
    if assigned.method != "newton":
        return "Allow more iterations, or use newton."
    demand = f"the demand (--set demand_scale; the maximum v/c is {saturation:.3g})"
    return f"Lower theta, or {demand}, or loosen --tolerance."


def _lines(assigned: "Assigned") -> list[str]:
    from experiments.study import aligned

    saturation = assigned.link_flow_veh_h / assigned.network.capacity_veh_h
    paths = "bushes" if assigned.paths is None else f"{assigned.paths.count:,} paths"
    facts = {
        "method": assigned.method + (", system optimum" if assigned.system_optimum else ""),
        "paths": f"{paths} for {assigned.od_cost_min.size:,} ODs ({assigned.paths_cpu_s:.3f} s CPU)",
        "iterations": f"{assigned.residuals.size:,} ({assigned.cpu_s:.3f} s CPU)",
        "residual": f"{assigned.residual:.2e}",
        "Beckmann": f"{assigned.beckmann_veh_min:,.4f} veh min",
        "Fisk": "-" if assigned.fisk_veh_min is None else f"{assigned.fisk_veh_min:,.4f} veh min",
        "total travel time": f"{assigned.total_travel_time_veh_min:,.1f} veh min",
        "maximum v/c": f"{saturation.max():.3f}, link {assigned.network.links[saturation.argmax()]}",
    }
    return aligned(facts)
