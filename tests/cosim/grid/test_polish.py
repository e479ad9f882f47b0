"""Where the relaxation is not exact: local optima of the AC problem, with their gap and their prices."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cosim.grid.device import Devices, Renewable
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, VoltageRules, feeder_from_pandapower
from cosim.grid.power_flow import verify_with_ac_power_flow
from cosim.grid.problem import Load, Rules
from cosim.grid.solution import Dispatch

Chain = Callable[..., Feeder]
SELLING = Rules(export=True)


def lossless(chain: Chain) -> Feeder:
    """Return a transformer with 1e-4 of its impedance in losses, and 8 km of line behind it."""
    return chain((4e-6, 0.0048), (0.006, 0.006), slack_voltage_pu=1.03)


def pv(bus: str, s_kva: float, share: float = 1.0, **options: str) -> Renewable:
    profile = np.array([share])
    return Renewable(name=f"pv {bus}", bus=bus, kind="pv", s_kva=s_kva, profile_pu=profile, **options)  # type: ignore[arg-type]


def at_far_end(feeder: Feeder, extra_kw: float = 0.0, bus: int = 2) -> Dispatch:
    base_kw = np.array([[0.0, 0.0, 1000.0]])
    base_kw[0, bus] += extra_kw
    load = Load(base_kw=base_kw, base_kvar=np.array([[0.0, 0.0, 300.0]]), station_kw=np.zeros((1, 3)))
    return solve_dispatch(
        feeder, Devices(pv("3", 8000, q_capability="none")), load, np.array([0.68]), rules=SELLING
    )


def test_export_through_a_lossless_transformer_reaches_the_ac_optimum(chain: Chain) -> None:
    """-2,796.4 CNY by an AC optimiser; the first exact step of a loss price sells half as much."""
    dispatch = at_far_end(lossless(chain))
    assert dispatch.cost_cny == pytest.approx(-2796.439, abs=0.001)
    assert dispatch.status == "locally optimal"
    assert dispatch.lower_bound_cny < dispatch.cost_cny
    assert dispatch.optimality_gap == pytest.approx(
        (dispatch.cost_cny - dispatch.lower_bound_cny) / 2796.439, rel=1e-6
    )
    assert verify_with_ac_power_flow(lossless(chain), dispatch, 1).voltage_mismatch_pu <= 1e-8


@pytest.mark.parametrize("bus", [1, 2])
def test_nodal_prices_of_a_polished_dispatch_are_the_cost_of_one_more_kwh(chain: Chain, bus: int) -> None:
    """Behind the voltage limit a kWh more lets another be sold: its price is below 0."""
    feeder = lossless(chain)
    price = at_far_end(feeder).price_cny_per_kwh[0, bus]
    slope = (at_far_end(feeder, 1.0, bus).cost_cny - at_far_end(feeder, -1.0, bus).cost_cny) / 2
    assert price == pytest.approx(slope, abs=1e-4)


def test_a_limit_that_cannot_bind_changes_nothing(chain: Chain) -> None:
    charged = replace(lossless(chain), y_from_pu=np.array([0.0, 0.01j]), y_to_pu=np.array([0.0, 0.01j]))
    limited = replace(charged, current_max_pu=np.full(2, 1e5), current_max_to_pu=np.full(2, 1e5))
    assert at_far_end(limited).cost_cny == pytest.approx(at_far_end(charged).cost_cny, abs=1e-4)


def test_at_a_negative_price_what_is_found_is_not_called_optimal() -> None:
    """By night 3 MVA of inverters burn energy that is paid for: 937.2 CNY, not the 760.0 of a loss price."""
    feeder = feeder_from_pandapower("case33bw", voltage=VoltageRules(min_pu=0.9, max_pu=1.1))
    load = Load.scaled(feeder, np.array([0.5]))
    dispatch = solve_dispatch(feeder, Devices(pv("18", 3000, 0.0)), load, np.array([-0.4]), rules=SELLING)
    assert dispatch.status == "locally optimal"
    assert dispatch.cost_cny <= -937.236
    assert dispatch.lower_bound_cny == pytest.approx(-1176.085, abs=0.001)
    assert dispatch.voltage_pu.max() <= 1.1 + 1e-6


@pytest.mark.parametrize(
    ("capability", "status", "cost_cny"),
    [("available", "optimal", -1880.008), ("none", "locally optimal", 3950.334)],
)
def test_reverse_flow_in_a_net_without_line_limits_is_feasible(
    capability: str, status: str, cost_cny: float
) -> None:
    """Six PV of 3 MW on the CIGRE net; an AC optimiser finds -1,880.008 and 3,949.872 CNY."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandapower.networks

        net = pandapower.networks.create_cigre_network_mv()
    net.line.max_i_ka = 99999.0
    feeder = feeder_from_pandapower(net, voltage=VoltageRules(slack_pu=1.03, min_pu=0.9, max_pu=1.05))
    feeder = replace(
        feeder, current_max_pu=10 * feeder.current_max_pu, current_max_to_pu=10 * feeder.current_max_to_pu
    )
    units = Devices(*(pv(f"Bus {k}", 1e4 / 3, 0.9, q_capability=capability) for k in (4, 8, 11, 5, 1, 7)))
    load = Load.scaled(feeder, np.array([0.3]))
    dispatch = solve_dispatch(feeder, units, load, np.array([0.68]), rules=SELLING)
    assert (dispatch.status, dispatch.violations) == (status, ())
    assert dispatch.cost_cny == pytest.approx(cost_cny, abs=0.01)


@pytest.mark.parametrize("z_pu", [(0.0, 0.0), (0.0, 1e-9), (1e-9, 0.0), (0.0, 1e-5), (1e-7, 1e-7)])
def test_a_branch_almost_without_impedance_is_as_good_as_none(
    chain: Chain, z_pu: tuple[float, float]
) -> None:
    load = Load(
        base_kw=np.array([[0.0, 0.0, 2000.0]]),
        base_kvar=np.array([[0.0, 0.0, 1000.0]]),
        station_kw=np.zeros((1, 3)),
    )
    dispatch = solve_dispatch(chain(z_pu, (0.005, 0.005)), Devices(), load, np.array([0.68]))
    assert dispatch.status == "optimal"
    assert dispatch.purchase_kw[0] == pytest.approx(2025.78, abs=0.01)


def test_what_the_steps_do_not_close_is_not_certified(chain: Chain) -> None:
    load = Load(base_kw=np.array([[0.0, 300.0]]), base_kvar=np.zeros((1, 2)), station_kw=np.zeros((1, 2)))
    rules = Rules(polish_steps_max=0)
    dispatch = solve_dispatch(chain((0.02, 0.02)), Devices(), load, np.array([-0.3]), rules=rules)
    assert dispatch.status == "not certified"
    assert "the polish does not close it" in dispatch.reason_not_certified
