"""A memory of answers by the content of what was asked, not by the object that asked."""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def kept_by_content(count: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Remember the last *count* answers of a function, so that equal scenarios share them, however often they are read.

    Arguments are equal if pickle writes the same bytes of them: one that was changed in place is answered anew. Answers
    are shared, so nobody may change them. What pickle cannot write is answered each time.
    """

    def remembering(function: Callable[P, R]) -> Callable[P, R]:
        answers: OrderedDict[bytes, R] = OrderedDict()

        @wraps(function)
        def remembered(*arguments: P.args, **named: P.kwargs) -> R:
            try:
                content = sha256(pickle.dumps((arguments, named))).digest()
            except (pickle.PicklingError, AttributeError, TypeError):  # such as a class made in a function
                return function(*arguments, **named)
            if content not in answers:
                answers[content] = function(*arguments, **named)
                if len(answers) > count:
                    answers.popitem(last=False)
            answers.move_to_end(content)
            return answers[content]

        return remembered

    return remembering
