"""The relaxation error, on numbers that can be checked by hand."""

import numpy as np
import pytest

from cosim.grid.solution import BranchFlow, relaxation_error


def test_relaxation_error_is_equation_23_at_working_currents() -> None:
    """P = 3, Q = 4, v = 1 on 1 MVA: I = 5; with l = 26 the error is (sqrt(26) - 5)/10 on 10 MVA."""
    one = np.ones((1, 1))
    error = relaxation_error(BranchFlow(voltage2=one, current2=26 * one, p=3 * one, q=4 * one))
    assert error == pytest.approx((np.sqrt(26) - 5) / 10, rel=1e-12)


def test_relaxation_error_does_not_magnify_noise_at_no_current() -> None:
    """A residual of 1e-9 on 10 MVA (1e-7 on 1 MVA) is an error of 1e-6 by definition; its root would be 3e-5."""
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    error = relaxation_error(BranchFlow(voltage2=one, current2=1e-7 * one, p=zero, q=zero))
    assert error == pytest.approx(1e-6, rel=1e-9)
