"""What the operator carries from solve to solve, seen in the tables of a day."""

from collections.abc import Mapping

import numpy as np
import pytest

from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.coupling import day_ahead, solve_equilibrium_day
from cosim.grid import clarabel_engine
from cosim.grid.device import Storage, Turbine
from cosim.scenario import DayAhead, Scenario, load_scenario

Tables = Mapping[str, Frame]


def of_day_one(tables: Tables, kind: str) -> Frame:
    devices = tables["devices"]
    return devices[(devices.day == 1) & (devices.kind == kind)]


def test_stored_energy_goes_on_from_period_to_period_and_returns_by_midnight(
    paper: Scenario, paper_tables: Tables
) -> None:
    (unit,) = paper.feeders[0].devices.of(Storage)
    stored = of_day_one(paper_tables, "storage")
    power_kw, energy_kwh = stored.p_kw.to_numpy(), stored.stored_kwh.to_numpy()
    flow_kwh = np.where(
        power_kw < 0, -unit.charge_efficiency * power_kw, -power_kw / unit.discharge_efficiency
    )
    start_kwh = unit.soc_initial * unit.capacity_kwh
    assert start_kwh + np.cumsum(flow_kwh) == pytest.approx(energy_kwh, abs=1e-3)
    assert energy_kwh[-1] == pytest.approx(start_kwh, abs=1e-3)
    assert np.ptp(energy_kwh) > 100


def test_the_turbine_ramps_within_its_limit_across_solves(paper: Scenario, paper_tables: Tables) -> None:
    (unit,) = paper.feeders[0].devices.of(Turbine)
    output_kw = of_day_one(paper_tables, "turbine").p_kw.to_numpy()
    assert np.abs(np.diff(output_kw)).max() <= unit.ramp_kw_per_h + 1e-3
    assert output_kw.max() <= unit.p_max_kw + 1e-3


def test_what_a_shifted_load_is_owed_is_paid_back_within_the_day(paper_tables: Tables) -> None:
    for _, shift in of_day_one(paper_tables, "demand_response").groupby("bus"):
        assert np.cumsum(shift.p_kw.to_numpy()) == pytest.approx(shift.stored_kwh.to_numpy(), abs=1e-3)
        assert shift.p_kw.sum() == pytest.approx(0, abs=1e-3)
        assert shift.p_kw.abs().max() > 1


def test_every_executed_dispatch_is_certified(paper_tables: Tables) -> None:
    dispatch = paper_tables["dispatch"]
    assert (dispatch.status == "optimal").all()
    assert dispatch.relaxation_error_max.max() <= 1e-6
    assert dispatch.ac_mismatch_max_pu.max() <= 1e-6
    assert dispatch.ac_losses_mismatch_kw.abs().max() <= 1e-3


def test_the_plan_is_made_with_what_the_stations_expect(paper: Scenario, paper_tables: Tables) -> None:
    stations = paper_tables["stations"].set_index(["day", "period", "bus"])
    buses = paper_tables["buses"].set_index(["day", "period", "bus"])
    for station in paper.stations:
        forecast = stations.xs(station.bus, level="bus").forecast_kw
        planned = buses.xs(station.bus, level="bus").station_planned_kw
        assert planned.to_numpy() == pytest.approx(forecast.to_numpy())


def test_stations_on_one_bus_share_what_it_can_serve_as_they_share_its_load(toy: Scenario) -> None:
    """Together they get the plan's load less what it sheds, each in proportion to what it expects."""
    pair = (
        'stations=[{name="S", road_node=2, bus=4, chargers=2, charger_kw=60},'
        '{name="T", road_node=3, bus=4, chargers=1, charger_kw=60}]'
    )
    weak = ["grid.slack_voltage_pu=0.957", "grid.elastic.voltage_cny_per_pu2_h=1e6"]
    scenario = load_scenario(toy.folder / "toy.toml", [*weak, pair, "population.resolution=batch"])
    tables = CoSimModel(scenario, day_ahead(scenario, solve_equilibrium_day(scenario)), seed=1).simulate()
    columns = ["limit_kw", "forecast_kw"]
    stations = tables["stations"].pivot(index=["day", "period"], columns="station", values=columns)
    shed = tables["violations"].query("kind == 'station_shed'").set_index(["day", "period"]).amount
    limit_kw, forecast_kw = stations.limit_kw.loc[shed.index], stations.forecast_kw.loc[shed.index]
    assert len(shed) > 0
    assert (limit_kw.to_numpy() > 1).all()
    assert limit_kw.sum(axis=1).to_numpy() == pytest.approx((forecast_kw.sum(axis=1) - shed).to_numpy())
    assert (limit_kw.S / limit_kw["T"]).to_numpy() == pytest.approx(
        (forecast_kw.S / forecast_kw["T"]).to_numpy()
    )


def test_a_day_goes_on_though_every_solver_panics(
    toy: Scenario, toy_ahead: DayAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every period of it is in fallback operation, and says so; the bus that then leaves its limits is named."""

    class PanicException(BaseException):
        pass

    def panics(*_: object) -> None:
        raise PanicException

    monkeypatch.setattr(clarabel_engine, "bare_solver", panics)
    settings = ["population.resolution=batch", "grid.slack_voltage_pu=0.95"]
    scenario = load_scenario(toy.folder / "toy.toml", settings)
    tables = CoSimModel(scenario, toy_ahead, seed=1).simulate()
    assert (tables["dispatch"].status == "failed").all()
    assert len(tables["dispatch"]) >= toy.periods.count
    flags = tables["violations"].groupby("kind").sentence.first()
    assert "periods 1 to 8: clarabel returned a breakdown (PanicException) to settings" in flags["failed"]
    assert "Fallback operation" in flags["failed"]
    assert "bus 4: " in flags["realised_voltage"]
    assert "nothing keeps them" in flags["realised_voltage"]
