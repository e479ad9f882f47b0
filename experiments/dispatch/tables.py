"""The tables of a dispatch of feeders alone."""

from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.grid.devices import Devices
from cosim.grid.rolling import cost_by_period
from cosim.grid.schedule import Dispatch, Load
from cosim.grid.tariff import non_positive_prices
from cosim.scenario.feeder_case import FeederCase
from experiments.dispatch.study import Dispatched, status_of


def tables_of(answer: Dispatched) -> dict[str, Frame]:
    """Return the tables of all feeders: setpoints, buses, branches, prices, certificate, violations.

    A rolling day has one more, what was planned and what came.
    """
    makers = {
        "setpoints": _setpoints,
        "buses": _buses,
        "branches": _branches,
        "prices": _prices,
        "certificate": _certificate,
        "violations": _violations,
    }
    price = answer.asked.price_cny_per_kwh
    tables = {
        name: pd.concat([make(*part, price) for part in answer.parts], ignore_index=True)
        for name, make in makers.items()
    }
    if answer.plans:
        parts = zip(answer.asked.cases, answer.plans, answer.dispatches, strict=True)
        tables["rolling"] = pd.concat([_rolling(*part, price) for part in parts], ignore_index=True)
    return tables


def _grid(dispatch: Dispatch, **things: Any) -> dict[str, Any]:
    """Return the key columns of a table with a row for each period and thing."""
    count = len(next(iter(things.values())))
    periods = dispatch.first_period + np.arange(dispatch.period_count)
    return {
        "feeder": dispatch.feeder_name,
        "period": np.repeat(periods, count),
        **{name: np.tile(np.array(values, dtype=object), len(periods)) for name, values in things.items()},
    }


def _flat(**columns: FloatArray) -> dict[str, FloatArray]:
    """Return (periods, things) arrays as columns of a table."""
    return {name: np.asarray(values).ravel() for name, values in columns.items()}


def _by_kind(units: Devices, d: Dispatch) -> list[tuple[Any, Any, dict[str, Any]]]:
    """Return the units of each kind, what the kind is called, and the columns of their set-points."""
    offered = np.array([u.available_kw[d.first_period - 1 :][: d.period_count] for u in units.renewables])
    return [
        (units.turbines, "turbine", {"p_kw": d.turbine_kw, "q_kvar": d.turbine_kvar}),
        (
            units.renewables,
            [u.kind for u in units.renewables],
            {"p_kw": d.renewable_kw, "q_kvar": d.renewable_kvar, "available_kw": offered.T},
        ),
        (
            units.storages,
            "storage",
            {
                "p_kw": d.discharge_kw - d.charge_kw,
                "charge_kw": d.charge_kw,
                "discharge_kw": d.discharge_kw,
                "stored_kwh": d.storage_kwh,
            },
        ),
        (
            units.v2g_chargers,
            "v2g",
            {
                "p_kw": d.v2g_discharge_kw - d.v2g_charge_kw,
                "charge_kw": d.v2g_charge_kw,
                "discharge_kw": d.v2g_discharge_kw,
                "stored_kwh": d.v2g_kwh,
            },
        ),
        (
            units.demand_responses,
            "demand_response",
            {
                "p_kw": d.shift_out_kw - d.shift_in_kw,
                "shift_out_kw": d.shift_out_kw,
                "shift_in_kw": d.shift_in_kw,
                "owed_kwh": d.owed_kwh,
            },
        ),
    ]


def _setpoints(case: FeederCase, _load: Load, d: Dispatch, _price: FloatArray) -> Frame:
    frames = [
        pd.DataFrame(
            {
                **_grid(
                    d,
                    device=[getattr(u, "name", f"DR at {u.bus}") for u in group],
                    kind=[kind] * len(group) if isinstance(kind, str) else kind,
                    bus=[case.feeder.bus_names[case.feeder.bus_index(u.bus)] for u in group],
                ),
                **_flat(**columns),
            }
        )
        for group, kind, columns in _by_kind(case.devices, d)
        if group
    ]
    columns = [
        "feeder", "period", "device", "kind", "bus", "p_kw", "q_kvar", "available_kw", "charge_kw",
        "discharge_kw", "stored_kwh", "shift_out_kw", "shift_in_kw", "owed_kwh",
    ]  # fmt: skip
    joined = pd.concat(frames) if frames else pd.DataFrame()
    numbers = dict.fromkeys(columns[5:], np.float64)
    return joined.reindex(columns=columns).astype(numbers).sort_values("period", kind="stable")


def _buses(case: FeederCase, load: Load, d: Dispatch, _price: FloatArray) -> Frame:
    return pd.DataFrame(
        {
            **_grid(d, bus=case.feeder.bus_names),
            **_flat(
                load_kw=load.base_kw - d.base_shed_kw,
                load_kvar=load.base_kvar,
                station_kw=np.maximum(load.station_kw - d.station_shed_kw, 0.0),
                base_shed_kw=d.base_shed_kw,
                station_shed_kw=d.station_shed_kw,
                injection_kw=d.injection_kw,
                injection_kvar=d.injection_kvar,
                voltage_pu=d.voltage_pu,
            ),
        }
    )


def _branches(case: FeederCase, _load: Load, d: Dispatch, _price: FloatArray) -> Frame:
    feeder = case.feeder
    names = np.array(feeder.bus_names, dtype=object)
    limit = np.broadcast_to(feeder.current_max_pu, d.branch_current_pu.shape)
    return pd.DataFrame(
        {
            **_grid(
                d,
                branch=feeder.branch_names,
                from_bus=names[feeder.from_bus],
                to_bus=names[feeder.to_bus],
            ),
            **_flat(
                p_kw=d.branch_kw,
                q_kvar=d.branch_kvar,
                current_a=d.branch_current_pu * feeder.current_base_a,
                loading=np.where(np.isfinite(limit), d.branch_current_pu / limit, np.nan),
                relaxation_error_pu=d.relaxation_error,
            ),
        }
    )


def _prices(case: FeederCase, _load: Load, d: Dispatch, price: FloatArray) -> Frame:
    tariff = np.broadcast_to(price[:, None], d.price_cny_per_kwh.shape)
    return pd.DataFrame(
        {
            **_grid(d, bus=case.feeder.bus_names),
            **_flat(tariff_cny_per_kwh=tariff, nodal_price_cny_per_kwh=d.price_cny_per_kwh),
        }
    )


def _certificate(case: FeederCase, _load: Load, d: Dispatch, _price: FloatArray) -> Frame:
    lowest, worst = d.voltage_pu.argmin(axis=1), d.relaxation_error.argmax(axis=1)
    at_once = np.minimum(*d.store_powers_kw)
    return pd.DataFrame(
        {
            "feeder": d.feeder_name,
            "period": d.first_period + np.arange(d.period_count),
            "status": status_of(d),
            "purchase_kw": d.purchase_kw,
            "purchase_kvar": d.purchase_kvar,
            "losses_kw": d.losses_kw,
            "voltage_min_pu": d.voltage_pu.min(axis=1),
            "voltage_min_bus": [case.feeder.bus_names[bus] for bus in lowest],
            "relaxation_error_max": d.relaxation_error.max(axis=1),
            "relaxation_error_branch": [case.feeder.branch_names[k] for k in worst],
            "ac_mismatch_max_pu": d.ac_mismatch_pu,
            "charge_and_discharge_kw": at_once.max(axis=1) if at_once.size else 0.0,
        }
    )


def _violations(case: FeederCase, _load: Load, d: Dispatch, price: FloatArray) -> Frame:
    rows: list[tuple[str, int, str, str, float, str]] = [
        (case.feeder.name, v.period, v.bus, v.kind, v.amount, str(v)) for v in d.violations
    ]
    low = np.flatnonzero(price <= 0)
    for row, sentence in zip(low.tolist(), non_positive_prices(price), strict=True):
        rows.append((case.feeder.name, row + 1, "", "price", -float(price[row]), sentence))
    frame = pd.DataFrame(rows, columns=["feeder", "period", "bus", "kind", "amount", "sentence"])
    return frame.astype({"period": np.int64, "amount": np.float64})


def _rolling(case: FeederCase, planned: Dispatch, came: Dispatch, price: FloatArray) -> Frame:
    """Return purchase and cost of each period as they were first planned and as they came."""
    return pd.DataFrame(
        {
            "feeder": case.feeder.name,
            "period": 1 + np.arange(came.period_count),
            "purchase_planned_kw": planned.purchase_kw,
            "purchase_kw": came.purchase_kw,
            "cost_planned_cny": cost_by_period(planned, case.devices, price),
            "cost_cny": cost_by_period(came, case.devices, price),
        }
    )
