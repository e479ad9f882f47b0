"""The speed of the assignment as ratios within one run, on networks that come along; CPU time, one thread."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def said_ms() -> dict[str, float]:
    """What ``python benchmarks/assignment.py`` prints: a label and its milliseconds."""
    run = subprocess.run(
        [sys.executable, "benchmarks/assignment.py"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = re.findall(r"^(.+?)\s+([\d.]+) ms", run.stdout, flags=re.MULTILINE)
    return {label: float(milliseconds) for label, milliseconds in lines}


def of(said_ms: dict[str, float], words: str) -> float:
    (found,) = [value for label, value in said_ms.items() if words in label]
    return found


def test_newton_to_1e_9_takes_500_times_less_cpu_than_1_over_n_to_a_thousandth_vehicle(
    said_ms: dict[str, float],
) -> None:
    assert of(said_ms, "iterations of msa") >= 500 * of(said_ms, "peak, theta .1, newton")


def test_a_day_and_a_network_of_76_links_take_no_longer_than_a_few_reference_kernels(
    said_ms: dict[str, float],
) -> None:
    """Measured: .6 and 1.1 kernels; the bounds leave room for a noisy machine."""
    kernel_ms = of(said_ms, "reference kernel")
    assert of(said_ms, "24 periods to 1e-9") <= 2 * kernel_ms
    assert of(said_ms, "SUE on these, theta .5, newton") <= 4 * kernel_ms
