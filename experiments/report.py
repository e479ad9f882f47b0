"""report.html"""

from cosim.results import Run


def write_report(run: Run) -> None:
    """Write it."""
