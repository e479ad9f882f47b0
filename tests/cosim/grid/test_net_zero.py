"""A branch without impedance makes one bus of two, keeps its limit, and carries what is drawn behind it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.grid.binding import loading
from cosim.grid.device import Devices
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, feeder_from_pandapower, read_feeder_csv
from cosim.grid.given_network import check_against_given
from cosim.grid.power_flow import newton_power_flow
from cosim.grid.problem import Load
from cosim.grid.solution import Dispatch
from cosim.grid.sweep import sweep_power_flow

LIMIT_A = 60.0
TAP = 0.98
MATPOWER = """
mpc.baseMVA = 1;
mpc.bus = [
 1 3 0 0 0 0 1 1 0 10 1 1 1;
 2 1 0.3 0.1 0 0 1 1 0 10 1 1.1 0.9;
 3 1 0.2 0.1 0.01 0.05 1 1 0 10 1 1.1 0.9;
 4 1 0.4 0.1 0 0 1 1 0 10 1 1.1 0.9;
 5 1 0.1 0 0 0 1 1 0 10 1 1.1 0.9;
];
mpc.gen = [1 0 0 9 -9 1 10 1 9 -9];
mpc.branch = [
 1 2 0.01 0.02 0 0 0 0 0 0 1;
 3 2 0 0 0.04 LIMIT 0 0 TAP 10 1;
 3 4 0.02 0.03 0 0 0 0 0 0 1;
 4 5 0 0 0 0 0 0 0 0 1;
];
"""
BUSES = "bus,p_kw,q_kvar\n1,0,0\n2,300,100\n3,200,100\n4,400,100\n5,100,0\n"
BRANCHES = (
    "branch,from_bus,to_bus,r_ohm,x_ohm,in_service,current_max_a\n"
    "a,1,2,1,2,1,\nb,3,2,0,0,1,{limit_a}\nc,3,4,2,3,1,\nd,4,5,0,0,1,\n"
)


def from_matpower(folder: Path, limit_a: float = LIMIT_A) -> Feeder:
    limit_mva = np.sqrt(3) * 10.0 * limit_a / 1e3
    text = MATPOWER.replace("LIMIT", str(limit_mva)).replace("TAP", str(TAP))
    (folder / "net.m").write_text(text)
    return feeder_from_pandapower(folder / "net.m")


def from_csv(folder: Path, limit_a: float = LIMIT_A) -> Feeder:
    (folder / "buses.csv").write_text(BUSES)
    (folder / "branches.csv").write_text(BRANCHES.format(limit_a=limit_a))
    return read_feeder_csv(folder / "buses.csv", folder / "branches.csv", v_base_kv=10.0)


def net_of_lines(limit_a: float = LIMIT_A) -> Any:
    """Make the net of the CSV tables: a line without impedance, a bus joined to it by a switch, a line of no length."""
    import pandapower as pp

    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 10.0) for _ in range(6)]
    pp.create_ext_grid(net, buses[0])
    for ends, r_ohm, x_ohm, length_km in (
        ((0, 1), 1, 2, 1),
        ((5, 1), 0, 0, 1),
        ((2, 3), 2, 3, 1),
        ((3, 4), 1, 1, 0),
    ):
        limit_ka = limit_a / 1e3 if ends == (5, 1) else 1e5
        pp.create_line_from_parameters(net, *ends, length_km, r_ohm, x_ohm, 0.0, limit_ka)
    pp.create_switch(net, 2, 5, et="b")
    for bus, p_mw, q_mvar in ((1, 0.3, 0.1), (2, 0.15, 0.1), (5, 0.05, 0.0), (3, 0.4, 0.1), (4, 0.1, 0.0)):
        pp.create_load(net, bus, p_mw, q_mvar)
    return net


def from_pandapower(_: Path, limit_a: float = LIMIT_A) -> Feeder:
    return feeder_from_pandapower(net_of_lines(limit_a))


Source = Callable[..., Feeder]
SOURCES = (from_matpower, from_csv, from_pandapower)
sources = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)


def dispatched(feeder: Feeder) -> Dispatch:
    """Return one period of the net's own loads, checked against the network as given."""
    load = Load.scaled(feeder, np.ones(1))
    dispatch = solve_dispatch(feeder, Devices(), load, [0.5])
    return check_against_given(feeder, dispatch, load, 0)


def joining(feeder: Feeder) -> int:
    """Return the branch without impedance that has a limit."""
    return int(np.flatnonzero(np.isfinite(feeder.current_max_pu))[0])


@pytest.mark.parametrize("source", [from_matpower, from_pandapower])
def test_the_buses_of_a_branch_without_impedance_have_one_voltage_and_one_price(
    source: Source, tmp_path: Path
) -> None:
    feeder = source(tmp_path)
    dispatch = dispatched(feeder)
    assert (dispatch.status, dispatch.reason_not_certified) == ("optimal", "")
    zero = feeder.r_pu == 0
    assert zero.sum() == 2
    near, far = (dispatch.voltage_pu[0, ends[zero]] for ends in (feeder.from_bus, feeder.to_bus))
    np.testing.assert_allclose(near / feeder.ratio[zero], far, atol=1e-9)
    price = dispatch.price_cny_per_kwh[0]
    np.testing.assert_allclose(price[feeder.from_bus[zero]], price[feeder.to_bus[zero]], atol=1e-7)
    assert any("no impedance, so its two buses are one" in note for note in feeder.notes)


def test_a_line_without_impedance_is_what_its_two_buses_are_as_one(tmp_path: Path) -> None:
    feeder = from_csv(tmp_path)
    (tmp_path / "merged.csv").write_text("bus,p_kw,q_kvar\n1,0,0\n2,500,200\n4,500,100\n")
    (tmp_path / "lines.csv").write_text(
        "branch,from_bus,to_bus,r_ohm,x_ohm,in_service\na,1,2,1,2,1\nc,2,4,2,3,1\n"
    )
    merged = read_feeder_csv(tmp_path / "merged.csv", tmp_path / "lines.csv", v_base_kv=10.0)
    one, other = dispatched(feeder), dispatched(merged)
    assert one.cost_cny == pytest.approx(other.cost_cny, rel=1e-9)
    np.testing.assert_allclose(
        one.voltage_pu[0, [0, 1, 2, 3, 4]], other.voltage_pu[0, [0, 1, 1, 2, 2]], atol=1e-9
    )
    np.testing.assert_allclose(
        one.price_cny_per_kwh[0, [0, 1, 2, 3, 4]], other.price_cny_per_kwh[0, [0, 1, 1, 2, 2]], atol=1e-7
    )
    behind_kw = 200.0 + one.branch_kw[0, 2]
    assert one.branch_kw[0, joining(feeder)] == pytest.approx(behind_kw, abs=1e-5)


def test_an_ideal_transformer_is_one_with_almost_no_impedance(tmp_path: Path) -> None:
    ideal = dispatched(from_matpower(tmp_path))
    text = (tmp_path / "net.m").read_text().replace("3 2 0 0 0.04", "3 2 1e-9 1e-9 0.04")
    (tmp_path / "net.m").write_text(text)
    almost = feeder_from_pandapower(tmp_path / "net.m")
    flow = sweep_power_flow(almost, ideal.injection_kw, ideal.injection_kvar)
    np.testing.assert_allclose(ideal.voltage_pu, flow.voltage_pu, atol=1e-8)
    np.testing.assert_allclose(ideal.branch_current_pu, flow.branch_current_pu, atol=1e-7)
    assert ideal.purchase_kw[0] == pytest.approx(float(flow.slack_kw[0]), abs=1e-4)


@sources
def test_the_limit_of_a_branch_without_impedance_is_kept_and_named(source: Source, tmp_path: Path) -> None:
    feeder = source(tmp_path, limit_a=30.0)
    dispatch = dispatched(feeder)
    k = joining(feeder)
    assert dispatch.status == "elastic"
    current_a = (dispatch.branch_current_pu[0] * feeder.current_base_a)[k]
    assert current_a <= 30.0 + 1e-4
    assert f"branch {feeder.branch_names[k]} (100" in dispatch.violations[0].sentence
    assert dispatch.certified


@sources
def test_a_limit_that_the_model_misses_is_found_in_the_network_as_given(
    source: Source, tmp_path: Path
) -> None:
    feeder = source(tmp_path, limit_a=30.0)
    none = np.full(feeder.branch_count, np.inf)
    dispatch = dispatched(replace(feeder, current_max_pu=none, current_max_to_pu=none))
    assert dispatch.status == "not certified"
    share = float(dispatch.reason_not_certified.split(":")[-1].split("%")[0]) / 100
    assert share == pytest.approx(loading(dispatch, feeder, 0)[joining(feeder)], abs=1e-6)
    assert share > 1.4


@pytest.mark.parametrize(("limit_mva", "status"), [(0.8, "elastic"), (1.1, "optimal")])
def test_what_passes_a_branch_without_impedance_at_the_slack_is_checked_with_what_the_source_gives(
    limit_mva: float, status: str, tmp_path: Path
) -> None:
    from_matpower(tmp_path, 1e3)
    text = (tmp_path / "net.m").read_text().replace("1 2 0.01 0.02 0 0", f"1 2 0 0 0 {limit_mva}")
    (tmp_path / "net.m").write_text(text)
    feeder = feeder_from_pandapower(tmp_path / "net.m")
    assert dispatched(feeder).status == status
    none = np.full(feeder.branch_count, np.inf)
    missed = dispatched(replace(feeder, current_max_pu=none, current_max_to_pu=none))
    assert (missed.status == "not certified") == (status == "elastic")


def test_pandapower_and_sweeps_agree_on_what_passes_a_branch_without_impedance(tmp_path: Path) -> None:
    feeder = from_matpower(tmp_path)
    injection = -feeder.load_kw, -feeder.load_kvar
    newton, sweep = newton_power_flow(feeder, *injection), sweep_power_flow(feeder, *injection)
    for name in ("voltage_pu", "branch_current_pu", "branch_kw", "branch_kvar", "losses_kw", "slack_kw"):
        np.testing.assert_allclose(getattr(newton, name), getattr(sweep, name), atol=1e-6, err_msg=name)


def test_of_two_lines_in_parallel_the_one_without_impedance_carries_all() -> None:
    import pandapower as pp

    net = net_of_lines()
    pp.create_line_from_parameters(net, 5, 1, 1.0, 1.0, 1.0, 0.0, 0.001)
    both, one = dispatched(feeder_from_pandapower(net)), dispatched(from_pandapower(Path()))
    assert both.status == "optimal"
    assert both.cost_cny == pytest.approx(one.cost_cny, rel=1e-9)


def test_two_branches_without_impedance_in_parallel_are_refused_by_name() -> None:
    import pandapower as pp

    net = net_of_lines()
    pp.create_line_from_parameters(net, 5, 1, 1.0, 0.0, 0.0, 0.0, 1e5)
    with pytest.raises(ConfigError, match="branches line 1, line 4 form a loop"):
        feeder_from_pandapower(net)


def test_charging_without_impedance_is_refused_by_name() -> None:
    net = net_of_lines()
    net.line.loc[1, "c_nf_per_km"] = 100.0
    with pytest.raises(ConfigError, match="line 1: each has an admittance to earth, but no impedance"):
        feeder_from_pandapower(net)


def test_two_rated_voltages_without_impedance_between_are_refused_by_name() -> None:
    import pandapower as pp

    net = net_of_lines()
    pp.create_impedance(net, 4, pp.create_bus(net, 20.0), 0.0, 0.0, 1.0)
    with pytest.raises(ConfigError, match="impedance 0: each joins two rated voltages"):
        feeder_from_pandapower(net)


@pytest.mark.parametrize("line", [0, 3])
def test_a_line_of_no_length_has_no_charging_whatever_it_has_per_km(line: int) -> None:
    net = net_of_lines()
    net.line.loc[line, "length_km"] = 0.0
    bare = dispatched(feeder_from_pandapower(net))
    net.line.loc[line, "c_nf_per_km"] = 300.0
    charged = dispatched(feeder_from_pandapower(net))
    assert charged.status == "optimal"
    np.testing.assert_allclose(charged.purchase_kvar, bare.purchase_kvar, atol=1e-6)


def test_a_line_without_impedance_that_ends_open_joins_nothing() -> None:
    import pandapower as pp

    net = net_of_lines()
    bus = pp.create_bus(net, 10.0, in_service=False)
    spur = pp.create_line_from_parameters(net, 1, bus, 1.0, 0.0, 0.0, 0.0, 1e5)
    pp.create_switch(net, bus, spur, et="l", closed=False)
    assert dispatched(feeder_from_pandapower(net)).status == "optimal"
