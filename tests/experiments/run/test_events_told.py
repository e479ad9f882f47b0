"""What the notes say of events."""

from experiments.run.events_told import what_it_did


def test_a_closing_that_nobody_met_is_not_told_to_have_changed_nothing() -> None:
    """Drivers who set out meanwhile choose another path, which is no effect that is counted."""
    record = {"kind": "road", "effects": {"vehicles that take another way": 0.0}}
    assert what_it_did(record) == "nobody under way was affected"


def test_the_rounding_of_a_solver_is_not_told() -> None:
    """An effect of 1e-7 kWh."""
    effects = {"periods with less power": 3.0, "kWh planned and not delivered": 1e-7}
    assert what_it_did({"kind": "storage", "effects": effects}) == "periods with less power 3"
