"""Data of a problem of two periods, to ask a group of devices on its own."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cosim.grid.device.base import Group
from cosim.grid.problem import Horizon, Load, ProblemData


@pytest.fixture(scope="session")
def data_of() -> Callable[..., ProblemData]:
    """Make the data of two periods of half an hour with 100 and -100 kW at bus 2, begun as a day begins."""

    def make(group: Group[Any], first: int = 1, **options: Any) -> ProblemData:
        load = np.array([[0.0, 100.0], [0.0, -100.0]])
        return ProblemData(
            load=Load(base_kw=load, base_kvar=0 * load, station_kw=0 * load),
            price_cny_per_kwh=np.array([0.5, 0.5]),
            horizon=Horizon(first_period=first, period_h=0.5),
            state=options.pop("state", group.initial_state()),
            **options,
        )

    return make
