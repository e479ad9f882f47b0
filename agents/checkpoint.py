"""A midnight as a file: arrays and JSON, which hold no code, and give back every bit."""

import json
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from agents.midnight import LastHeard, Measured, Midnight, Reports, Traffic, UnderWay
from agents.trip_log import TripLog
from cosim.ev.mobility import EVState
from cosim.ev.session import Session
from cosim.messages import BROADCASTS, Message, PeriodOpened, TariffIssued

M = TypeVar("M", bound=Message)
RECORDS = "records"
"""Name of what is not an array."""


def save_midnight(file: Path, midnight: Midnight) -> None:
    """Write *midnight*."""
    records = {
        "day": midnight.day,
        "sessions": [[asdict(session) for session in sessions] for sessions in midnight.sessions],
        **{
            name: [asdict(message) for message in getattr(midnight, name).messages]
            for name in ("opened", "tariff", "station_tariff")
        },
        "mail": [(type(news).__name__, asdict(news)) for news in midnight.mail],
    }
    arrays = {RECORDS: np.array(json.dumps(records))}
    for field in fields(midnight):
        arrays |= _arrays(getattr(midnight, field.name), field.name)
    np.savez(file, allow_pickle=False, **arrays)


def _arrays(value: Any, name: str) -> dict[str, Any]:
    """Return the arrays within *value*, each by the way that leads to it."""
    if isinstance(value, np.ndarray):
        return {name: value}
    if not is_dataclass(value):
        return {}
    inside = [_arrays(getattr(value, field.name), f"{name}.{field.name}") for field in fields(value)]
    return {key: array for arrays in inside for key, array in arrays.items()}


def load_midnight(file: Path) -> Midnight:
    """Return the midnight in *file*."""
    with np.load(file, allow_pickle=False) as content:
        arrays = dict(content)
    records = json.loads(str(arrays.pop(RECORDS)))

    def within(place: str) -> dict[str, Any]:
        inside = {name.removeprefix(f"{place}."): array for name, array in arrays.items()}
        return {name: array for name, array in inside.items() if "." not in name and name not in arrays}

    def heard(name: str, kind: type[M]) -> LastHeard[M]:
        messages = tuple(_message(said, kind) for said in records[name])
        return LastHeard(messages, arrays[f"{name}.number"])

    return Midnight(
        day=records["day"],
        evs=EVState(**within("evs")) if within("evs") else None,
        under_way=UnderWay(log=TripLog(**within("under_way.log")), **within("under_way")),
        sessions=tuple(tuple(_session(values) for values in sessions) for sessions in records["sessions"]),
        opened=heard("opened", PeriodOpened),
        tariff=heard("tariff", TariffIssued),
        station_tariff=heard("station_tariff", TariffIssued),
        mail=tuple(_message(said, BROADCASTS[kind]) for kind, said in records["mail"]),
        reports=Reports(**within("reports")),
        measured=Measured(**within("measured")),
        drawn_kwh=arrays["drawn_kwh"],
        yesterday=Traffic(log=TripLog(**within("yesterday.log")), **within("yesterday")),
    )


def _session(values: dict[str, Any]) -> Session:
    remaining_kwh = values.pop("remaining_kwh")
    session = Session(**values)
    session.remaining_kwh = remaining_kwh
    return session


def _message(said: dict[str, Any], kind: type[M]) -> M:
    return kind(**{name: _as_sent(value) for name, value in said.items()})


def _as_sent(value: Any) -> Any:
    """Return what a message said: JSON knows no tuples."""
    if isinstance(value, dict):
        return {name: _as_sent(item) for name, item in value.items()}
    return tuple(value) if isinstance(value, list) else value
