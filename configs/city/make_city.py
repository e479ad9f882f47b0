"""Make the data of ``city.toml``: 24 zones, 76 roads, 552 OD pairs and eight medium-voltage networks, all synthetic.

``python configs/city/make_city.py [FOLDER]`` writes the CSV files beside this one, or into FOLDER; the same bytes
every time. Nothing is taken from a real city. Sioux Falls gave the size of the network, and no figure of it.

Roads. Zones lie on a grid of 4 x 6, 5.5 km apart, that is shaken. Of all roads that do not cross (Delaunay's
triangles) those go first that are missed least, until 38 two-way roads are left: planar, and strongly connected
because each runs both ways. A road stands for a corridor, all parallel streets of it: hence capacities of tens of
thousands of vehicles per hour.

Trips. Homes thin out, and jobs crowd, towards the centre; trips go between homes and jobs, and back: T_ij is
proportional to (homes_i jobs_j + jobs_i homes_j) exp(-t_ij / 20 min). So as many trips end in a zone as begin there.

Networks. Each serves three zones from a primary substation at 20 kV, whose tap changer holds the busbar (bus 1): six
outgoing feeders of six load points; beyond the third, two in five hang on the point before the last, as a lateral.
Cables are NA2XS2Y 1x240 up to the third load point, 1x150 beyond; r, x and limits are those of pandapower's standard
types (no capacitance: tables of branches have none). Nominal loads share the 42 MW of a network in the centre, or
22 MW of one in the suburbs, at random, at cos phi .97.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import shortest_path
from scipy.spatial import Delaunay

from cosim.arrays import FloatArray, IntArray
from cosim.randomness import stream

SEED = 24
SOURCE = "source: synthetic, made by configs/city/make_city.py"

ROWS, COLUMNS, SPACING_KM = 4, 6, 5.5
TWO_WAY_ROADS, FEWEST_ROADS = 38, 2
"""In all, and at every zone."""
FAST_KM_H, SLOW_KM_H, SHARE_FAST = 50.0, 36.0, 0.3
PEAK_TRIPS_VEH_H = 586_900.0
"""Trips of 1,000,000 EVs, 3.361 each, at 60 % of all trips, whose busiest hour has 10.477 % of the day's."""
ATTRACTION_MIN, DETOUR_MIN = 20.0, 3.0
LOAD_PER_CAPACITY = 1.6

NETWORKS = tuple(f"{row}-{side}" for row in ("north", "upper", "lower", "south") for side in ("west", "east"))
OUTGOING, LOAD_POINTS, TRUNK = 6, 6, 3
SHARE_LATERAL = 0.4
CENTRE_KW, SUBURB_KW = 42_000.0, 22_000.0
TRUNK_CABLE, LAST_CABLE = (0.122, 0.112, 421.0), (0.206, 0.116, 319.0)
"""NA2XS2Y 1x240 and 1x150 RM/25 12/20 kV: ohm/km, ohm/km, A."""


def zone_positions() -> FloatArray:
    """Return the zones' positions [km], row by row from the south-west."""
    row, column = np.divmod(np.arange(ROWS * COLUMNS), COLUMNS)
    shaken = stream(SEED, "city/positions").uniform(-0.3, 0.3, (row.size, 2))
    return (SPACING_KM * (np.column_stack([column, row]) + shaken)).round(1)


def roads(position_km: FloatArray) -> IntArray:
    """Return the ends of the two-way roads: Delaunay's edges, without those that are missed least."""
    triangles = Delaunay(position_km).simplices
    edges = {tuple(sorted(map(int, pair))) for t in triangles for pair in (t[:2], t[1:], t[[0, 2]])}
    while len(edges) > TWO_WAY_ROADS:
        roads_at = np.bincount(np.array(sorted(edges)).ravel())
        spare = [edge for edge in sorted(edges) if min(roads_at[list(edge)]) > FEWEST_ROADS]
        edges.remove(min(spare, key=lambda edge: _detour(edges, edge, position_km)))
    return np.array(sorted(edges))


def _detour(edges: set[tuple[int, ...]], edge: tuple[int, ...], position_km: FloatArray) -> float:
    """Return how much longer the way is without the road: infinite where it is the only one."""
    others = np.array(sorted(edges - {edge}))
    length = _lengths_km(others, position_km)
    way = _costs(others, length, len(position_km))[edge[0], edge[1]]
    return float(way / _lengths_km(np.array([edge]), position_km)[0])


def _lengths_km(ends: IntArray, position_km: FloatArray) -> FloatArray:
    return np.hypot(*(position_km[ends[:, 0]] - position_km[ends[:, 1]]).T)


def _costs(ends: IntArray, cost: FloatArray, nodes: int) -> FloatArray:
    """Return the least cost between all nodes over two-way roads."""
    graph = np.full((nodes, nodes), np.inf)
    graph[ends[:, 0], ends[:, 1]] = cost
    return shortest_path(graph, directed=False)


def land_use(position_km: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return homes and jobs of each zone [thousands]."""
    from_centre = np.hypot(*(position_km - position_km.mean(axis=0)).T)
    draw = stream(SEED, "city/land use").uniform(0.7, 1.3, (2, from_centre.size))
    homes = 40 + 60 * (1 - np.exp(-((from_centre / 6) ** 2)))
    jobs = 20 + 180 * np.exp(-((from_centre / 5) ** 2))
    return (homes * draw[0]).round(1), (jobs * draw[1]).round(1)


def peak_trips(homes: FloatArray, jobs: FloatArray, time_min: FloatArray) -> FloatArray:
    """Return the OD table of the peak hour [veh/h], origins in rows; symmetric."""
    drawn_by = np.outer(homes, jobs) + np.outer(jobs, homes)
    trips = np.where(np.eye(homes.size, dtype=bool), 0.0, drawn_by * np.exp(-time_min / ATTRACTION_MIN))
    return (PEAK_TRIPS_VEH_H * trips / trips.sum()).round(1)


def capacities(ends: IntArray, t0_min: FloatArray, time_min: FloatArray, trips: FloatArray) -> FloatArray:
    """Return a capacity for each one-way link [veh/h]: that of the trips that pass it, or nearly would."""
    to_tail, from_head = time_min[:, ends[:, 0]], time_min[ends[:, 1], :]
    excess = to_tail[:, None, :] + t0_min + from_head.T[None, :, :] - time_min[:, :, None]
    load = np.einsum("ij,ija->a", trips, np.exp(-excess / DETOUR_MIN))
    return np.maximum(1_000 * np.round(load / LOAD_PER_CAPACITY / 1_000), 12_000.0)


def write_roads(folder: Path) -> None:
    """Write nodes, zones, links and trips."""
    position = zone_positions()
    ends, length_km, t0_min = links(position)
    time_min = _costs(ends, t0_min, len(position))
    homes, jobs = land_use(position)
    trips = peak_trips(homes, jobs, time_min)
    capacity = capacities(ends, t0_min, time_min, trips).astype(int)

    zone, link = np.arange(1, len(position) + 1), np.arange(1, len(ends) + 1)
    _write(folder / "nodes.csv", "positions [km]", "node,x,y", zone, *position.T)
    kind = np.select([jobs > 1.25 * homes, homes > 1.25 * jobs], ["business", "residential"], "mixed")
    about = "what the trips of od.csv follow from; thousands of homes and of jobs"
    _write(folder / "zones.csv", about, "zone,land_use,homes,jobs", zone, kind, homes, jobs)
    about, names = (
        "a link is a corridor of parallel streets",
        "link,from,to,t0_min,capacity_veh_h,alpha,beta,length_km",
    )
    alpha, beta = np.full(link.size, 0.15), np.full(link.size, 4)
    numbers = (t0_min, capacity, alpha, beta, length_km.round(2))
    _write(folder / "links.csv", about, names, link, *zone[ends.T], *numbers)
    about = "peak hour; a zone attracts as many trips as it produces"
    origin, dest = np.nonzero(trips)
    columns = (zone[origin], zone[dest], trips[origin, dest])
    _write(folder / "od.csv", about, "origin,dest,demand_veh_h", *columns)


def links(position_km: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the one-way links by their ends: tail and head, length [km] and free-flow time [min]."""
    two_way = roads(position_km)
    fast = stream(SEED, "city/speed").random(len(two_way)) < SHARE_FAST
    ends = np.concatenate([two_way, two_way[:, ::-1]])
    length_km = _lengths_km(ends, position_km)
    t0_min = (60 * length_km / np.tile(np.where(fast, FAST_KM_H, SLOW_KM_H), 2)).round(2)
    order = np.lexsort(ends.T[::-1])
    return ends[order], length_km[order], t0_min[order]


def write_network(folder: Path, name: str, number: int) -> None:
    """Write one medium-voltage network: bus 1 is the busbar, bus 1 + 6 (k - 1) + j load point j of feeder k."""
    point = np.arange(OUTGOING * LOAD_POINTS)
    draw = stream(SEED, "city/network", number)
    weight = draw.uniform(0.5, 1.5, point.size)
    total_kw = CENTRE_KW if name.startswith(("upper", "lower")) else SUBURB_KW
    load_kw = (total_kw * weight / weight.sum()).round().astype(int)
    length_km = draw.uniform(0.8, 2.0, point.size).round(2)
    is_lateral = draw.random(point.size) < SHARE_LATERAL

    along = point % LOAD_POINTS
    before = np.where(along == 0, 1, point + 1 - ((along >= TRUNK) & is_lateral))
    r, x, limit_a = np.array([TRUNK_CABLE if trunk else LAST_CABLE for trunk in along < TRUNK]).T
    bus = np.arange(1, point.size + 2)
    p_kw = np.array([0, *load_kw])
    about = f"20 kV network {name}"
    _write(folder / f"{name}_buses.csv", f"{about}, nominal loads", "bus,p_kw,q_kvar", bus, p_kw, p_kw // 4)
    columns = "branch,from_bus,to_bus,r_ohm,x_ohm,in_service,current_max_a"
    ohms = (r * length_km).round(4), (x * length_km).round(4)
    rest = np.full(point.size, "true"), limit_a.astype(int)
    _write(
        folder / f"{name}_branches.csv", f"{about}, cables", columns, bus[:-1], before, bus[1:], *ohms, *rest
    )


def _write(file: Path, about: str, names: str, *columns: NDArray[Any]) -> None:
    rows = zip(*(column.tolist() for column in columns), strict=True)
    lines = [f"# {SOURCE}; {about}", names, *(",".join(map(str, row)) for row in rows)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def main(folder: Path) -> None:
    """Write all files."""
    folder.mkdir(parents=True, exist_ok=True)
    write_roads(folder)
    for number, name in enumerate(NETWORKS):
        write_network(folder, name, number)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
