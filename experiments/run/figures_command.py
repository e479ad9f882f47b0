"""The command ``cosim figures``: the figures of a run as files for a paper or a lecture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cosim.errors import ConfigError
from experiments.options import AsJson, new_directory

if TYPE_CHECKING:
    from experiments.figures.style import Figure

WIDTH_PX = 900
"""Width of a figure that has none of its own."""
COMMAND = "cosim figures"
ADVICE = "pip install 'cosim[figures]', and install Chrome or Chromium"

ImageFormat = Literal["pdf", "png", "svg"]


def figures_command(
    run: Annotated[Path, typer.Argument(help="Directory of a finished run.")],
    out: Annotated[Path, typer.Option(callback=new_directory, help="New directory for the figures.")],
    image_format: Annotated[ImageFormat, typer.Option("--format", help="Format of the files.")] = "pdf",
    as_json: AsJson = False,
) -> None:
    """Write the figures of a run's report as files: PDF, PNG or SVG."""
    from cosim.results import load_run
    from experiments.run.figures.day import Day
    from experiments.run.report import all_figures
    from experiments.study import CommandResult, emit

    named = file_names(all_figures(Day(load_run(run))))
    facts = {"format": image_format, "figures": list(named)}
    files = [f"{name}.{image_format}" for name in named]
    result = CommandResult(
        command="figures",
        facts=facts,
        lines=files,
        files=lambda folder: write_images(list(named.values()), [folder / name for name in files]),
    )
    emit(result, out, as_json=as_json)


def file_names(sections: dict[str, list["Figure"]]) -> dict[str, "Figure"]:
    """Return the figures by the name of their file: the section, with a number where it has several."""
    return {
        name if len(figures) == 1 else f"{name}-{number}": figure
        for name, figures in sections.items()
        for number, figure in enumerate(figures, start=1)
    }


def write_images(figures: Sequence["Figure"], files: Sequence[Path]) -> None:
    """Write each figure into its file; ConfigError where what draws them is not installed."""
    import plotly.io

    still = [without_controls(figure) for figure in figures]
    heights = [int(figure.layout.height or WIDTH_PX / 2) for figure in still]
    try:
        plotly.io.write_images(still, list(files), width=[WIDTH_PX] * len(still), height=heights)
    except (RuntimeError, ImportError) as missing:  # plotly's, without Kaleido or without a browser
        reason = str(missing).strip().partition("\n")[0].rstrip(",.")
        raise ConfigError(
            COMMAND, [f"figures cannot be drawn into files here: {reason}; {ADVICE}"]
        ) from missing


def without_controls(figure: "Figure") -> "Figure":
    """Return a copy without what a reader of the page moves, and with room for the numbers at the axes."""
    import plotly.graph_objects as go

    still = go.Figure(figure)
    still.layout.sliders = still.layout.updatemenus = ()
    return still.update_xaxes(automargin=True).update_yaxes(automargin=True)
