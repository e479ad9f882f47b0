"""Roads written as TNTP and GMNS, for tests of their readers."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cosim.road.formats import RoadData, write_csv

END = "<END OF METADATA>"


def write_tntp(data: RoadData, *, net: Path, trips: Path, node: Path | None = None) -> None:
    """Write roads and trips as TNTP; nodes that trips may not pass must be the first ones."""
    network, od = data.network, data.od
    closed = 0 if network.through is None else int(np.count_nonzero(~network.through))
    zones = max(closed, int(np.concatenate([od.origin, od.dest]).max(initial=0)) + 1)
    nothing = np.zeros(len(network.links))
    length = nothing if network.length_km is None else network.length_km
    toll = nothing if data.toll is None else data.toll
    ends = [network.from_node + 1, network.to_node + 1]
    columns = [network.capacity_veh_h, length, network.t0_min, network.alpha, network.beta, nothing, toll]
    header = {
        "NUMBER OF ZONES": zones,
        "NUMBER OF NODES": len(network.nodes),
        "FIRST THRU NODE": closed + 1,
        "NUMBER OF LINKS": len(network.links),
    }
    rows = ["\t".join([*map(number, row), "1", ";"]) for row in zip(*ends, *columns, strict=True)]
    write_lines(net, [*(f"<{key}> {value}" for key, value in header.items()), END, *rows])
    lines = [f"<NUMBER OF ZONES> {zones}", END]
    for origin, dest, demand in zip(od.origin, od.dest, od.demand_veh_h, strict=True):
        lines += [f"Origin {origin + 1}", f"{dest + 1} : {number(demand)};"]
    write_lines(trips, lines)
    if node is not None and network.node_xy is not None:
        xy = [f"{name}\t{number(x)}\t{number(y)}\t;" for name, (x, y) in enumerate(network.node_xy, start=1)]
        write_lines(node, ["node\tX\tY\t;", *xy])


def write_gmns(data: RoadData, folder: Path, source: str = "a test") -> None:
    """Write node.csv, link.csv and demand.csv; every node is the zone of its own name."""
    network, od = data.network, data.od
    folder.mkdir(parents=True, exist_ok=True)
    tail, head, origin, dest = (
        [network.nodes[node] for node in nodes]
        for nodes in (network.from_node, network.to_node, od.origin, od.dest)
    )
    links = {"link_id": network.links, "from_node_id": tail, "to_node_id": head}
    numbers = {
        "vdf_fftt1": network.t0_min,
        "vdf_cap1": network.capacity_veh_h,
        "vdf_alpha1": network.alpha,
        "vdf_beta1": network.beta,
        "length": network.length_km,
        "toll": data.toll,
    }
    given = {name: values for name, values in numbers.items() if values is not None}
    write_csv(folder / "link.csv", source, {**links, **given})
    through = np.ones(len(network.nodes), bool) if network.through is None else network.through
    node_type = ["" if open_ else "centroid" for open_ in through]
    x, y = (np.zeros((len(network.nodes), 2)) if network.node_xy is None else network.node_xy).T
    nodes = {"node_id": network.nodes, "zone_id": network.nodes, "node_type": node_type}
    write_csv(folder / "node.csv", source, {**nodes, "x_coord": x, "y_coord": y})
    write_csv(
        folder / "demand.csv",
        source,
        {"o_zone_id": origin, "d_zone_id": dest, "volume": od.demand_veh_h},
    )


def number(value: float) -> str:
    """Return the shortest text that reads back as the same number."""
    return str(np.format_float_positional(value, trim="-"))


def write_lines(file: Path, lines: Iterable[str]) -> None:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
