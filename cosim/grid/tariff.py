"""Energy prices of each period: time of use, dynamic tariff, nodal charging prices."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cosim.arrays import FloatArray, IntArray

TABLE_1_CNY_PER_KWH = (*[0.35] * 8, *[0.68] * 4, *[1.09] * 8, *[0.68] * 3, 0.35)
"""Table 1 of the paper, periods 1 to 24."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicTariff:
    """The parameters of Eq. 22; with these defaults the three prices are those of Table 1 to 0.3 fen."""

    base_cny_per_kwh: float = 0.68
    sigma: float = 0.20
    """How far from the mean the load must be, as a share of its range."""
    rise: float = 0.603
    fall: float = 0.485


def time_of_use_tariff(
    period_count: int = 24, hourly_cny_per_kwh: FloatArray | tuple[float, ...] = TABLE_1_CNY_PER_KWH
) -> FloatArray:
    """Return an hourly price list as one price per period: the mean over the time the period covers."""
    hourly = np.asarray(hourly_cny_per_kwh, dtype=np.float64)
    paid = np.concatenate([[0.0], np.cumsum(hourly)])
    edges = np.linspace(0.0, len(hourly), period_count + 1)
    spent = np.interp(edges, np.arange(len(hourly) + 1), paid)
    price: FloatArray = np.diff(spent) * period_count / len(hourly)
    return price


def price_class(equivalent_load_kw: FloatArray, sigma: float = 0.20) -> IntArray:
    """Return +1 where the load is high, -1 where it is low, 0 between, as Eq. 22 draws the lines.

    High from mean + sigma * range on, low below mean - sigma * range; a level day is 0.
    """
    load = np.asarray(equivalent_load_kw, dtype=np.float64)
    mean, spread = load.mean(), np.ptp(load)
    if spread <= 1e-9 * abs(mean):
        return np.zeros(load.shape, dtype=np.int64)
    high, low = load >= mean + sigma * spread, load < mean - sigma * spread
    classes: IntArray = high.astype(np.int64) - low.astype(np.int64)
    return classes


def class_price(classes: IntArray, tariff: DynamicTariff | None = None) -> FloatArray:
    """Return the price of each class of Eq. 22: base (1 + rise), base, base (1 - fall)."""
    rule = tariff or DynamicTariff()
    factor = np.array([1.0 - rule.fall, 1.0, 1.0 + rule.rise])
    return rule.base_cny_per_kwh * factor[np.asarray(classes) + 1]


def nodal_charging_price(tariff_cny_per_kwh: FloatArray, nodal_cny_per_kwh: FloatArray) -> FloatArray:
    """Return tariff + (nodal price - its mean over the stations) for nodal prices (periods, stations)."""
    nodal = np.asarray(nodal_cny_per_kwh, dtype=np.float64)
    apart: FloatArray = np.asarray(tariff_cny_per_kwh)[:, None] + nodal - nodal.mean(axis=1, keepdims=True)
    return apart


CLASS_CHANGES_MAX = 3
"""A period whose class has changed this often is held."""


@dataclass(slots=True)
class HeldClasses:
    """The classes of Eq. 22 in force while a tariff and the load it moves are solved in turn.

    A tariff that moves the load it is made from can change class for ever. Each period follows its load until it
    has changed `CLASS_CHANGES_MAX` times; then it is held at the higher of its two classes, at which the load stays
    below the line it would cross: so where it is held does not depend on where the loop began.
    """

    classes: IntArray
    class_changes: IntArray = field(init=False)

    def __post_init__(self) -> None:
        """Begin without a change of class."""
        self.classes = np.array(self.classes, dtype=np.int64)
        self.class_changes = np.zeros_like(self.classes)

    @property
    def held(self) -> IntArray:
        """The periods (1..T) whose class is held because it kept changing."""
        return np.flatnonzero(self.class_changes >= CLASS_CHANGES_MAX) + 1

    def follow(self, wanted: IntArray) -> IntArray:
        """Return the classes in force once the load asks for *wanted*."""
        moves = (wanted != self.classes) & (self.class_changes < CLASS_CHANGES_MAX)
        self.class_changes = self.class_changes + moves
        higher = np.maximum(wanted, self.classes)
        self.classes = np.where(
            moves, np.where(self.class_changes < CLASS_CHANGES_MAX, wanted, higher), self.classes
        )
        return self.classes


def non_positive_prices(
    price_cny_per_kwh: FloatArray, names: Sequence[str] = (), *, first_period: int = 1
) -> tuple[str, ...]:
    """Return a sentence for each price at or below zero, of (periods,) or (periods, *names*)."""
    price = np.asarray(price_cny_per_kwh, dtype=np.float64)
    sentences = []
    for place in np.argwhere(price <= 0):
        where = f", {names[place[1]]}" if price.ndim > 1 and names else ""
        amount = price[tuple(place)]
        sentences.append(
            f"period {first_period + place[0]}{where}: the price is {amount:.4g} CNY/kWh; wasting energy costs "
            "nothing there, so the dispatch may need exactness recovery."
        )
    return tuple(sentences)
