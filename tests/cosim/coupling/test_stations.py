import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cosim.coupling.stations import share_drawn_on_arrival, station_load

flows = arrays(float, (6, 2), elements=st.floats(0, 40))


def test_what_a_station_cannot_serve_waits_for_the_next_period() -> None:
    flow = np.array([[10.0], [0.0], [0.0]])
    load = station_load(flow, session_kwh=30.0, limit_kw=np.array([200.0]), hours=1.0)
    assert load.load_kw[:, 0].tolist() == [200.0, 100.0, 0.0]
    assert load.backlog_kwh[:, 0].tolist() == [100.0, 0.0, 0.0]


@given(flows, st.floats(1, 60), st.sampled_from([0.25, 1.0, 3.0]))
def test_energy_wanted_is_energy_served_plus_what_still_waits(
    flow: np.ndarray, session_kwh: float, hours: float
) -> None:
    limit_kw = np.array([300.0, 600.0])
    load = station_load(flow, session_kwh, limit_kw, hours)
    wanted_kwh = session_kwh * flow.sum(axis=0) * hours
    assert load.load_kw.sum(axis=0) * hours + load.backlog_kwh[-1] == pytest.approx(wanted_kwh, abs=1e-6)
    assert (load.load_kw <= limit_kw + 1e-9).all()
    assert (load.backlog_kwh >= 0).all()


@pytest.mark.parametrize("session_min", [15.0, 60.0, 150.0])
def test_the_share_drawn_on_arrival_is_that_of_evenly_spread_arrivals(session_min: float) -> None:
    start_min = (np.arange(100_000) + 0.5) / 100_000 * 60
    drawn = np.minimum(60 - start_min, session_min).mean() / session_min
    assert share_drawn_on_arrival(session_min, 60.0) == pytest.approx(drawn, rel=1e-6)
