"""Networks and trips in the TNTP format of the Transportation Networks for Research."""

from pathlib import Path

import numpy as np

from cosim.errors import ConfigError
from cosim.road.formats import RoadData
from cosim.road.network import Network, OdTable


def read_tntp(net: Path, trips: Path, *, length_weight: float = 0.0, toll_weight: float = 0.0) -> RoadData:
    """Return the network and the trips above zero of a TNTP pair; trips within a zone are left out.

    Cost is time + *length_weight* * length + *toll_weight* * toll, in the units of the file. Zones below the
    first through node are where trips begin and end only. Raises ConfigError for a file that is not TNTP.
    """
    header, rows = _sections(net)
    try:
        links = np.array([row.replace(";", " ").split()[:9] for row in rows], dtype=np.float64)
        count, first_through = int(header["NUMBER OF NODES"]), int(header.get("FIRST THRU NODE", 1))
        od = _trips(trips)
    except (KeyError, ValueError) as error:
        files = f"{net}, {trips}"
        raise ConfigError(files, [f"not TNTP: {error}"]) from error
    tail, head = links[:, 0].astype(np.int64) - 1, links[:, 1].astype(np.int64) - 1
    network = Network(
        nodes=tuple(str(node) for node in range(1, count + 1)),
        links=tuple(str(link) for link in range(1, len(links) + 1)),
        from_node=tail,
        to_node=head,
        capacity_veh_h=links[:, 2],
        length_km=links[:, 3],
        t0_min=links[:, 4],
        alpha=links[:, 5],
        beta=np.where(links[:, 5] > 0, links[:, 6], 1.0),
        davidson_j=np.zeros(len(links)),
        fixed_cost_min=length_weight * links[:, 3] + toll_weight * links[:, 8],
        through=np.arange(1, count + 1) >= first_through,
    )
    return RoadData(network, od)


def _sections(file: Path) -> tuple[dict[str, str], list[str]]:
    """Return what the header says, and the rows of data."""
    header, rows = {}, []
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.partition("~")[0].strip()
        if text.startswith("<"):
            key, _, value = text[1:].partition(">")
            header[key.strip()] = value.strip()
        elif text:
            rows.append(text)
    return header, rows


def _trips(file: Path) -> OdTable:
    origin, rows = -1, []
    for line in _sections(file)[1]:
        if line.startswith("Origin"):
            origin = int(line.split()[1]) - 1
            continue
        for entry in line.split(";"):
            if ":" in entry:
                dest, demand = entry.split(":")
                rows.append((origin, int(dest) - 1, float(demand)))
    kept = [row for row in rows if row[0] != row[1] and row[2] > 0]
    return OdTable(
        origin=np.array([row[0] for row in kept], dtype=np.int64),
        dest=np.array([row[1] for row in kept], dtype=np.int64),
        demand_veh_h=np.array([row[2] for row in kept], dtype=np.float64),
    )
