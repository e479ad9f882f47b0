"""Dispatches and power flows that many tests ask for alike, computed once in a process.

Both are functions of their arguments alone, and the dearest part of a day: the same day at two resolutions, or with
the same equilibrium, asks the same again. Tests of the grid itself compute everything afresh, and so do those that
two days are equal because the seed is: there a remembered answer would say nothing.
"""

import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from cosim.grid.dispatch import solve_dispatch
from cosim.grid.power_flow import newton_power_flow

KEPT = 2_000
"""Answers of each function that are kept."""
PACKAGES = ("cosim", "agents", "experiments")
remembering = [True]


def remembered(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Return *compute* with a memory of its answers; what it raises is not remembered."""
    answers: OrderedDict[tuple[bytes, ...], Any] = OrderedDict()

    @wraps(compute)
    def answer(*arguments: Any, **named: Any) -> Any:
        if not remembering[0]:
            return compute(*arguments, **named)
        # one by one: together, arguments that are one object or two equal ones would be told apart
        asked = tuple(pickle.dumps(argument) for argument in (*arguments, *sorted(named.items())))
        if asked not in answers:
            answers[asked] = compute(*arguments, **named)
            if len(answers) > KEPT:
                answers.popitem(last=False)
        return answers[asked]

    return answer


def remember_answers() -> None:
    """Put the functions with memory wherever a module has the bare ones, or will import them."""
    for bare in (solve_dispatch, newton_power_flow):
        with_memory = remembered(bare)
        for name, module in list(sys.modules.items()):
            if name.split(".")[0] in PACKAGES and getattr(module, bare.__name__, None) is bare:
                setattr(module, bare.__name__, with_memory)


@contextmanager
def computed_afresh() -> Iterator[None]:
    """Compute everything within, remember nothing."""
    before, remembering[0] = remembering[0], False
    yield
    remembering[0] = before
