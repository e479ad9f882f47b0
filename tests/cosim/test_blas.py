"""The threads of BLAS."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from cosim.blas import one_blas_thread


def _threads() -> list[int]:
    np.ones(1) @ np.ones(1)
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_a_call_has_one_thread_and_the_callers_own_work_keeps_its_number_even_after_an_error() -> None:
    @one_blas_thread
    def work(fail: bool) -> list[int]:
        if fail:
            raise LookupError
        return _threads()

    with threadpool_limits(2, user_api="blas"):
        before = _threads()
        assert max(before) == 2  # not all libraries can have two
        assert set(work(fail=False)) == {1}
        with pytest.raises(LookupError):
            work(fail=True)
        assert _threads() == before
