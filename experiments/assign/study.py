"""Traffic assignment of one hour, and its figures."""

from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any, Literal, get_args

from cosim.arguments import checked
from cosim.arrays import FloatArray, Frame
from cosim.blas import one_blas_thread
from cosim.errors import ConfigError, refuse
from cosim.road.assignment import solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.bush_problem import BushProblem
from cosim.road.columns import solve_sue_adding_paths
from cosim.road.formats import RoadData
from cosim.road.network import Network
from cosim.road.objective import beckmann_objective, fisk_at_equilibrium
from cosim.road.paths import PathSet
from cosim.road.problem import AssignmentProblem, total_travel_time_veh_min
from cosim.road.steps import Method
from cosim.road.user_equilibrium import solve_so, solve_ue
from cosim.sections import Count, NonNegative, Positive, Tolerance
from experiments.road_files import RoadInput, road_input

AssignmentMethod = Literal["newton", "sra", "mswa", "msa", "ue", "so"]
SUE_METHODS: tuple[Method, ...] = get_args(Method)
WARDROP_METHODS = ("ue", "so")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assigned:
    """Result of an assignment by any method."""

    roads: RoadInput
    method: str
    system_optimum: bool
    """Whether travellers pay marginal cost tolls, which are part of all costs."""
    tolerance: float
    problem: AssignmentProblem | BushProblem | None
    """None for the user equilibrium and the system optimum, which generate their own paths."""
    paths: PathSet | None
    """None on bushes, which do not list paths."""
    path_flow_veh_h: FloatArray
    link_flow_veh_h: FloatArray
    link_time_min: FloatArray
    toll_min: FloatArray
    od_cost_min: FloatArray
    """Expected minimum cost per OD; of ``ue`` and ``so`` the cost of the shortest path."""
    residuals: FloatArray
    residual: float
    """max |q P(c(f)) - f| / max(1, q) of a stochastic equilibrium; the relative gap of ``ue`` and ``so``."""
    converged: bool
    beckmann_veh_min: float
    """Beckmann's objective of the hour."""
    fisk_veh_min: float | None
    """Fisk's objective of the hour; None for the user equilibrium and the system optimum."""
    cpu_s: float
    """CPU time of the search, without the listing of paths."""
    paths_cpu_s: float
    """CPU time of listing the paths, or of building the bushes."""

    def __repr__(self) -> str:
        """Return the method, the roads and the residual in a line."""
        end = "converged" if self.converged else "not converged"
        return f"<Assigned by {self.method} to {self.roads.name}: {end}, residual {self.residual:.1e}>"

    @property
    def network(self) -> Network:
        """The roads."""
        return self.roads.data.network

    @property
    def total_travel_time_veh_min(self) -> float:
        """Total travel time of one hour's vehicles."""
        return total_travel_time_veh_min(self.link_flow_veh_h, self.link_time_min, 1.0)

    def to_frame(self) -> Frame:
        """Return a table with one row per link, see `Network.frame`."""
        return self.network.frame(self.link_flow_veh_h, self.link_time_min, self.toll_min)

    def as_json(self) -> dict[str, Any]:
        """Return the figures and the link flows and times as plain values."""
        ends = (
            (self.network.nodes[node] for node in self.network.from_node),
            (self.network.nodes[node] for node in self.network.to_node),
        )
        links = zip(*ends, self.link_flow_veh_h, self.link_time_min, strict=True)
        return {
            "method": self.method,
            "iterations": int(self.residuals.size),
            "residual": self.residual,
            "cpu_s": self.cpu_s,
            "beckmann_veh_min": self.beckmann_veh_min,
            "fisk_veh_min": self.fisk_veh_min,
            "total_travel_time_veh_min": self.total_travel_time_veh_min,
            "links": [
                {"from": tail, "to": head, "flow_veh_h": float(flow), "time_min": float(time)}
                for tail, head, flow, time in links
            ],
        }


@checked
@one_blas_thread
def assign(  # noqa: PLR0913  (one parameter per option of the command)
    roads: RoadInput | RoadData | str | Path,
    *,
    method: AssignmentMethod = "newton",
    system_optimum: bool = False,
    theta_per_min: Positive | None = None,
    paths: str = "auto",
    add_paths: bool = False,
    path_size: NonNegative = 0.0,
    tolerance: Tolerance = 1e-6,
    max_iterations: Count | None = None,
) -> Assigned:
    """Return the assignment of one hour of trips: stochastic, or by Wardrop's principles (``ue``, ``so``).

    *roads* are those of a scenario (a file, or the name of a bundled one) or of :func:`cosim.read_roads`. With
    *system_optimum* the stochastic methods find the stochastic system optimum, and ``ue`` becomes ``so``.
    *theta_per_min* is by default that of the scenario, else 0.2; *tolerance* is the maximum residual, of ``ue`` and
    ``so`` the maximum relative gap; *max_iterations* is by default that of the
    method's function. Raises ConfigError for an invalid argument, ODs without a path and too many paths.
    """
    stochastic_alone = {
        "theta_per_min": theta_per_min is not None,
        "paths": paths != "auto",
        "add_paths": add_paths,
        "path_size": path_size > 0,
    }
    if method in WARDROP_METHODS:
        refuse("assign", (_without_effect(method, name) for name, given in stochastic_alone.items() if given))
    roads = road_input(roads)
    theta = roads.theta_per_min if theta_per_min is None else theta_per_min
    optimum = system_optimum or method == "so"
    search: dict[str, Any] = {"tolerance": tolerance}
    if max_iterations is not None:
        search["max_iterations"] = max_iterations
    try:
        if method in WARDROP_METHODS:
            return _solve_wardrop(roads, optimum, **search)
        search |= {"method": method, "path_size": path_size}
        return _solve_stochastic(roads, optimum, theta, paths, add_paths=add_paths, **search)
    except ConfigError as error:
        raise roads.locate(error) from None


def _without_effect(method: str, name: str) -> str:
    """Return the sentence on an argument that only the stochastic methods have."""
    return f"{name} is of stochastic methods; {method} uses shortest paths: leave it out, or use newton"


def _solve_stochastic(
    roads: RoadInput,
    optimum: bool,
    theta: float,
    paths: str,
    *,
    add_paths: bool,
    path_size: float,
    **search: Any,
) -> Assigned:
    network = replace(roads.data.network, marginal=optimum)
    start_s = process_time()
    problem = build_problem(
        network, roads.data.od, theta, paths=paths, path_size=0.0 if add_paths else path_size
    )
    listed_s = process_time()
    complete = True
    if add_paths:
        extended = solve_sue_adding_paths(_listed(problem), path_size=path_size, **search)
        problem, solution, complete = extended.problem, extended.equilibrium, extended.complete
    else:
        solution = solve_sue(problem, **search)
    return Assigned(
        roads=roads,
        method=solution.method,
        system_optimum=optimum,
        tolerance=search["tolerance"],
        problem=problem,
        paths=problem.paths if isinstance(problem, AssignmentProblem) else None,
        path_flow_veh_h=solution.path_flow_veh_h,
        link_flow_veh_h=solution.link_flow_veh_h,
        link_time_min=solution.link_time_min,
        toll_min=solution.toll_min,
        od_cost_min=solution.expected_cost_min,
        residuals=solution.residuals,
        residual=solution.residual,
        converged=solution.converged and complete,
        beckmann_veh_min=beckmann_objective(roads.data.network, solution.link_flow_veh_h),
        fisk_veh_min=fisk_at_equilibrium(problem, solution),
        paths_cpu_s=listed_s - start_s,
        cpu_s=process_time() - listed_s,
    )


def _listed(problem: AssignmentProblem | BushProblem) -> AssignmentProblem:
    if isinstance(problem, BushProblem):
        raise ConfigError("assign", ["add_paths: bushes list no paths; give k:K or budget:B as paths"])  # noqa: EM101
    return problem


def _solve_wardrop(roads: RoadInput, optimum: bool, *, tolerance: float, **search: Any) -> Assigned:
    start_s = process_time()
    network, solve = roads.data.network, solve_so if optimum else solve_ue
    solution = solve(network, roads.data.od, tolerance=tolerance, **search)
    cpu_s = process_time() - start_s
    cost = solution.paths.time_min(network.cost_min(solution.link_time_min) + solution.toll_min)
    return Assigned(
        roads=roads,
        method="so" if optimum else "ue",
        system_optimum=optimum,
        tolerance=tolerance,
        problem=None,
        paths=solution.paths,
        path_flow_veh_h=solution.path_flow_veh_h,
        link_flow_veh_h=solution.link_flow_veh_h,
        link_time_min=solution.link_time_min,
        toll_min=solution.toll_min,
        od_cost_min=solution.paths.groups.minimum(cost),
        residuals=solution.gaps,
        residual=solution.relative_gap,
        converged=solution.converged,
        beckmann_veh_min=beckmann_objective(network, solution.link_flow_veh_h),
        fisk_veh_min=None,
        paths_cpu_s=0.0,
        cpu_s=cpu_s,
    )
