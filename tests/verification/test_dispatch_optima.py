"""The dispatch against optima found another way: AC OPF, finite differences, random cases judged anew."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.dispatch_at_random import draw, judge, read_feeder
from cosim.grid.device import DemandResponse, Devices, Renewable, Storage, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import VoltageRules, feeder_from_pandapower
from cosim.grid.problem import Load, Rules
from cosim.grid.tariff import time_of_use_tariff


def opf(name: str, turbine_bus: int, load_scale: float, price: float) -> Any:
    """Return pandapower's AC OPF of a net with one turbine (500 kW, 300 kvar, 240 P^2 + 300 P)."""
    import pandapower as pp
    import pandapower.networks

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = getattr(pandapower.networks, name)()
        net.load["scaling"] = load_scale
        for table in ("poly_cost", "pwl_cost"):
            net[table] = net[table].iloc[:0]
        net.load["controllable"] = False
        net.bus["min_vm_pu"], net.bus["max_vm_pu"] = 0.95, 1.05
        net.line["max_loading_percent"] = 100.0
        if len(net.trafo):
            net.trafo["max_loading_percent"] = 100.0
        unit = pp.create_sgen(
            net, turbine_bus, p_mw=0.1, controllable=True,
            min_p_mw=0.0, max_p_mw=0.5, min_q_mvar=-0.3, max_q_mvar=0.3,
        )  # fmt: skip
        pp.create_poly_cost(net, 0, "ext_grid", cp1_eur_per_mw=1e3 * price)
        pp.create_poly_cost(net, unit, "sgen", cp1_eur_per_mw=300.0, cp2_eur_per_mw2=240.0)
        pp.runopp(net, numba=False, calculate_voltage_angles=False, PDIPM_FEASTOL=1e-9, PDIPM_GRADTOL=1e-9,
                  PDIPM_COMPTOL=1e-9, PDIPM_COSTTOL=1e-10)  # fmt: skip
    return net


@pytest.mark.parametrize(
    ("name", "bus", "scale", "price"),
    [("case33bw", 32, 0.6, 0.45), ("case33bw", 17, 0.7, 0.9), ("create_cigre_network_mv", 10, 0.4, 0.5)],
)
def test_one_period_is_pandapowers_ac_opf(name: str, bus: int, scale: float, price: float) -> None:
    """Cost to 1e-5: the interior point of the OPF is no better. The slack holds its voltage in both."""
    net = opf(name, bus, scale, price)
    feeder = feeder_from_pandapower(name, voltage=VoltageRules(slack_pu=float(net.res_bus.vm_pu.iloc[0])))
    unit = Turbine(name="t", bus=feeder.bus_names[bus], cost_a_cny_per_mw2h=240, cost_b_cny_per_mwh=300)
    load = Load.scaled(feeder, np.array([scale]))
    dispatch = solve_dispatch(feeder, Devices(unit), load, np.array([price]))
    assert dispatch.certified, dispatch.reason_not_certified
    assert dispatch.cost_cny == pytest.approx(net.res_cost, rel=1e-5)
    assert dispatch.setpoints["turbine_kw"][0, 0] == pytest.approx(1e3 * net.res_sgen.p_mw.iloc[-1], abs=1.0)


def test_nodal_prices_are_the_cost_of_one_more_kwh() -> None:
    """Central differences of +-2 kW at a near, a far and a congested bus, on a day with every device."""
    feeder = read_feeder()
    devices = Devices(
        Turbine(name="t", bus="33", cost_a_cny_per_mw2h=300, cost_b_cny_per_mwh=612),
        Storage(name="s", bus="18"),
        DemandResponse(bus="24"),
        Renewable(name="pv", bus="28", kind="pv", profile_pu=np.linspace(0, 0.7, 6)),
    )
    load, price = Load.scaled(feeder, np.linspace(0.6, 1.0, 6)), time_of_use_tariff(24)[7:13]
    nodal = solve_dispatch(feeder, devices, load, price).price_cny_per_kwh

    def cost(period: int, bus: int, extra_kw: float) -> float:
        more = load.base_kw.copy()
        more[period, bus] += extra_kw
        return solve_dispatch(feeder, devices, replace(load, base_kw=more), price).cost_cny

    for period, bus in ((0, 1), (2, 17), (5, 17), (5, 31)):
        slope = (cost(period, bus, 2.0) - cost(period, bus, -2.0)) / 4.0
        assert nodal[period, bus] == pytest.approx(slope, abs=5e-5)


@pytest.mark.parametrize("seed", range(12))
def test_a_random_dispatch_is_certified_or_says_why_not(seed: int) -> None:
    """The long version is benchmarks/dispatch_at_random.py."""
    case = draw(read_feeder(), np.random.default_rng([20261122, seed]))
    dispatch = case.solve()
    if dispatch.certified:
        assert judge(case, dispatch) == ""
    else:
        assert dispatch.reason_not_certified


def test_the_judge_finds_a_dispatch_that_is_silently_wrong() -> None:
    """A negative control: an inexact relaxation that calls itself certified."""
    case = draw(read_feeder(), np.random.default_rng([20261122, 1]))
    case = replace(case, price=-np.abs(case.price) - 0.1, rules=Rules(polish_steps_max=0, solver="clarabel"))
    dispatch = case.solve()
    assert not dispatch.certified
    assert "the relaxation error is too large" in judge(case, dispatch)
