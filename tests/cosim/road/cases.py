"""Problems that several tests ask about."""

from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray
from cosim.road.formats import RoadData, read_roads
from cosim.road.latency import fit_davidson_j
from cosim.road.network import ChargingArc, Network, OdTable
from cosim.road.paths import PathSet, UserClass, find_paths
from cosim.road.problem import AssignmentProblem, Overload

DATA = Path(__file__).parents[3] / "configs" / "nguyen_dupuis"
CLASSES = (UserClass("cars"), UserClass("EVs passing"), UserClass("EVs charging", charges=True))
SESSION_MIN, CHARGERS = 27.3, 10

TRIP_SHARE = np.concatenate([
    [5e-05, 0.00015, 0.00052, 0.00208, 0.00794, 0.02359, 0.05029, 0.07515],
    [0.0795, 0.06302, 0.04378, 0.03445, 0.03472, 0.04196, 0.05687, 0.07865],
    [0.099, 0.10477, 0.08964, 0.06096, 0.03279, 0.01398, 0.00478, 0.00135],
])  # fmt: skip
"""Share of a weekday's car trips that start in each hour."""


def nguyen_dupuis() -> RoadData:
    """Return the 13 nodes, 19 links and 2000 veh/h of the paper's network."""
    return read_roads(DATA / "links.csv", DATA / "od.csv", DATA / "nodes.csv")


def station(node: str, chargers: int = CHARGERS) -> ChargingArc:
    """Return a station S<node> of 60-kW chargers."""
    return ChargingArc(
        name=f"S{node}",
        node=node,
        t0_min=SESSION_MIN,
        capacity_veh_h=chargers * 60 / SESSION_MIN,
        davidson_j=fit_davidson_j(chargers),
    )


def paper_paths() -> PathSet:
    """Return the paths of three classes with the paper's stations at nodes 6, 9 and 11."""
    roads = nguyen_dupuis()
    network = roads.network.with_charging_arcs([station("6"), station("9"), station("11")])
    return find_paths(network, roads.od, CLASSES)


def paper_problem(
    scale: float = 0.5,
    *,
    charging: float = 0.0555,
    theta: float = 0.2,
    overload: Overload = "refuse",
    paths: PathSet | None = None,
) -> AssignmentProblem:
    """Return one hour at *scale* of the peak OD table; 60 % are EVs, of which *charging* stop on the way."""
    paths = paths or paper_paths()
    trips = scale * paths.od.demand_veh_h
    parts = (0.4, 0.6 * (1 - charging), 0.6 * charging)
    return AssignmentProblem(
        paths=paths,
        demand_veh_h=np.concatenate([part * trips for part in parts]),
        theta_per_min=np.full(paths.groups.count, theta),
        overload=overload,
    )


def cars_only(theta: float = 0.2) -> AssignmentProblem:
    """Return the full peak hour of cars alone."""
    roads = nguyen_dupuis()
    paths = find_paths(roads.network, roads.od, (UserClass("cars"),))
    return AssignmentProblem(paths=paths, demand_veh_h=roads.od.demand_veh_h, theta_per_min=np.full(4, theta))


def small_network(links: list[tuple[str, str, str, float]], *, capacity: float = 100.0) -> Network:
    """Return a BPR network of (link, from, to, t0) rows."""
    nodes = tuple(sorted({end for _, *ends, _ in links for end in ends}))
    count = len(links)
    return Network(
        nodes=nodes,
        links=tuple(name for name, *_ in links),
        from_node=np.array([nodes.index(tail) for _, tail, _, _ in links]),
        to_node=np.array([nodes.index(head) for _, _, head, _ in links]),
        t0_min=np.array([t0 for *_, t0 in links]),
        capacity_veh_h=np.full(count, capacity),
        alpha=np.full(count, 0.15),
        beta=np.full(count, 4.0),
        davidson_j=np.zeros(count),
    )


def town() -> tuple[Network, OdTable]:
    """Return 24 nodes in a two-way grid of 4 x 6, 76 links and every OD: Sioux Falls in size."""
    rng = np.random.default_rng(24)
    rows = [(a, b) for a in range(24) for b in range(24) if b - a == 6 or (b - a == 1 and b % 6)]
    ends = np.array([*rows, *(row[::-1] for row in rows)])
    count = len(ends)
    network = Network(
        nodes=tuple(str(node + 1) for node in range(24)),
        links=tuple(str(link + 1) for link in range(count)),
        from_node=ends[:, 0],
        to_node=ends[:, 1],
        t0_min=rng.uniform(2, 10, count),
        capacity_veh_h=rng.uniform(4_000, 25_000, count),
        alpha=np.full(count, 0.15),
        beta=np.full(count, 4.0),
        davidson_j=np.zeros(count),
    )
    origin, dest = np.nonzero(~np.eye(24, dtype=bool))
    return network, OdTable(origin=origin, dest=dest, demand_veh_h=rng.uniform(100, 1_200, origin.size))


def trips(network: Network, *rows: tuple[str, str, float]) -> OdTable:
    """Return an OD table of (origin, dest, veh/h) rows."""
    return OdTable(
        origin=np.array([network.node_index(origin) for origin, _, _ in rows]),
        dest=np.array([network.node_index(dest) for _, dest, _ in rows]),
        demand_veh_h=np.array([demand for *_, demand in rows]),
    )


def group_totals(problem: AssignmentProblem, path_flow_veh_h: FloatArray) -> FloatArray:
    """Return the flow of each group."""
    return problem.paths.groups.total(path_flow_veh_h)
