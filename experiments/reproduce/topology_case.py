"""Where roads, stations and feeder of Ma et al. (2024) stand, and whether each station's bus can be the nearest.

The paper prints no coordinates: Figure 4 is a diagram. So the question is put to the drawings of this project, and of
the feeder's the place, the size, the angle and the side are free.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from cosim.arrays import BoolArray, FloatArray
from cosim.scenario import Scenario
from experiments.figures.positions import Positions, feeder_positions, road_positions


@dataclass(frozen=True, eq=False)
class TopologyCase:
    """Both networks as they are drawn, and the stations that couple them."""

    scenario: Scenario

    @property
    def links(self) -> list[tuple[str, str]]:
        """The roads, by the names of their ends."""
        network = self.scenario.network
        ends = zip(network.from_node, network.to_node, network.is_charging, strict=True)
        return [(network.nodes[start], network.nodes[end]) for start, end, charging in ends if not charging]

    @property
    def branches(self) -> list[tuple[str, str]]:
        """The branches of the feeder, by the names of their ends."""
        feeder = self.scenario.feeders[0].feeder
        ends = zip(feeder.from_bus, feeder.to_bus, strict=True)
        return [(feeder.bus_names[start], feeder.bus_names[end]) for start, end in ends]

    @property
    def nodes(self) -> Positions:
        """The position of each road node."""
        nodes, links = self.scenario.config.road.nodes, pd.DataFrame(self.links)
        file = self.scenario.folder / nodes if nodes else None
        return road_positions(links.set_axis(["from_node", "to_node"], axis=1), file)

    @property
    def buses(self) -> Positions:
        """The position of each bus in the one-line diagram, whose neighbours are 1 apart."""
        return feeder_positions(pd.DataFrame(self.branches).set_axis(["from_bus", "to_bus"], axis=1))

    @property
    def margin(self) -> float:
        """How much nearer than any other bus the own bus of every station is, over 2, in the best placement."""
        placed = [(self.nodes[station.road_node], station.bus) for station in self.scenario.stations]
        points = np.array([point for point, _ in placed])
        names = list(self.buses)
        own = [names.index(bus) for _, bus in placed]
        buses = np.array(list(self.buses.values()))
        return max(nearest_margin(points * [1, side], buses, own) for side in (1, -1))


def nearest_margin(points: FloatArray, buses: FloatArray, own: list[int]) -> float:
    """Return the largest margin by which the *points*, moved, turned and scaled, can lie in the cells of their buses.

    The distance to the border between the cells of two buses is linear in the place p, and p = (a x - b y + c,
    b x + a y + d) in the four numbers of the placement: so this is a linear program. Below 0 no placement exists.
    """
    rows, bounds = [], []
    for (x, y), bus in zip(points, own, strict=True):
        others = np.delete(buses, bus, axis=0)
        apart = others - buses[bus]
        length = np.linalg.norm(apart, axis=1)
        u, v = (apart / length[:, np.newaxis]).T
        rows.append(np.column_stack([u * x + v * y, v * x - u * y, u, v, np.ones(len(u))]))
        bounds.append((np.sum(others**2, axis=1) - np.sum(buses[bus] ** 2)) / (2 * length))
    cost = np.array([0, 0, 0, 0, -1.0])
    answer = linprog(cost, A_ub=np.vstack(rows), b_ub=np.concatenate(bounds), bounds=(None, None))
    return -float(answer.fun)


def sigma_interval(load_kw: FloatArray, high: BoolArray) -> tuple[float, float]:
    """Return the sigmas of Eq. 22 between which the *high* periods, and no others, are at the high price.

    Above the first, up to the second; where the second is not above the first, there is none.
    """
    excess = (load_kw - load_kw.mean()) / np.ptp(load_kw)
    return float(excess[~high].max()), float(excess[high].min())
