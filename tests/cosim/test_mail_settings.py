"""What events do to the mail, by hand where no number is drawn, and by count where one is."""

from typing import Any

import numpy as np
import pytest

from cosim.mail_settings import LOST_S, Disturbance, MailSettings

HOUR_S = 3600
NOON_S = 12 * HOUR_S


def mail(messages: dict[str, Any] | None = None, **disturbance: Any) -> MailSettings:
    whole_day = {"from_s": 0, "until_s": 24 * HOUR_S, **disturbance}
    return MailSettings(**(messages or {}), disturbances=(Disturbance(**whole_day),))


def arrival_s(
    settings: MailSettings, second: int = NOON_S, kind: str = "LoadForecast", sender: str = "S"
) -> int:
    (arrives_s,) = settings.message_s(kind, sender, "op", second, 1).tolist()
    return int(arrives_s)


def test_delays_add_up() -> None:
    assert arrival_s(mail({"delay_s": 40}, delay_s=600)) == NOON_S + 640


def test_a_message_that_is_overtaken_arrives_a_period_later() -> None:
    assert arrival_s(mail({"period_s": 900}, overtaken_probability=1.0)) == NOON_S + 900


def test_only_the_channel_and_the_time_of_an_event_are_disturbed() -> None:
    settings = mail(
        from_s=NOON_S, until_s=NOON_S + HOUR_S, day=2, message="LoadForecast", sender="S", delay_s=5
    )
    tomorrow_s = NOON_S + 24 * HOUR_S
    assert arrival_s(settings, tomorrow_s) == tomorrow_s + 5
    assert arrival_s(settings, NOON_S) == NOON_S, "another day"
    assert arrival_s(settings, tomorrow_s - 1) == tomorrow_s - 1, "before it"
    assert arrival_s(settings, tomorrow_s + HOUR_S) == tomorrow_s + HOUR_S, "its end is not part of it"
    assert arrival_s(settings, tomorrow_s, "StationLoad") == tomorrow_s, "another kind"
    assert arrival_s(settings, tomorrow_s, sender="T") == tomorrow_s, "another sender"


def test_a_channel_that_is_cut_lets_nothing_through() -> None:
    assert arrival_s(mail(loss_probability=1.0)) == LOST_S


@pytest.mark.parametrize("of_reports", [True, False])
def test_shares_are_those_of_the_event(of_reports: bool) -> None:
    settings = mail(
        {"loss_probability": 0.2, "period_s": HOUR_S},
        loss_probability=0.5,
        delay_s=10,
        delay_max_s=19,
        overtaken_probability=0.25,
    )
    count, sent_s = 4000, np.full(4000, NOON_S)
    if of_reports:
        arrives_s = settings.reports_s(sent_s, np.random.default_rng(1).random(count))
    else:
        arrives_s = np.array([arrival_s(settings, second) - second for second in range(count)]) + NOON_S
        arrives_s[arrives_s > LOST_S // 2] = LOST_S
    arrived_s = arrives_s[arrives_s < LOST_S] - NOON_S
    assert arrived_s.size / count == pytest.approx(0.8 * 0.5, abs=0.03), "losses are independent"
    overtaken = arrived_s >= HOUR_S
    assert overtaken.mean() == pytest.approx(0.25, abs=0.04)
    delays = np.bincount(arrived_s - HOUR_S * overtaken)
    assert np.flatnonzero(delays).tolist() == list(range(10, 20))
    assert (abs(delays[10:] / arrived_s.size - 0.1) < 0.04).all()


def test_a_message_that_is_sent_twice_is_lost_if_both_copies_are() -> None:
    settings = mail(loss_probability=0.4, duplicate_probability=1.0)
    arrived = settings.message_s("TariffIssued", "coordinator", "all", NOON_S, 20_000) < LOST_S
    assert 1 - arrived.mean() == pytest.approx(0.4**2, abs=0.01)


def test_the_loss_of_one_message_does_not_depend_on_events_of_other_channels() -> None:
    alone = MailSettings(loss_probability=0.5)
    besides = mail({"loss_probability": 0.5}, sender="T", loss_probability=0.5, overtaken_probability=1.0)
    of_alone, of_besides = (
        each.message_s("TariffIssued", "coordinator", "all", NOON_S, 500) for each in (alone, besides)
    )
    assert np.array_equal(of_alone, of_besides)
