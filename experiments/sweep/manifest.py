"""The manifest of a sweep: what was asked, of which version, and what it gave."""

import json
from dataclasses import asdict
from pathlib import Path

from cosim.files import file_hash
from experiments.manifest import versions
from experiments.store.identity import program
from experiments.sweep.plan import SweepRequest
from experiments.sweep.sweep_result import Sweep


def write_manifest(folder: Path, request: SweepRequest, found: Sweep) -> None:
    """Write ``manifest.json`` beside the table of runs."""
    content = {
        "request": asdict(request),
        "runs": found.frame.run.nunique(),
        "failed": int((found.frame.failed != "").sum()),
        "versions": versions(),
        "program": program(),
        "tables": {"runs.parquet": file_hash(folder / "runs.parquet")},
    }
    (folder / "manifest.json").write_text(json.dumps(content, indent=2, default=str), encoding="utf-8")
