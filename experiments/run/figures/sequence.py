"""The messages of one period as a sequence diagram: first the period opens, then one EV charges."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cosim.arrays import Frame
from experiments.run.figures.day import Day

LANES = ("EV", "station", "grid operator", "coordinator")
EV, STATION, OPERATOR, COORDINATOR = range(len(LANES))
TOP, ROW, GAP, LEFT = 78, 34, 230, 120

KINDS = {
    "StationLoad": (STATION, (OPERATOR,), "{energy_kwh:.0f} kWh"),
    "LoadForecast": (STATION, (OPERATOR,), ""),
    "DispatchIssued": (
        OPERATOR,
        (COORDINATOR, STATION),
        "{status}, lowest voltage {voltage_min_pu:.3f} p.u.",
    ),
    "PowerLimit": (OPERATOR, (STATION,), ""),
    "TariffIssued": (COORDINATOR, (STATION, EV), ""),
    "PeriodOpened": (COORDINATOR, (EV,), ""),
    "ChargeRequest": (EV, (STATION,), "{energy_kwh:.1f} kWh at a state of charge of {soc:.2f}"),
    "ChargeStarted": (STATION, (EV,), "after {wait_min:.0f} min"),
    "ChargeEnded": (STATION, (EV,), "{energy_kwh:.1f} kWh for {paid_cny:.2f} CNY"),
    "TurnedAway": (STATION, (EV,), "after {energy_kwh:.1f} kWh, with {remaining_kwh:.1f} kWh not delivered"),
    "TripReported": (EV, (COORDINATOR,), "{wait_min:.0f} min waited, {charge_min:.0f} min charged"),
    "TripsReported": (EV, (COORDINATOR,), ""),
}
"""The lanes between which a message of each kind goes, and what of its content is drawn."""
TO_ALL = (OPERATOR, STATION, EV)
OF_ONE_EV = ("ChargeRequest", "ChargeStarted", "ChargeEnded", "TurnedAway", "TripReported")
OF_EVENTS = ("FaultReported", "FaultCleared")
"""What failed has no lane; the section of the events tells of it."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One message, or all of one kind, as it is drawn."""

    y: int
    x_from: int
    x_to: tuple[int, ...]
    clock: str
    kind: str
    detail: str

    @property
    def x_text(self) -> float:
        """Middle of the text above the arrow."""
        ends = (self.x_from, *self.x_to)
        return (min(ends) + max(ends)) / 2


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence diagram: lanes with their x, arrows with their y."""

    period: int
    lanes: tuple[tuple[str, int], ...]
    arrows: tuple[Arrow, ...]

    @property
    def width(self) -> int:
        """Width of the drawing."""
        return 2 * LEFT + GAP * (len(LANES) - 1)

    @property
    def height(self) -> int:
        """Height of the drawing."""
        return TOP + ROW * len(self.arrows) + 16


def sequence(day: Day) -> Sequence | None:
    """Return the opening of the period with most requests and the story of its first EV that charges."""
    messages = day.agents("messages")
    if messages.empty:
        return None
    requests = messages[messages.kind == "ChargeRequest"]
    period = int(requests.period.mode().iloc[0]) if len(requests) else int(messages.period.max())
    first_s = int(((day.number - 1) * 1440 + (period - 1) * day.period_min) * 60)
    opening = messages[(messages.sent_s == first_s) & ~messages.kind.isin((*OF_ONE_EV, *OF_EVENTS))]
    told = requests[requests.period == period]
    story = messages.head(0) if told.empty else _story(messages, told.iloc[0])
    return Sequence(
        period=period,
        lanes=tuple((name, _x(place)) for place, name in enumerate(LANES)),
        arrows=tuple(_arrows(opening, story)),
    )


def _story(messages: Frame, request: Frame) -> Frame:
    """Return what an EV and the others say to each other from its request to the report of its trip."""
    own = messages[(messages.sender == request.sender) | (messages.receiver == request.sender)]
    own = own[own.sent_s >= request.sent_s]
    ends = own.index[own.kind == "TripReported"]
    return own.loc[: ends[0]] if len(ends) else own


def _arrows(opening: Frame, story: Frame) -> list[Arrow]:
    """Return the opening's messages, one arrow for each kind, then those of the story one by one."""
    rows = [(own.iloc[0], len(own)) for _, own in opening.groupby("kind", sort=False)]
    rows += [(row, 1) for _, row in story.iterrows()]
    return [_arrow(row, count, place) for place, (row, count) in enumerate(rows)]


def _arrow(row: Frame, count: int, place: int) -> Arrow:
    sender, receivers, form = KINDS[row.kind]
    seconds = int(row.sent_s)
    who = f"{row.sender} → {row.receiver}" if count == 1 else f"{count} messages"
    said = _filled_in(form, json.loads(row.content or "{}")) if form else ""
    detail = ", ".join(part for part in (who, said, f"{row.lost} lost" if row.lost else "") if part)
    return Arrow(
        y=TOP + ROW * (place + 1),
        x_from=_x(sender),
        x_to=tuple(_x(lane) for lane in (TO_ALL if row.receiver == "all" else receivers)),
        clock=f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
        kind=row.kind,
        detail=detail,
    )


def _filled_in(form: str, content: Mapping[str, Any]) -> str:
    """Return what is drawn of the content of a message, its times also in minutes."""
    minutes = {f"{key[:-2]}_min": value / 60 for key, value in content.items() if key.endswith("_s")}
    return form.format(**content, **minutes)


def _x(lane: int) -> int:
    return LEFT + GAP * lane
