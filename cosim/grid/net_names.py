"""Names of the buses and branches of a pandapower net, and the meaning of a number.

Names of the net's own tables are shown where they tell the elements apart; a number is then pandapower's index.
Cases of the literature (case33bw) come with no names but the indices 0..n-1: they count from 1, as in print.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cosim.errors import ConfigError, Problem

INDEX = "a number is pandapower's index"
COUNTED = "numbered from 1, as in print: pandapower's index + 1"
NUMBERS_OF_THE_NET = "the numbers are the net's own, from its column bus.name"
_LAST_NUMBER = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class BusNames:
    """The name of every bus in service by its index in the net, and how a user may refer to it."""

    shown: dict[int, str]
    meaning: str
    """Meaning of a number, in words."""
    known: dict[str, int]
    """Every way to call a bus, with its index."""
    unclear: dict[str, Problem]
    """Numbers that could mean two buses, each with the problem that names both."""

    @property
    def counted(self) -> bool:
        """Whether the buses have no names but their numbers from 1."""
        return self.meaning == COUNTED


def bus_names(net: Any) -> BusNames:
    """Return what the buses of *net* that are in service are called."""
    alive = net.bus[net.bus.in_service]
    index = alive.index.tolist()
    texts = dict(zip(index, map(_text, alive.name), strict=True))
    if index == list(range(len(index))) and list(texts.values()) == [str(number) for number in index]:
        shown = {number: str(number + 1) for number in index}
        return BusNames(shown=shown, meaning=COUNTED, known=_turned(shown), unclear={})
    by_index = {str(number): number for number in index}
    told_apart = _distinct(texts.values())
    shown = texts if told_apart else {number: str(number) for number in index}
    occurs = Counter(texts.values())
    single = {n: text for n, text in texts.items() if text and occurs[text] == 1}
    own_numbers = told_apart and all(text.isdigit() for text in texts.values())
    return BusNames(
        shown=shown,
        meaning=NUMBERS_OF_THE_NET if own_numbers else INDEX,
        known=_turned(shown) if own_numbers else by_index | _turned(single) | _turned(shown),
        unclear={} if own_numbers or not told_apart else _unclear(texts),
    )


def branch_names(net: Any, *, counted: bool) -> Mapping[tuple[str, int], str]:
    """Return the name of every line and transformer by (table, index); *counted*: by number from 1."""
    kinds = [kind for kind in ("line", "trafo", "trafo3w", "impedance") if kind in net]
    if counted:
        return {
            (kind, number): f"{number + 1}" if kind == "line" else f"{kind} {number + 1}"
            for kind in kinds
            for number in net[kind].index
        }
    texts = {
        (kind, number): _text(name)
        for kind in kinds
        for number, name in zip(net[kind].index, net[kind]["name"], strict=True)
    }
    if _distinct(texts.values()) and not any(text.isdigit() for text in texts.values()):
        return texts
    return {(kind, number): f"{kind} {number}" for kind, number in texts}


def switched_net(net: Any, in_service: Mapping[str, bool]) -> Any:
    """Return a copy of a net with branches, by their names, in service or not; raises ConfigError for unknown ones."""
    import copy

    own = {name: place for place, name in branch_names(net, counted=bus_names(net).counted).items()}
    changed = copy.deepcopy(net)
    for joined, alive in in_service.items():
        for name in (joined,) if joined in own else joined.split(" + "):
            if name not in own:
                source = str(net.name or "network")
                raise ConfigError(source, [Problem(f"there is no branch {name!r} to switch", value=name)])
            table, number = own[name]
            changed[table].loc[number, "in_service"] = alive
    changed._ppc = None  # noqa: SLF001  the model of the net as it was
    return changed


def _text(name: Any) -> str:
    """Return a name of a table as a text, empty where there is none."""
    return "" if name is None or name != name else str(name).strip()  # noqa: PLR0124  (NaN)


def _distinct(texts: Iterable[str]) -> bool:
    found = list(texts)
    return all(found) and len(set(found)) == len(found)


def _turned(names: dict[int, str]) -> dict[str, int]:
    return {name: number for number, name in names.items()}


def _unclear(texts: dict[int, str]) -> dict[str, Problem]:
    """Return the numbers that are the index of one bus and end the name of others, as 4 of 'Bus R4'."""
    called: dict[int, list[str]] = {}
    for text in texts.values():
        if number := _LAST_NUMBER.search(text):
            called.setdefault(int(number[1]), []).append(text)
    return {
        str(number): Problem(
            f"bus {number} could be {text!r} (pandapower's index {number}) or {called[number][0]!r}",
            value=str(number),
            advice="give its name",
        )
        for number, text in texts.items()
        if number in called and text not in called[number] and str(number) not in texts.values()
    }
