"""Feeders read from pandapower nets, each against pandapower's own AC power flow."""

import json
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.grid.device import Devices, Storage
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import feeder_from_pandapower
from cosim.grid.power_flow import ac_power_flow, newton_power_flow, verify_with_ac_power_flow
from cosim.grid.problem import Load, Rules
from cosim.grid.sweep import sweep_power_flow
from tests.cosim.grid.pandapower_nets import NETS, WIDE, net_named, two_levels


@pytest.mark.parametrize("name", [*NETS, "two levels"])
def test_any_radial_net_has_pandapowers_power_flow(name: str) -> None:
    """Voltages of every bus in service to 1e-9 p.u., losses and purchase to a watt, by sweep and by Newton."""
    import pandapower as pp

    net = two_levels() if name == "two levels" else net_named(name)
    feeder = feeder_from_pandapower(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pp.runpp(net, numba=False, tolerance_mva=1e-10)
    alive = net.bus.index[net.bus.in_service]
    losses_kw = 1e3 * (net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum())
    for flow in (
        sweep_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar),
        ac_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar),
        newton_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar),
    ):
        ours = [
            flow.voltage_pu[feeder.bus_index(str(bus + 1) if name == "case33bw" else net.bus.name.at[bus])]
            for bus in alive
        ]
        np.testing.assert_allclose(ours, net.res_bus.vm_pu[alive], atol=1e-9, rtol=0)
        assert float(flow.losses_kw) == pytest.approx(losses_kw, abs=1e-3)
        assert float(flow.slack_kw) == pytest.approx(1e3 * net.res_ext_grid.p_mw.sum(), abs=1e-3)
        assert float(flow.slack_kvar) == pytest.approx(1e3 * net.res_ext_grid.q_mvar.sum(), abs=1e-3)


@pytest.mark.parametrize("name", [*NETS[1:], "two levels"])
def test_dispatch_of_a_net_is_certified(name: str) -> None:
    feeder = feeder_from_pandapower(two_levels() if name == "two levels" else net_named(name), voltage=WIDE)
    devices = Devices(Storage(name="s", bus=feeder.bus_names[2]))
    load = Load.scaled(feeder, np.array([0.6, 0.8]))
    dispatch = solve_dispatch(feeder, devices, load, np.array([0.3, 0.9]), rules=Rules(export=True))
    assert dispatch.status == "optimal", dispatch.violations
    assert dispatch.certified, dispatch.reason_not_certified
    verdict = verify_with_ac_power_flow(feeder, dispatch, 2)
    assert verdict.voltage_mismatch_pu <= 1e-6
    assert verdict.current_mismatch_pu <= 1e-5
    assert verdict.losses_mismatch_kw <= 1e-2


def test_a_line_limit_is_obeyed_and_priced() -> None:
    """Line 2 of the CIGRE net carries all of one feeder: cut to 90 % of its flow, load is shed.

    At its receiving end, where its charging has not yet relieved it, the cable carries up to 1 % more.
    """
    free = feeder_from_pandapower("create_cigre_network_mv", voltage=WIDE)
    load, price = Load.scaled(free, np.array([0.5])), np.array([0.5])
    before = solve_dispatch(free, Devices(), load, price)
    line = free.branch_names.index("Line 2-3")
    net = net_named("create_cigre_network_mv")
    limit_pu = 0.9 * before.branch_current_pu[0, line]
    net.line.loc[1, "max_i_ka"] = limit_pu * free.current_base_a[line] / 1e3  # type: ignore[index]
    feeder = feeder_from_pandapower(net, voltage=WIDE)
    after = solve_dispatch(feeder, Devices(), load, price)
    assert after.status == "elastic"
    assert {v.kind for v in after.violations} == {"base_shed"}
    flow = sweep_power_flow(feeder, after.injection_kw, after.injection_kvar)
    assert 0.99 * limit_pu <= flow.branch_current_pu[0, line] <= limit_pu * (1 + 1e-6)


def test_several_trees_are_one_dispatch() -> None:
    feeder = feeder_from_pandapower("mv_oberrhein", voltage=WIDE)
    assert len(feeder.slack_buses) == 2
    assert feeder.branch_count == feeder.bus_count - 2
    dispatch = solve_dispatch(feeder, Devices(), Load.scaled(feeder, np.array([0.8])), np.array([0.5]))
    flow = sweep_power_flow(feeder, dispatch.injection_kw, dispatch.injection_kvar)
    assert dispatch.purchase_kw[0] == pytest.approx(float(flow.slack_kw[0]), abs=1e-2)


def joined_by_switches() -> Any:
    """Make a line of buses of which the last is joined, by a closed switch, to one that draws power as well."""
    import pandapower as pp

    net = pp.create_empty_network()
    buses = [pp.create_bus(net, vn_kv=20, name=f"m{k}") for k in range(4)]
    joined = pp.create_bus(net, vn_kv=20, name="joined")
    beyond = pp.create_bus(net, vn_kv=20, name="beyond")
    pp.create_ext_grid(net, buses[0], vm_pu=1.01)
    for near, far in (*pairwise(buses), (joined, beyond)):
        pp.create_line(net, near, far, 3.0, "NA2XS2Y 1x185 RM/25 12/20 kV")
    pp.create_switch(net, buses[3], joined, et="b")
    for bus, p_mw in ((buses[1], 0.8), (buses[3], 0.5), (joined, 0.7), (beyond, 0.9)):
        pp.create_load(net, bus, p_mw, 0.3 * p_mw)
    return net


def test_buses_joined_by_a_switch_are_one_whoever_draws_there() -> None:
    """With pandapower's own row of either bus, the check of a dispatch was 0.02 p.u. off."""
    import pandapower as pp

    net = joined_by_switches()
    feeder = feeder_from_pandapower(net)
    assert feeder.bus_index("joined") == feeder.bus_index("m3")
    dispatch = solve_dispatch(feeder, Devices(), Load.scaled(feeder, np.ones(1)), np.array([0.5]))
    pp.runpp(net, numba=False, tolerance_mva=1e-10)
    ours = dispatch.voltage_pu[0, [feeder.bus_index(name) for name in net.bus.name]]
    np.testing.assert_allclose(ours, net.res_bus.vm_pu, atol=1e-7, rtol=0)
    assert verify_with_ac_power_flow(feeder, dispatch, 1).voltage_mismatch_pu <= 1e-7


def test_a_profile_scales_loads_and_not_the_nets_own_generators() -> None:
    import pandapower as pp

    net = net_named("case33bw")
    pp.create_sgen(net, 17, p_mw=0.5, q_mvar=0.1, scaling=0.8)
    pp.create_storage(net, 17, p_mw=0.05, max_e_mwh=1.0)
    feeder = feeder_from_pandapower(net)
    load = Load.scaled(feeder, np.array([1.0, 0.5, 0.0]))
    at = feeder.bus_index("18")
    assert load.base_kw[:, at] == pytest.approx([90 - 350, 45 - 350, -350])
    assert load.base_kvar[:, at] == pytest.approx([40 - 80, 20 - 80, -80])
    assert feeder.notes == (
        "storage 0: each is taken as fixed at the power of its table; a store to dispatch is one of --devices.",
        "line 32, 33, 34, 35, 36: each is out of service, and left out.",
    )


def three_windings() -> Any:
    import pandapower as pp

    net = pp.create_empty_network()
    buses = [pp.create_bus(net, vn_kv=kv, name=f"{kv} kV") for kv in (110, 20, 10)]
    pp.create_ext_grid(net, buses[0])
    pp.create_transformer3w(net, *buses, "63/25/38 MVA 110/20/10 kV")
    pp.create_load(net, buses[1], 12.0, 3.0)
    pp.create_load(net, buses[2], 20.0, 5.0)
    return net


def test_a_transformer_of_three_windings_keeps_the_limit_of_each() -> None:
    """Pandapower's loading is that of the fullest winding: here the one of 10 kV, of 38 MVA."""
    import pandapower as pp

    net = three_windings()
    feeder = feeder_from_pandapower(net)
    assert feeder.bus_names[3] == "star point 1"
    flow = sweep_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar)
    onward_pu = np.abs((feeder.load_kw + 1j * feeder.load_kvar)[feeder.to_bus]) / 1e3
    onward_pu /= flow.voltage_pu[feeder.to_bus]
    loading = np.fmax(flow.branch_current_pu / feeder.current_max_pu, onward_pu / feeder.current_max_to_pu)
    pp.runpp(net, numba=False)
    assert loading.max() == pytest.approx(net.res_trafo3w.loading_percent[0] / 100, rel=1e-6)
    assert feeder.branch_names[int(np.argmax(loading))] == "trafo3w 0 lv"


def test_the_loading_that_is_allowed_is_part_of_a_limit() -> None:
    net = net_named("create_cigre_network_mv")
    whole = feeder_from_pandapower(net)
    net.line["max_loading_percent"], net.trafo["max_loading_percent"] = 60.0, 80.0
    part = feeder_from_pandapower(net)
    share = part.current_max_pu / whole.current_max_pu
    expected = [0.8 if name.startswith("Trafo") else 0.6 for name in part.branch_names]
    assert share[np.isfinite(share)] == pytest.approx(np.array(expected)[np.isfinite(share)])


def test_every_bus_keeps_its_own_limits_and_joined_ones_the_narrowest() -> None:
    net = joined_by_switches()
    net.bus["min_vm_pu"] = [0.9, 0.91, 0.92, 0.93, 0.94, 0.95]
    net.bus["max_vm_pu"] = [1.1, 1.09, 1.08, 1.07, float("nan"), 1.05]
    low, high = feeder_from_pandapower(net).voltage_limits_pu
    np.testing.assert_allclose(low[1:], [0.91, 0.92, 0.94, 0.95])
    np.testing.assert_allclose(high[1:], [1.09, 1.08, 1.07, 1.05])
    one, all_alike = feeder_from_pandapower(net, voltage=WIDE).voltage_limits_pu, (0.9, 1.1)
    assert all((limits == limit).all() for limits, limit in zip(one, all_alike, strict=True))


def test_nothing_is_said_on_the_terminal_but_what_is_asked() -> None:
    """Pandapower's Oberrhein net runs a power flow of its own, which remarks that numba is missing."""
    code = "from cosim.grid.feeder import feeder_from_pandapower as read; read('mv_oberrhein')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == ""


def test_a_cable_that_ends_open_is_certified_beyond_what_the_net_can_carry() -> None:
    """At full load the CIGRE net sheds; whatever the penalties, the charging currents of open cables are decided."""
    feeder = feeder_from_pandapower("create_cigre_network_mv")
    dispatch = solve_dispatch(feeder, Devices(), Load.scaled(feeder, np.ones(1)), np.array([0.68]))
    assert dispatch.status == "elastic"
    assert dispatch.exactness_recovery == "none"
    assert dispatch.certified, dispatch.reason_not_certified
    open_ends = [k for k, bus in enumerate(feeder.to_bus) if feeder.bus_names[bus].startswith("open end")]
    flow = sweep_power_flow(feeder, dispatch.injection_kw, dispatch.injection_kvar)
    assert dispatch.branch_current_pu[0, open_ends] == pytest.approx(
        flow.branch_current_pu[0, open_ends], rel=1e-3
    )


def test_a_json_file_keeps_transformers(tmp_path: Path) -> None:
    import pandapower as pp

    pp.to_json(net_named("create_cigre_network_mv"), str(tmp_path / "net.json"))
    one = feeder_from_pandapower(tmp_path / "net.json")
    two = feeder_from_pandapower("create_cigre_network_mv")
    np.testing.assert_allclose(one.r_pu, two.r_pu)
    np.testing.assert_allclose(one.y_from_pu, two.y_from_pu)


@pytest.mark.parametrize(
    "stranger",
    [
        {"_module": "trap", "_class": "Choice", "_object": "{}"},
        {
            "_module": "pandapower.control.basic_controller",
            "_class": "Controller",
            "_object": '{"x": {"_module": "trap"}}',
        },
        {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": "/etc/table.json"},
        {"_module": "builtins", "_class": "function", "_object": "eval"},
        {"_module": "pandas", "_class": "read_pickle", "_object": "net.p"},
        {  # pandas reads a tab in a text, Python's JSON does not: what one skips the other would run
            "_module": "pandas.core.frame",
            "_class": "DataFrame",
            "_object": '{"columns":["a"],"index":[0],"data":[[{"_module":"trap","_class":"T","x":"\t"}]]}',
        },
        {
            "_module": "pandas.core.frame",
            "_class": "DataFrame",
            "_object": '1\n[{"_module":"trap","_class":"T"}]',
            "lines": True,
        },
        {
            "_module": "pandas.core.frame",
            "_class": "DataFrame",
            "_object": "[" * 60 + '{"_module": "trap"}' + "]" * 60,
        },
        {  # a control character in a text: no JSON to Python, which looks at it, but to pandas, which reads it
            "_module": "pandas.core.frame",
            "_class": "DataFrame",
            "_object": '{"columns": ["c"], "index": [0], "data": [[{"_module": "trap", "_class": "C\x01"}]]}',
            "orient": "split",
        },
    ],
)
def test_a_net_imports_nothing_and_reads_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stranger: dict[str, object]
) -> None:
    """Pandapower imports the module of every object that its JSON names, before it looks at what it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("trap.py").write_text("open('sprung', 'w').close()\n", encoding="utf-8")
    Path("net.json").write_text(
        json.dumps(
            {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": {"user": stranger}}
        ),
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match=r"net.json: it holds .*a net is read only where it holds tables"):
        feeder_from_pandapower("net.json")
    assert not Path("sprung").exists()
