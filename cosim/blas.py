"""Linear algebra on one thread: matrices are small here, and the last bits depend on the number of threads."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")


def one_blas_thread(call: Callable[P, R]) -> Callable[P, R]:
    """Return the function on one thread of BLAS, whichever number the caller's own work uses."""

    @wraps(call)
    def call_on_one_thread(*arguments: P.args, **options: P.kwargs) -> R:
        with threadpool_limits(limits=1, user_api="blas"):
            return call(*arguments, **options)

    return call_on_one_thread
