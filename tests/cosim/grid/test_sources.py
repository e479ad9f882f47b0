"""The limits that a network states for its sources are kept, priced, checked in the network as given, and told."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.config.grid import FeederConfig
from cosim.errors import ConfigError
from cosim.grid.device import Devices, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, feeder_from_pandapower
from cosim.grid.given_network import check_against_given
from cosim.grid.problem import Load, Rules
from cosim.grid.solution import Dispatch
from cosim.scenario.feeder_case import read_feeder

MATPOWER = """
mpc.baseMVA = 1;
mpc.bus = [
 1 3 0.1 0 0 0 1 1 0 10 1 1.1 0.9;
 2 1 0.5 0.2 0 0 1 1 0 10 1 1.1 0.9;
 3 1 0.4 0.1 0 0 1 1 0 10 1 1.1 0.9;
];
mpc.gen = [
GEN
];
mpc.branch = [
 1 2 0.01 0.02 0 0 0 0 0 0 1;
 2 3 0.02 0.03 0 0 0 0 0 0 1;
];
"""
LIMITS = {"p_min": 0.0, "p_max": 10.0, "q_min": -10.0, "q_max": 10.0}
TURBINE = Turbine(
    name="t",
    bus="3",
    p_max_kw=2000.0,
    q_max_kvar=500.0,
    ramp_kw_per_h=2000.0,
    cost_a_cny_per_mw2h=100.0,
    cost_b_cny_per_mwh=900.0,
)


def from_matpower(folder: Path, *sources: dict[str, float]) -> Feeder:
    rows = [LIMITS | source for source in sources or ({},)]
    gen = "".join("1 0 0 {q_max} {q_min} 1 1 1 {p_max} {p_min};\n".format(**row) for row in rows)
    (folder / "net.m").write_text(MATPOWER.replace("GEN", gen))
    return feeder_from_pandapower(folder / "net.m")


def from_pandapower(_: Path, *sources: dict[str, float]) -> Feeder:
    import pandapower as pp

    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 10.0, name=name) for name in "123"]
    for source in sources or ({},):
        row = LIMITS | source
        pp.create_ext_grid(
            net, buses[0], min_p_mw=row["p_min"], max_p_mw=row["p_max"],
            min_q_mvar=row["q_min"], max_q_mvar=row["q_max"],
        )  # fmt: skip
    for bus, p_mw, q_mvar in ((0, 0.1, 0.0), (1, 0.5, 0.2), (2, 0.4, 0.1)):
        pp.create_load(net, buses[bus], p_mw, q_mvar)
    for ends, z_ohm in (((0, 1), (1.0, 2.0)), ((1, 2), (2.0, 3.0))):
        pp.create_line_from_parameters(net, *ends, 1.0, *z_ohm, 0.0, 1e5)
    return feeder_from_pandapower(net)


Source = Callable[..., Feeder]
sources = pytest.mark.parametrize("source", [from_matpower, from_pandapower])


def dispatched(feeder: Feeder, *devices: Turbine, more_kw: float = 0.0, **how: Any) -> Dispatch:
    """Return one period of the net's own loads and *more_kw* at bus 2, checked against the network as given."""
    load = Load.scaled(feeder, np.ones(1))
    base_kw = load.base_kw.copy()
    base_kw[0, feeder.bus_index("2")] += more_kw
    load = replace(load, base_kw=base_kw, station_kw=how.pop("station_kw", load.station_kw))
    dispatch = solve_dispatch(feeder, Devices(*devices), load, [how.pop("price", 0.5)], rules=Rules(**how))
    return check_against_given(feeder, dispatch, load, 0)


@pytest.mark.parametrize("limit", [{"p_max": 0.6}, {"q_max": 0.1}, {"p_min": 0.7, "p_max": 0.7}])
def test_a_limit_that_binds_is_kept_and_priced(limit: dict[str, float], tmp_path: Path) -> None:
    feeder = from_matpower(tmp_path, limit)
    dispatch = dispatched(feeder, TURBINE)
    assert dispatch.status == "optimal", dispatch.reason_not_certified
    given = dispatch.purchase_kvar[0] if "q_max" in limit else dispatch.purchase_kw[0]
    assert given == pytest.approx(1e3 * next(iter(limit.values())), abs=1e-3)
    less, more = (dispatched(feeder, TURBINE, more_kw=kw) for kw in (-1.0, 1.0))
    slope = (more.cost_cny - less.cost_cny) / 2.0
    assert dispatch.price_cny_per_kwh[0, 1] == pytest.approx(slope, abs=1e-5)
    assert dispatch.price_cny_per_kwh[0, 0] > 0.5 or "q_max" in limit


def test_a_limit_that_cannot_bind_adds_nothing(tmp_path: Path) -> None:
    feeder = from_matpower(tmp_path)
    with_limits, without = (
        dispatched(each, TURBINE) for each in (feeder, replace(feeder, source_limits_kva=None))
    )
    assert with_limits.cost_cny == without.cost_cny
    assert np.array_equal(with_limits.voltage_pu, without.voltage_pu)


@sources
def test_a_limit_that_cannot_be_kept_is_told_in_kw(source: Source, tmp_path: Path) -> None:
    dispatch = dispatched(source(tmp_path, {"p_max": 0.6, "q_max": 0.1}))
    assert dispatch.status == "elastic"
    assert dispatch.certified
    kinds = [(violation.kind, violation.bus) for violation in dispatch.violations]
    assert kinds == [("source_limit", "1")] * 2
    assert dispatch.violations[0].amount == pytest.approx(dispatch.purchase_kw[0] - 600.0, abs=1e-3)
    assert "no dispatch keeps the limit of the source, at most 600 kW (4" in dispatch.violations[0].sentence
    assert "at most 100 kvar (2" in dispatch.violations[1].sentence


def test_stations_wait_before_the_limit_of_a_source_gives_way(tmp_path: Path) -> None:
    feeder = from_matpower(tmp_path, {"p_max": 1.2})
    dispatch = dispatched(feeder, station_kw=np.array([[0.0, 0.0, 500.0]]))
    assert [violation.kind for violation in dispatch.violations] == ["station_shed"]
    assert "The source at bus 1 is at its limit, at most 1,200 kW." in dispatch.violations[0].sentence
    assert dispatch.purchase_kw[0] == pytest.approx(1200.0, abs=1e-3)


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        (from_matpower, {"q_max": 0.2}),
        (from_matpower, {"p_min": 1.5}),
        (from_pandapower, {"p_max": 0.6}),
    ],
)
def test_a_limit_that_the_model_misses_is_found_in_the_network_as_given(
    source: Source, limit: dict[str, float], tmp_path: Path
) -> None:
    dispatch = dispatched(replace(source(tmp_path, limit), source_limits_kva=None))
    assert dispatch.status == "not certified"
    assert "bus 1: the source is" in dispatch.reason_not_certified


@sources
def test_the_limits_of_sources_at_one_bus_are_added(source: Source, tmp_path: Path) -> None:
    feeder = source(tmp_path, {"p_max": 0.25}, {"p_max": 0.35, "q_min": -np.inf})
    assert feeder.source_limits_kva is not None
    np.testing.assert_allclose(feeder.source_limits_kva, [[-np.inf, 600.0, -np.inf, 20e3]])
    assert dispatched(feeder, TURBINE).status == "optimal"


@sources
def test_least_powers_that_add_up_to_0_are_a_limit(source: Source, tmp_path: Path) -> None:
    feeder = source(tmp_path, {"p_min": 0.2}, {"p_min": -0.2})
    cheap = replace(TURBINE, cost_b_cny_per_mwh=50.0)
    dispatch = dispatched(feeder, cheap, export=True)
    assert dispatch.status == "optimal", dispatch.reason_not_certified
    assert dispatch.purchase_kw[0] == pytest.approx(0.0, abs=1e-3)
    missed = dispatched(replace(feeder, source_limits_kva=None), cheap, export=True)
    assert missed.status == "not certified"


def test_a_least_power_of_0_leaves_it_to_the_rules_whether_power_flows_back(tmp_path: Path) -> None:
    cheap = replace(TURBINE, cost_b_cny_per_mwh=50.0)
    open_end = dispatched(from_matpower(tmp_path, {"p_min": 0.0}), cheap, export=True)
    limited = dispatched(from_matpower(tmp_path, {"p_min": -0.3}), cheap, export=True)
    closed = dispatched(from_matpower(tmp_path, {"p_min": -0.3}), cheap)
    assert open_end.purchase_kw[0] < -900.0
    assert limited.purchase_kw[0] == pytest.approx(-300.0, abs=1e-3)
    assert closed.purchase_kw[0] == pytest.approx(0.0, abs=1e-3)
    assert {open_end.status, limited.status, closed.status} == {"optimal"}


@pytest.mark.parametrize("export", [True, False])
def test_an_island_has_an_optimum(export: bool, tmp_path: Path) -> None:
    island = {"p_max": -0.0, "p_min": -1e-12 if export else 0.0}
    dispatch = dispatched(from_matpower(tmp_path, island), TURBINE, export=export)
    assert dispatch.status == "optimal"
    assert dispatch.purchase_kw[0] == pytest.approx(0.0, abs=1e-3)


@sources
@pytest.mark.parametrize("limit", [{"p_min": 1.0, "p_max": 0.5}, {"q_min": 1.0, "q_max": 0.5}])
def test_crossed_limits_of_a_source_are_refused_by_name(
    source: Source, limit: dict[str, float], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="crossed"):
        source(tmp_path, limit)


def test_one_setting_lifts_the_limits_of_sources_in_the_model_and_in_the_network_as_given(
    tmp_path: Path,
) -> None:
    from_matpower(tmp_path, {"p_max": 0.6})
    kept, lifted = (
        dispatched(read_feeder(FeederConfig(network="net.m", source_limits=limits), tmp_path))
        for limits in (True, False)
    )
    assert (kept.status, lifted.status) == ("elastic", "optimal")
