"""The tutorial on drivers: what it prints as code runs as it stands."""

import re
import sys
from pathlib import Path

import pytest

from cosim.results import load_run

DOCS = Path(__file__).parents[2] / "docs"


def test_a_driver_written_in_ten_lines_runs_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (DOCS / "drivers.md").read_text(encoding="utf-8")
    module, example = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(module.splitlines()) <= 10
    (tmp_path / "my_drivers.py").write_text(module, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_drivers", raising=False)
    exec(compile(example, "docs/drivers.md", "exec"), {})  # noqa: S102
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "logit equilibrium" in line]
    assert said.startswith("against the logit equilibrium: differs")
    assert "choice" in said
    assert load_run("runs/indifferent").summary["trips"] > 0
