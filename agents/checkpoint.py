"""The state between two days as a file of arrays and JSON: it holds no code, and is restored bit-identical."""

from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from agents.array_file import load_arrays, save_arrays
from agents.day_boundary import DayBoundary, DayTraffic, Measured, Reports
from agents.information import LastReceived
from agents.rerouting import Drive
from agents.roads import Way
from agents.trip_table import TripTable
from cosim.ev.mobility import EVState
from cosim.ev.session import Session
from cosim.messages import BROADCASTS, Message, PeriodOpened, TariffIssued

M = TypeVar("M", bound=Message)


def save_boundary(file: Path, boundary: DayBoundary) -> None:
    """Write *boundary*."""
    records = {
        "day": boundary.day,
        "yesterday": boundary.yesterday.day,
        "drives": [asdict(drive) for drive in boundary.drives],
        "sessions": [[asdict(session) for session in sessions] for sessions in boundary.sessions],
        **{
            name: [asdict(message) for message in getattr(boundary, name).messages]
            for name in ("opened", "tariff", "station_tariff")
        },
        "mail": [(type(message).__name__, asdict(message)) for message in boundary.mail],
    }
    arrays: dict[str, Any] = {}
    for field in fields(boundary):
        arrays |= _arrays(getattr(boundary, field.name), field.name)
    save_arrays(file, arrays, records)


def _arrays(value: Any, name: str) -> dict[str, Any]:
    """Return the arrays within *value*, each by its dotted field path."""
    if isinstance(value, np.ndarray):
        return {name: value}
    if not is_dataclass(value):
        return {}
    nested = [_arrays(getattr(value, field.name), f"{name}.{field.name}") for field in fields(value)]
    return {key: array for arrays in nested for key, array in arrays.items()}


def load_boundary(file: Path) -> DayBoundary:
    """Return the boundary in *file*."""
    arrays, records = load_arrays(file)

    def fields_of(path: str) -> dict[str, Any]:
        """Return the arrays of the fields of the dataclass at a field path."""
        split = {name: name.rpartition(".") for name in arrays}
        return {field: arrays[name] for name, (parent, _, field) in split.items() if parent == path}

    def received(name: str, kind: type[M]) -> LastReceived[M]:
        messages = [_message(content, kind) for content in records[name]]
        return LastReceived(arrays[f"{name}.message_index"], messages)

    return DayBoundary(
        day=records["day"],
        evs=EVState(**fields_of("evs")) if fields_of("evs") else None,
        under_way=TripTable(**fields_of("under_way")),
        drives=tuple(_drive(values) for values in records["drives"]),
        sessions=tuple(tuple(_session(values) for values in sessions) for sessions in records["sessions"]),
        opened=received("opened", PeriodOpened),
        tariff=received("tariff", TariffIssued),
        station_tariff=received("station_tariff", TariffIssued),
        mail=tuple(_message(content, BROADCASTS[kind]) for kind, content in records["mail"]),
        reports=Reports(**fields_of("reports")),
        measured=Measured(**fields_of("measured")),
        last_period_kwh=arrays["last_period_kwh"],
        yesterday=DayTraffic(
            day=records["yesterday"],
            trips=TripTable(**fields_of("yesterday.trips")),
            **fields_of("yesterday"),
        ),
    )


def _drive(values: dict[str, Any]) -> Drive:
    ways = {name: value for name, value in values.items() if isinstance(value, dict)}
    return Drive(**values | {name: Way(**_with_tuples(way)) for name, way in ways.items()})


def _session(values: dict[str, Any]) -> Session:
    remaining_kwh = values.pop("remaining_kwh")
    session = Session(**values)
    session.remaining_kwh = remaining_kwh
    return session


def _message(content: dict[str, Any], kind: type[M]) -> M:
    return kind(**{name: _with_tuples(value) for name, value in content.items()})


def _with_tuples(value: Any) -> Any:
    """Return a value of a message with tuples in place of JSON's lists."""
    if isinstance(value, dict):
        return {name: _with_tuples(item) for name, item in value.items()}
    return tuple(value) if isinstance(value, list) else value
