"""The outcomes of a day in its report, and how much of the tables the report reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cosim.results import ModelTables, Run
from experiments.figures.style import Figure
from experiments.run.figures.day import Day
from experiments.run.figures.outcomes import outcomes
from experiments.run.report import write_report
from tests.experiments.changed_runs import copy_of


def read(run: Run) -> str:
    """Return the page of *run*."""
    return (run.directory / "report.html").read_text(encoding="utf-8")


def test_shares_of_the_outcomes_are_of_all_evs(toy_run: Run, toy_figures: dict[str, list[Figure]]) -> None:
    evs, of_each_station = toy_figures["outcomes"]
    assert [trace.type for trace in evs.data] == ["bar"] * 3
    for trace in evs.data:
        assert np.sum(trace.y) == pytest.approx(100, abs=0.1)
    revenue = {trace.name: np.sum(trace.y) for trace in of_each_station.data if trace.yaxis == "y"}
    for model in ("agents", "equilibrium"):
        taken = getattr(toy_run, model).stations.revenue_cny.sum()
        assert revenue[model] == pytest.approx(taken, abs=0.01)


def test_without_a_table_of_evs_the_outcomes_are_means_of_the_periods(toy_run: Run, tmp_path: Path) -> None:
    totals = copy_of(toy_run, tmp_path / "totals", "ev_days.parquet")
    means = outcomes(Day(totals))[0]
    wait = toy_run.agents.evs.wait_min
    np.testing.assert_allclose(np.asarray(means.data[1].y, dtype=float)[::2], wait.round(4))
    write_report(totals)
    assert "for no table of this run tells of single EVs" in read(totals)
    assert "for no table of this run tells of single EVs" not in read(toy_run)


def test_of_tables_that_grow_with_a_city_only_a_part_is_read(
    toy_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: list[str] = []
    read_table = ModelTables.read

    def watched(
        tables: ModelTables,
        table: str,
        where: Sequence[Any] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        whole.extend([table] * (columns is None))
        return read_table(tables, table, where, columns)

    monkeypatch.setattr(ModelTables, "read", watched)
    write_report(copy_of(toy_run, tmp_path / "watched"))
    assert "stations" in whole
    assert not {"paths", "differences", "trips", "sessions", "ev_days"} & set(whole)
