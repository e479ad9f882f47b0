"""The day whose step tariff has no fixed point: that there is none to be found."""

from itertools import product

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.coupling import solve_equilibrium_day
from cosim.coupling.day import road_day
from cosim.grid.tariff import class_price, price_class
from cosim.scenario import Scenario, load_scenario

NEAR_KW = 30.0
"""Periods are tried in both classes whose load is as near to the line of the dear class."""


def load_at(scenario: Scenario, classes: IntArray) -> FloatArray:
    """Return the load Eq. 22 is made from if these classes are told; differences between stations move no totals."""
    price = class_price(classes)
    day = road_day(scenario, np.repeat(price[:, None], len(scenario.stations), axis=1))
    base_kw = np.sum([case.base_kw for case in scenario.feeders], axis=0)
    total: FloatArray = base_kw + day.load.load_kw.sum(axis=1)
    return total


def test_of_the_classes_near_the_line_none_reproduce_themselves(paper: Scenario) -> None:
    settings = ['coupling.starts=["tariff"]', "tariff.charging_price=tariff"]
    coupled = load_scenario(paper.folder / "coupled.toml", settings)
    day, band = solve_equilibrium_day(coupled), coupled.config.tariff.band
    assert day.held_periods.tolist() == [14, 22]
    held = np.searchsorted(class_price(np.array([-1, 0, 1])), day.tariff_cny_per_kwh - 0.01) - 1
    load_kw = load_at(coupled, held)
    line_kw = load_kw.mean() + band * np.ptp(load_kw)
    tried = np.union1d(np.flatnonzero(np.abs(load_kw - line_kw) < NEAR_KW), day.held_periods - 1)
    assert tried.tolist() == [12, 13, 17, 21]
    for choice in product((0, 1), repeat=tried.size):
        classes = held.copy()
        classes[tried] = choice
        assert not np.array_equal(price_class(load_at(coupled, classes), band), classes)
