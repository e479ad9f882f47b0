"""Feeders small enough to compute by hand, and the IEEE 33-bus feeder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cosim.grid.feeder import Feeder, read_feeder_csv
from cosim.grid.problem import Load

ROOT = Path(__file__).parents[3]
IEEE33 = ROOT / "configs" / "ieee33"


@pytest.fixture(scope="session")
def ieee33() -> Feeder:
    """Return the feeder that ships with the program."""
    return read_feeder_csv(IEEE33 / "buses.csv", IEEE33 / "branches.csv", name="ieee33")


@pytest.fixture(scope="session")
def chain() -> Callable[..., Feeder]:
    """Make a line of buses "1", "2", ... with the given branch resistances and reactances in per unit."""

    def make(*z_pu: tuple[float, float], current_max_pu: float = np.inf, **voltage: float) -> Feeder:
        branches = len(z_pu)
        return Feeder(
            name="chain",
            bus_names=tuple(str(i + 1) for i in range(branches + 1)),
            branch_names=tuple(str(k + 1) for k in range(branches)),
            slack_bus=0,
            from_bus=np.arange(branches),
            to_bus=np.arange(1, branches + 1),
            r_pu=np.array([r for r, _ in z_pu]),
            x_pu=np.array([x for _, x in z_pu]),
            current_max_pu=np.full(branches, current_max_pu),
            v_base_kv=10.0,
            load_kw=np.array([0.0, *[100.0] * branches]),
            load_kvar=np.zeros(branches + 1),
            **voltage,
        )

    return make


@pytest.fixture(scope="session")
def level() -> Callable[..., Load]:
    """Make a load of zero but for the buses named b2=..., and stations s2=... [kW]."""

    def make(feeder: Feeder, periods: int = 1, **kw: float) -> Load:
        shape = (periods, feeder.bus_count)
        base, station = np.zeros(shape), np.zeros(shape)
        for name, power in kw.items():
            (base if name[0] == "b" else station)[:, feeder.bus_index(name[1:])] = power
        return Load(base_kw=base, base_kvar=np.zeros(shape), station_kw=station)

    return make
