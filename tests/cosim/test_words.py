"""Words of sentences."""

from cosim.words import counted


def test_one_thing_has_no_plural() -> None:
    assert [counted(number, "iteration") for number in (0, 1, 2, 1000)] == [
        "0 iterations",
        "1 iteration",
        "2 iterations",
        "1,000 iterations",
    ]
