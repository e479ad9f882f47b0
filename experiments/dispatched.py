"""The dispatch of feeders alone: solve it, and tell it as numbers and as tables."""

import math
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.schedule import Dispatch, Horizon, Load
from cosim.results import RunDirectory, write_tables
from cosim.scenario.feeder_case import FeederCase
from experiments.dispatch_input import DispatchInput

JSON_KEYS = (
    "status",
    "remedy",
    "cost_cny",
    "lower_bound_cny",
    "purchase_kwh",
    "losses_kwh",
    "voltage_min_pu",
    "voltage_min_bus",
    "voltage_min_period",
    "relaxation_error_max",
    "ac_mismatch_max_pu",
    "solver",
    "cpu_s",
)
STATUSES = ("optimal", "elastic", "not certified")
"""From good to bad; of several feeders the worst counts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispatched:
    """The answer: one dispatch of each feeder."""

    asked: DispatchInput
    dispatches: tuple[Dispatch, ...]
    cpu_s: float

    @property
    def parts(self) -> list[tuple[FeederCase, Load, Dispatch]]:
        """Each feeder with its load and its dispatch."""
        return list(zip(self.asked.cases, self.asked.loads, self.dispatches, strict=True))

    @property
    def status(self) -> str:
        """``optimal``, ``elastic`` (limits are broken) or ``not certified``."""
        return max((_status(dispatch) for dispatch in self.dispatches), key=STATUSES.index)

    @property
    def flags(self) -> list[str]:
        """What is broken or in doubt: place, period and amount."""
        several = len(self.dispatches) > 1
        return [
            f"feeder {dispatch.feeder_name}, {sentence}" if several else sentence
            for dispatch in self.dispatches
            for sentence in (*([dispatch.doubt] if dispatch.doubt else []), *map(str, dispatch.violations))
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the headline figures of all feeders together; what is no number is None."""
        lowest, bus, period = min(_lowest(case, dispatch) for case, _, dispatch in self.parts)
        hours = self.asked.period_h
        facts = {
            "status": self.status,
            "remedy": ", ".join(dict.fromkeys(d.remedy for d in self.dispatches if d.remedy != "none"))
            or "none",
            "cost_cny": sum(d.cost_cny for d in self.dispatches),
            "lower_bound_cny": float(sum(d.lower_bound_cny for d in self.dispatches)),
            "purchase_kwh": hours * float(sum(d.purchase_kw.sum() for d in self.dispatches)),
            "losses_kwh": hours * float(sum(d.losses_kw.sum() for d in self.dispatches)),
            "voltage_min_pu": lowest,
            "voltage_min_bus": bus,
            "voltage_min_period": period,
            "relaxation_error_max": max(float(d.relaxation_error.max(initial=0)) for d in self.dispatches),
            "ac_mismatch_max_pu": float(np.max([d.ac_mismatch_pu.max() for d in self.dispatches])),
            "solver": self.dispatches[0].solver,
            "cpu_s": round(self.cpu_s, 4),
        }
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in facts.items()
        }


def dispatch_all(asked: DispatchInput) -> Dispatched:
    """Return the dispatch of every feeder of the question."""
    started = process_time()
    dispatches = tuple(
        solve_dispatch(
            case.feeder,
            case.devices,
            load,
            asked.price_cny_per_kwh,
            Horizon(period_h=asked.period_h),
            case.rules,
        )
        for case, load in zip(asked.cases, asked.loads, strict=True)
    )
    return Dispatched(asked=asked, dispatches=dispatches, cpu_s=process_time() - started)


def _status(dispatch: Dispatch) -> str:
    return dispatch.status if dispatch.certified else "not certified"


def _lowest(case: FeederCase, dispatch: Dispatch) -> tuple[float, str, int]:
    """Return the lowest voltage, where and in which period."""
    row, bus = np.unravel_index(np.argmin(dispatch.voltage_pu), dispatch.voltage_pu.shape)
    return (
        float(dispatch.voltage_pu[row, bus]),
        case.feeder.bus_names[bus],
        int(dispatch.first_period + row),
    )


def write_dispatch(answer: Dispatched, directory: RunDirectory) -> None:
    """Write the tables (Parquet and CSV) and the page into a new directory."""
    from experiments.dispatch_page import write_page

    with directory as unfinished:
        folder = unfinished.path
        tables = tables_of(answer)
        write_tables(folder, tables)
        for name, frame in tables.items():
            frame.to_csv(folder / f"{name}.csv", index=False)
        write_page(answer, tables, folder / "report.html")


def tables_of(answer: Dispatched) -> dict[str, Frame]:
    """Return the tables setpoints, buses, branches, prices, certificate and violations of all feeders."""
    makers = {
        "setpoints": _setpoints,
        "buses": _buses,
        "branches": _branches,
        "prices": _prices,
        "certificate": _certificate,
        "violations": _violations,
    }
    price = answer.asked.price_cny_per_kwh
    return {
        name: pd.concat([make(*part, price) for part in answer.parts], ignore_index=True)
        for name, make in makers.items()
    }


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


def _setpoints(case: FeederCase, _load: Load, d: Dispatch, _price: FloatArray) -> Frame:
    units = case.devices
    offered = np.array([u.available_kw[d.first_period - 1 :][: d.period_count] for u in units.renewables])
    kinds: list[tuple[Any, Any, dict[str, Any]]] = [
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
        for group, kind, columns in kinds
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
            "status": _status(d),
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


def _violations(case: FeederCase, _load: Load, d: Dispatch, _price: FloatArray) -> Frame:
    rows = [(case.feeder.name, v.period, v.bus, v.kind, v.amount, str(v)) for v in d.violations]
    frame = pd.DataFrame(rows, columns=["feeder", "period", "bus", "kind", "amount", "sentence"])
    return frame.astype({"period": np.int64, "amount": np.float64})
