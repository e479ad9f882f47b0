"""Mail of a scenario: its ``[messages]``, and the events that disturb its channels."""

from collections.abc import Sequence
from typing import ClassVar

from agents.events.room import EventRoom
from agents.mail_record import MailOfDay
from cosim.config.events import MailEvent
from cosim.mail_settings import Disturbance, MailSettings
from cosim.periods import SECONDS_PER_DAY
from cosim.scenario import Event, Scenario


def mail_settings(scenario: Scenario, seed: int) -> MailSettings:
    """Return what happens to the messages of a scenario, with the draws of *seed*."""
    events = [event.config for event in scenario.events if isinstance(event.config, MailEvent)]
    return MailSettings(
        **scenario.config.messages.model_dump(),
        seed=seed,
        period_s=scenario.periods.seconds,
        disturbances=tuple(map(disturbance, events)),
    )


class MailEvents:
    """Events of kind mail: the post office knows when they hold, and for which messages."""

    kinds: ClassVar[frozenset[str]] = frozenset({"mail"})
    effects: ClassVar[tuple[str, ...]] = ("messages lost", "messages late")

    def told(self, event: Event) -> str:  # noqa: ARG002  (as every family is called)
        """Return that nobody is told."""
        return ""

    def hold(self, now_s: int, events: Sequence[Event]) -> None:
        """Do nothing."""


def tell_mail(room: EventRoom, mail: MailOfDay) -> None:
    """Tell of each event that disturbed the mail of a day how many messages of its channel were lost, and late."""
    for event in room.events:
        today = event.interval_s(room.start_s // SECONDS_PER_DAY + 1)
        if isinstance(event.config, MailEvent) and today is not None:
            for effect, amount in zip(
                MailEvents.effects, mail.disturbed(disturbance(event.config)), strict=True
            ):
                room.effects.add(event, room.start_s, effect, amount)


def disturbance(event: MailEvent) -> Disturbance:
    """Return what an event does to the mail."""
    return Disturbance(
        from_s=event.from_s,
        until_s=event.until_s,
        day=event.day,
        message=event.message,
        sender=event.sender,
        loss_probability=event.loss_probability,
        delay_s=event.delay_s,
        delay_max_s=event.delay_max_s,
        duplicate_probability=event.duplicate_probability,
        overtaken_probability=event.overtaken_probability,
    )
