"""What is compared, item by item and period by period: columns of the result tables, as matrices of replications."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from experiments.compare.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A figure that every item of a kind has in every period."""

    kind: str
    name: str
    """With its unit; a column of the table, or derived from its columns."""
    table: str
    is_flow: bool = False
    is_count: bool = False
    """Whether it counts EVs, per hour: then its chance is known even from one day."""
    is_tested: bool = True
    """False for what holds no chance of its own."""
    if_absent: float = float("nan")
    """Its value for an item that only one sample has: no vehicle is on a road that is not there, but it has no time."""
    derive: Callable[[Frame], Frame] | None = None

    def of(self, frame: Frame) -> FloatArray:
        """Return its values."""
        values = frame[self.name] if self.derive is None else self.derive(frame)
        return np.asarray(values, dtype=np.float64)


def _evs(links: Frame) -> Frame:
    return links.ev_not_charging_veh_h + links.ev_charging_veh_h


def _ev_flow(kind: str, table: str, derive: Callable[[Frame], Frame]) -> Quantity:
    is_what = {"is_flow": True, "is_count": True}
    return Quantity(kind=kind, name="ev_veh_h", table=table, if_absent=0.0, derive=derive, **is_what)


QUANTITIES = (
    _ev_flow("link", "links", _evs),
    Quantity(kind="link", name="flow_veh_h", table="links", is_flow=True, if_absent=0.0, is_tested=False),
    Quantity(kind="link", name="time_min", table="links"),
    _ev_flow("station", "links", _evs),
    Quantity(kind="station", name="arrivals", table="stations", if_absent=0.0),
    Quantity(kind="station", name="load_kw", table="stations", if_absent=0.0),
    Quantity(kind="station", name="wait_min", table="stations"),
    Quantity(kind="station", name="price_cny_per_kwh", table="stations"),
    _ev_flow("path", "paths", lambda paths: paths.flow_veh_h),
    Quantity(kind="bus", name="voltage_pu", table="buses"),
    Quantity(kind="bus", name="nodal_price_cny_per_kwh", table="buses"),
    Quantity(kind="feeder", name="purchase_kw", table="dispatch"),
    Quantity(kind="feeder", name="losses_kw", table="dispatch"),
    Quantity(kind="feeder", name="cost_cny", table="dispatch"),
)
"""A station's ``ev_veh_h`` counts an EV at its departure, as the equilibrium does; ``arrivals`` and all that follows
from them when it arrives, in the agents' model."""


def values(sample: Sample, quantity: Quantity) -> Frame:
    """Return the quantity by period and item (rows) and replication (columns)."""
    columns = [_series(frame, quantity) for frame in sample.tables(quantity.table)]
    return pd.concat(columns, axis=1, keys=range(len(columns)))


def _series(frame: Frame, quantity: Quantity) -> Frame:
    if quantity.table == "links":
        frame = frame[(frame.kind == "charging") == (quantity.kind == "station")]
    if quantity.kind == "path":
        frame = frame[frame.user_class != "car"]
    index = pd.MultiIndex.from_arrays([frame.period, _items(frame, quantity)], names=["period", "item"])
    return pd.Series(quantity.of(frame), index=index)


def _items(frame: Frame, quantity: Quantity) -> Frame:
    """Return the name of each row's item."""
    if quantity.kind == "path":
        return frame.user_class + " " + path_names(frame)
    if quantity.kind == "bus" and len(set(frame.feeder)) > 1:
        return frame.feeder + " " + frame.bus
    return frame["link" if quantity.table == "links" else quantity.kind]


def path_names(paths: Frame) -> Frame:
    """Return a name for each row: nodes and station; of paths that share both, the later ones with a number."""
    route, nodes = pd.factorize(paths.nodes)
    at, stations = pd.factorize(paths.station)
    pair, pairs = pd.factorize(route * max(len(stations), 1) + at)
    whole = [
        nodes[k // len(stations)] + (f" @ {station}" if (station := stations[k % len(stations)]) else "")
        for k in pairs.tolist()
    ]
    name = pd.Series(np.array(whole, dtype=object)[pair], index=paths.index)
    keys = [paths.day.to_numpy(), paths.period.to_numpy(), pd.factorize(paths.user_class)[0], pair]
    twin = pd.Series(0, index=paths.index).groupby(keys).cumcount()
    return name if not twin.any() else name.where(twin == 0, name + " (" + (twin + 1).astype(str) + ")")
