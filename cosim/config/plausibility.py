"""Values that are possible but look like another unit: watts for kilowatts, volts for kilovolts."""

from collections.abc import Iterator
from typing import Any

from cosim.sections import Section

THOUSANDTHS = {
    "charger_kw": ("W", 4_000.0),
    "slow_charger_kw": ("W", 100.0),
    "fast_kw": ("W", 4_000.0),
    "battery_kwh": ("Wh", 1_000.0),
    "consumption_kwh_per_km": ("Wh/km", 3.0),
    "base_kv": ("V", 400.0),
}
"""Field -> the unit a thousand times smaller, and the largest usual value in the field's own unit: megawatt chargers
and lorries are below it."""


def unit_question(field: str, value: Any) -> str:
    """Return the question whether another unit was meant, ``were W meant (60 here)?``; empty for a usual value."""
    unit, usual = THOUSANDTHS.get(field.rpartition(".")[2], ("", 0.0))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"were {unit} meant ({value / 1000:g} here)?" if unit and is_number and value > usual else ""


def unit_questions(section: Section, above: str = "") -> Iterator[str]:
    """Yield a sentence for each field of a configuration whose value looks like another unit."""
    for name in type(section).model_fields:
        value, field = getattr(section, name), f"{above}{name}"
        if question := unit_question(field, value):
            yield f"{field} is {value:g}; {question}"
        for position, entry in enumerate(value if isinstance(value, tuple) else (value,)):
            if isinstance(entry, Section):
                step = f".{getattr(entry, 'name', position)}" if isinstance(value, tuple) else ""
                yield from unit_questions(entry, f"{field}{step}.")
