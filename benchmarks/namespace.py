"""A namespace of its own for a program: without network, where nothing but one folder can be written.

It needs user namespaces (Linux) and ``unshare`` and ``mount``; no rights.
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path("/mnt")
"""The folder that can be written, in memory."""
INSIDE = "inside a namespace"
"""Set in the environment there."""
FLAGS = {"nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime"}
"""Options of a file system that stay when it becomes read-only."""


def is_inside() -> bool:
    """Whether this process is in a namespace that `begin_again` has made."""
    return INSIDE in os.environ


def begin_again() -> int:
    """Run this program once more, in a namespace of its own; return its exit code."""
    apart = [
        "--user",
        "--map-root-user",
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]
    command = ["unshare", *apart, sys.executable, *sys.argv]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode  # noqa: S603


def make_read_only() -> None:
    """Let nothing but `FOLDER` be written; raise CalledProcessError where the system does not allow that."""
    _mount("-t", "tmpfs", "tmpfs", str(FOLDER))
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, options, *_ = line.split()
        if not Path(place).is_relative_to(FOLDER) and kind != "proc":  # those below it are covered
            _mount("-o", ",".join(["remount", "bind", "ro", *FLAGS.intersection(options.split(","))]), place)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)  # noqa: S603, S607
