"""How sentences call a bus, and say that there is none."""

from collections.abc import Sequence

from cosim.errors import Problem

NAMED = 5
"""Elements that a sentence names one by one."""


def at_bus(name: str) -> str:
    """Return a bus as a sentence calls it: ``bus 18``, but ``Bus 9`` and ``open end 1``."""
    return name if name.lower().startswith(("bus", "open end", "star point")) else f"bus {name}"


def unknown_bus(name: str, bus_names: Sequence[str]) -> Problem:
    """Return the problem that a bus is not there, with those that are."""
    shown = ", ".join(bus_names[:5]) + (f" ... {bus_names[-1]}" if len(bus_names) > 5 else "")
    return Problem(f"there is no bus {name!r}", value=name, advice=f"the buses are {shown}")


def some(elements: Sequence[str]) -> str:
    """Name the first few elements of many."""
    more = f" and {len(elements) - NAMED} more" if len(elements) > NAMED else ""
    return f"{', '.join(elements[:NAMED])}{more}"
