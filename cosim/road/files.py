"""Roads and trips from files of any known format: TNTP, GMNS, or our CSV."""

from pathlib import Path

from cosim.road.formats import RoadData, read_roads
from cosim.road.gmns import read_gmns
from cosim.road.tntp import read_tntp


def read_road_files(network: Path, trips: Path | None = None, nodes: Path | None = None) -> RoadData:
    """Return the roads and trips of a GMNS folder, or of a file of links (.csv, else TNTP) and one of *trips*.

    Beside NAME_net.tntp the file NAME_node.tntp is found by itself. Raises ConfigError with every defect of the
    files, by file and line.
    """
    if trips is None:
        return read_gmns(network)
    if network.suffix == ".csv":
        return read_roads(network, trips, nodes)
    beside = network.with_name(network.name.replace("_net", "_node"))
    if nodes is None and beside != network and beside.is_file():
        nodes = beside
    return read_tntp(network, trips, nodes)
