"""Mail of a scenario: its ``[messages]``, and the events that disturb its channels."""

from cosim.config.events import MailEvent
from cosim.mail_settings import Disturbance, MailSettings
from cosim.scenario import Scenario


def mail_settings(scenario: Scenario, seed: int) -> MailSettings:
    """Return what happens to the messages of a scenario, with the draws of *seed*."""
    events = [event.config for event in scenario.events if isinstance(event.config, MailEvent)]
    return MailSettings(
        **scenario.config.messages.model_dump(),
        seed=seed,
        period_s=scenario.periods.seconds,
        disturbances=tuple(map(disturbance, events)),
    )


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
