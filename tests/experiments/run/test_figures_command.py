"""Figures of a run as files: one for each figure of the page, or a sentence on what is missing."""

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import plotly.io
import pytest
from typer.testing import CliRunner

from cosim.errors import ConfigError
from cosim.results import Run
from experiments.cli import app
from experiments.run.figures_command import file_names, without_controls


def test_each_figure_of_the_page_has_a_file_named_after_its_section(
    toy_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(figures: list[go.Figure], files: list[Path], **_: Any) -> None:
        for figure, file in zip(figures, files, strict=True):
            file.write_text(str(len(figure.data)), encoding="utf-8")

    monkeypatch.setattr(plotly.io, "write_images", write)
    out = tmp_path / "figures"
    result = CliRunner().invoke(
        app, ["figures", str(toy_run.directory), "--out", str(out), "--format", "svg"]
    )
    assert result.exit_code == 0
    names = {file.name for file in out.iterdir()}
    assert {"networks.svg", "stations.svg", "voltages.svg", "path_shares.svg"} <= names
    assert all(name in result.output for name in names)


def test_figures_of_one_section_are_numbered() -> None:
    one, two, three = (go.Figure() for _ in range(3))
    assert file_names({"a": [one], "b": [two, three]}) == {"a": one, "b-1": two, "b-2": three}


def test_what_a_reader_moves_is_not_drawn() -> None:
    moving = go.Figure(layout={"sliders": [{}], "updatemenus": [{}], "height": 300})
    still = without_controls(moving)
    assert (len(still.layout.sliders), len(still.layout.updatemenus), still.layout.height) == (0, 0, 300)
    assert len(moving.layout.sliders) == 1


def test_where_figures_cannot_be_drawn_it_says_what_to_install_and_writes_nothing(
    toy_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: Any, **__: Any) -> None:
        raise RuntimeError("\nImage export requires the Kaleido package,\nwhich can be installed")  # noqa: EM101, TRY003

    monkeypatch.setattr(plotly.io, "write_images", write)
    arguments = ["figures", str(toy_run.directory), "--out", str(tmp_path / "figures")]
    error = CliRunner().invoke(app, arguments).exception
    assert isinstance(error, ConfigError)
    assert "requires the Kaleido package; pip install 'cosim[figures]', and install Chrome" in str(error)
    assert not list(tmp_path.iterdir())
