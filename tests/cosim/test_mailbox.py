from typing import Any

import pytest
import simpy

from cosim.mailbox import MailSettings, PostOffice
from cosim.messages import ChargeEnded, ChargeStarted, Message, StationLoad


def news(second: int = 0, period: int = 1, sender: str = "S") -> StationLoad:
    return StationLoad(sender=sender, sent_s=second, day=1, period=period, energy_kwh=1.0)


def plug_in(second: int = 0) -> ChargeStarted:
    return ChargeStarted(sender="S", sent_s=second, day=1, period=1, wait_s=0)


def office(**rules: Any) -> PostOffice:
    return PostOffice(simpy.Environment(), MailSettings(**rules))


def received(post: PostOffice, address: str, kind: type[Message]) -> list[Message]:
    post.env.run(until=10_000)
    return post.inbox(address).take(kind)


def test_information_takes_its_time_and_a_physical_act_does_not() -> None:
    post = office(delay_s=30)
    post.send("op", news())
    post.send("op", plug_in())
    post.env.run(until=29)
    assert post.inbox("op").take(StationLoad) == []
    assert len(post.inbox("op").take(ChargeStarted)) == 1
    post.env.run(until=31)
    assert len(post.inbox("op").take(StationLoad)) == 1


def test_lost_messages_are_in_the_ledger_but_in_no_inbox() -> None:
    post = office(loss_probability=0.4, seed=3)
    for second in range(2000):
        post.send("op", news(second))
    arrived = received(post, "op", StationLoad)
    lost = sum(entry.lost for entry in post.ledger)
    assert len(post.ledger) == 2000
    assert len(arrived) + lost == 2000
    assert abs(lost / 2000 - 0.4) < 4 * (0.4 * 0.6 / 2000) ** 0.5
    assert all((entry.delivered_s is None) == (entry.lost == 1) for entry in post.ledger)


def test_physical_acts_are_never_lost() -> None:
    post = office(loss_probability=0.9, delay_s=100)
    for second in range(200):
        post.send("ev 1", plug_in(second))
    post.env.run(until=1)
    assert len(post.inbox("ev 1").take(ChargeStarted)) == 200


def test_the_fate_of_a_message_does_not_depend_on_what_else_is_sent() -> None:
    alone, crowd = office(loss_probability=0.5), office(loss_probability=0.5)
    for second in range(100):
        alone.send("op", news(second))
        for other in range(3):
            crowd.send("op", news(second, sender=f"other {other}"))
        crowd.send("op", news(second))
    fate = [entry.lost for entry in alone.ledger]
    assert [entry.lost for entry in crowd.ledger if entry.message.sender == "S"] == fate
    assert 0 < sum(fate) < 100


def test_a_broadcast_is_one_line_of_the_ledger_and_a_copy_for_everyone() -> None:
    post = office()
    post.broadcast(["a", "b", "c"], "all", news())
    assert [(entry.receiver, entry.receivers) for entry in post.ledger] == [("all", 3)]
    post.env.run(until=1)
    assert all(len(post.inbox(address).take(StationLoad)) == 1 for address in "abc")


def test_who_waits_for_a_kind_leaves_other_mail_unread() -> None:
    post, got = office(), []

    def wait() -> Any:
        got.append((yield post.inbox("ev 1").next(ChargeEnded)))

    post.env.process(wait())
    post.send("ev 1", plug_in())
    ended = ChargeEnded(sender="S", sent_s=0, day=1, period=1, energy_kwh=1.0, paid_cny=1.0, soc=0.8)
    post.send("ev 1", ended)
    post.env.run(until=1)
    assert got == [ended]
    assert post.inbox("ev 1").take(ChargeStarted) == [plug_in()]


@pytest.mark.parametrize(("sent", "expected", "after_s"), [(("a", "b"), {"a", "b"}, 0), (("a",), {"a"}, 60)])
def test_nobody_waits_for_ever(sent: tuple[str, ...], expected: set[str], after_s: int) -> None:
    post, got = office(), {}

    def collect() -> Any:
        got["mail"] = yield from post.inbox("op").collect(StationLoad, ["a", "b"], (1, 2), 60)
        got["at"] = post.env.now

    post.env.process(collect())
    post.send("op", news(period=1, sender="b"))  # about an earlier period: no answer to this question
    for sender in sent:
        post.send("op", news(period=2, sender=sender))
    post.env.run(until=1000)
    assert set(got["mail"]) == expected
    assert got["at"] == after_s


def test_a_multicast_group_loses_what_its_members_would_have_lost_with_inboxes_of_their_own() -> None:
    alone, together, heard = office(loss_probability=0.5), office(loss_probability=0.5), []
    names = [f"ev {number}" for number in range(50)]
    together.open_group("fleet", len(names), lambda message, lost: heard.append((message, lost)))
    alone.broadcast(["S", *names], "all", news())
    together.broadcast(["S", "fleet"], "all", news())
    missed = [not alone.inbox(name).take(StationLoad) for name in names]
    ((message, lost),) = heard
    assert message == news()
    assert lost.tolist() == missed
    assert 0 < sum(missed) < len(names)
    assert [(e.receivers, e.lost) for e in alone.ledger] == [(e.receivers, e.lost) for e in together.ledger]


def test_a_sender_who_has_drawn_a_number_for_a_message_decides_on_its_loss() -> None:
    post = office(loss_probability=0.3)
    for draw in (0.1, 0.29, 0.3, 0.9):
        post.send("op", news(), draw)
    assert [entry.lost for entry in post.ledger] == [1, 1, 0, 0]


def test_a_broadcast_redelivered_by_the_next_office_reaches_whom_it_would_have_reached_when_it_was_due() -> (
    None
):
    """And stands in the ledger once: where it was sent."""
    names, rules = (
        [f"S{number}" for number in range(200)],
        MailSettings(delay_s=500, loss_probability=0.3, seed=4),
    )
    whole = PostOffice(simpy.Environment(), rules)
    whole.broadcast(names, "stations", news())
    later = PostOffice(simpy.Environment(initial_time=300), rules)
    later.redeliver(names, "stations", news())
    later.env.run(until=500)
    assert not any(later.inbox(name).take(StationLoad) for name in names)
    found = []
    for post in (whole, later):
        post.env.run(until=501)
        found.append([len(post.inbox(name).take(StationLoad)) for name in names])
    assert found[0] == found[1]
    assert 100 < sum(found[0]) < 180
    assert (len(whole.ledger), len(later.ledger)) == (1, 0)
