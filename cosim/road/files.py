"""Roads and trips from files of any supported format: TNTP, GMNS, or CSV."""

from pathlib import Path

from cosim.road.formats import RoadData, read_roads
from cosim.road.gmns import read_gmns
from cosim.road.tntp import read_tntp


def read_road_files(network: Path, trips: Path | None = None, nodes: Path | None = None) -> RoadData:
    """Return the roads and trips of a GMNS folder, or of a file of links (.csv, else TNTP) and one of *trips*.

    NAME_node.tntp in the folder of NAME_net.tntp is read as its nodes. Raises ConfigError with every defect of the
    files.
    """
    if trips is None:
        return read_gmns(network)
    if network.suffix == ".csv":
        return read_roads(network, trips, nodes)
    node_file = network.with_name(network.name.replace("_net", "_node"))
    if nodes is None and node_file != network and node_file.is_file():
        nodes = node_file
    return read_tntp(network, trips, nodes)
