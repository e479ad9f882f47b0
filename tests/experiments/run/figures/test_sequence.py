"""The messages of a period as a diagram."""

from cosim import messages
from experiments.run.figures.sequence import KINDS, OF_EVENTS


def test_every_kind_of_message_has_a_lane_or_is_told_with_the_events() -> None:
    kinds = {
        name
        for name, kind in vars(messages).items()
        if isinstance(kind, type) and issubclass(kind, messages.Message)
    }
    assert kinds - {"Message", "Broadcast"} == {*KINDS, *OF_EVENTS}
