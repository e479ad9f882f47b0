"""What became of the mail of a day: sent, lost and late, by kind and sender.

EVs' reports are counted from the trips, so that both resolutions write the same rows: as a fleet they send none singly.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agents.trip_table import TripTable
from cosim.arrays import BoolArray, IntArray
from cosim.mail_settings import EVS, LOST_S, Disturbance, MailSettings
from cosim.mailbox import LedgerEntry, PostOffice
from cosim.messages import INFORMATION, DispatchIssued, LoadForecast, Message, TripReported
from cosim.periods import SECONDS_PER_DAY, PeriodOfDay, Periods
from cosim.results import Recorder


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message to one receiver or several, or of all EVs' reports of a day."""

    kind: type[Message]
    sender: str
    sent_s: int
    sent: int
    lost: int
    late: int
    """Arrived when the receiver no longer waited, or after the period in which it was sent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reports:
    """What became of the EVs' reports of trips: one value for each."""

    sent_s: IntArray
    lost: BoolArray
    late: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MailOfDay:
    """What became of all information sent on a day."""

    messages: list[Sent]
    reports: Reports

    @classmethod
    def of(
        cls, post: PostOffice, trips: TripTable, periods: Periods, start_s: int, end_s: int
    ) -> "MailOfDay":
        """Return what became of the mail sent in [start_s, end_s)."""
        entries = [
            entry
            for entry in post.ledger
            if not entry.message.physical and not isinstance(entry.message, TripReported)
        ]
        messages = [_sent(entry, post.settings, periods) for entry in entries]
        reports = _reports(post.settings, trips, periods, start_s, end_s)
        return cls(messages=messages, reports=reports)

    def disturbed(self, by: Disturbance) -> tuple[int, int]:
        """Return how many messages of a disturbed channel were lost, and late."""
        sent_s = np.array([one.sent_s for one in self.messages], dtype=np.int64)
        now = by.holds_at(sent_s).tolist()
        of_channel = [
            one
            for one, holds in zip(self.messages, now, strict=True)
            if holds and by.concerns(one.kind.__name__, one.sender)
        ]
        lost, late = (sum(getattr(one, name) for one in of_channel) for name in ("lost", "late"))
        if by.concerns(TripReported.__name__, EVS):
            reported = by.holds_at(self.reports.sent_s)
            lost += int((self.reports.lost & reported).sum())
            late += int((self.reports.late & reported).sum())
        return lost, late


def _sent(entry: LedgerEntry, mail: MailSettings, periods: Periods) -> Sent:
    message = entry.message
    deadline_s = _deadline_s(message, mail, periods)
    late, kind = entry.reached_after(deadline_s), type(message)
    return Sent(kind, message.sender, message.sent_s, entry.receivers, entry.lost, late)


def _deadline_s(message: Message, mail: MailSettings, periods: Periods) -> int:
    """Return the last second in which a message is of use as it should be."""
    start_s = periods.start_s(PeriodOfDay(message.day, message.period))
    if isinstance(message, LoadForecast):
        return start_s + mail.report_timeout_s
    if isinstance(message, DispatchIssued):
        return start_s + mail.dispatch_timeout_s
    return start_s + periods.seconds


def _reports(mail: MailSettings, trips: TripTable, periods: Periods, start_s: int, end_s: int) -> Reports:
    rows = np.flatnonzero((trips.arrival_s >= start_s) & (trips.arrival_s < end_s))
    arrival_s = trips.arrival_s[rows]
    delivered_s = mail.reports_s(arrival_s, trips.report_uniform[rows])
    ends_s = (arrival_s // periods.seconds + 1) * periods.seconds
    lost = delivered_s == LOST_S
    return Reports(
        sent_s=arrival_s, lost=lost, late=~lost & (np.maximum(delivered_s, arrival_s + 1) > ends_s)
    )


def _by_day(reports: Reports) -> Iterator[Sent]:
    """Yield the reports of each day."""
    day = reports.sent_s // SECONDS_PER_DAY
    for number in range(int(day.min(initial=0)), int(day.max(initial=-1)) + 1):
        own = day == number
        counts = [int(np.count_nonzero(of & own)) for of in (own, reports.lost, reports.late)]
        if counts[0]:
            yield Sent(TripReported, EVS, number * SECONDS_PER_DAY, *counts)


def record_mail(recorder: Recorder, mail: MailOfDay) -> None:
    """Write the table of mail, a row for each day, kind and sender."""
    counts = {name: Counter[tuple[int, str, str]]() for name in ("sent", "lost", "late")}
    for one in (*mail.messages, *_by_day(mail.reports)):
        key = one.sent_s // SECONDS_PER_DAY + 1, one.kind.__name__, one.sender
        for name, of in counts.items():
            of[key] += getattr(one, name)
    for day, kind, sender in sorted(counts["sent"]):
        lost, late = (counts[name][day, kind, sender] for name in ("lost", "late"))
        recorder.add_row(
            "mail",
            day=day,
            kind=kind,
            sender=sender,
            sent=counts["sent"][day, kind, sender],
            lost=lost,
            late=late,
            instead=INFORMATION[kind].instead if lost or late else "",
        )
