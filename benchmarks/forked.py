"""Commands of the program in processes forked from one that has its libraries loaded, so that a kill hits the work.

Run as a program this is that process: a line on its input is a command, and it answers with the number of the new
process, which leads a session of its own; the line ``end`` asks for the exit code of the last one.
"""

import gc
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

SERVE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from forked import serve; serve()"


class Forked:
    """A process of the program that has just begun, and is no child of ours."""

    def __init__(self, pid: int, forge: "Forge") -> None:
        """Watch it."""
        self.pid, self._forge, self._descriptor = pid, forge, os.pidfd_open(pid)

    def is_over_within(self, seconds: float) -> bool:
        """Wait so long for its end."""
        return bool(select.select([self._descriptor], [], [], max(seconds, 0))[0])

    def kill(self, number: int) -> None:
        """Send it a signal."""
        signal.pidfd_send_signal(self._descriptor, number)

    def exit_code(self) -> int:
        """Wait for its end; return its exit code, or minus the signal that ended it."""
        os.close(self._descriptor)
        return int(self._forge.ask("end"))


class Forge:
    """The process with the libraries, as a context manager."""

    def __enter__(self) -> Self:
        """Start it."""
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", SERVE, str(Path(__file__).parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        """End it."""
        self._process.communicate()

    def ask(self, line: str) -> str:
        """Return its answer to a line."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError
        print(line, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()

    def start(self, words: list[str], said: Path) -> Forked:
        """Start a command in the folder of the file that its output goes into."""
        return Forked(int(self.ask(json.dumps([str(said.absolute()), *words]))), self)


def serve() -> None:
    """Load what a run needs, then fork a process for each command; return in none."""
    _warm_up()
    pid = 0
    for line in sys.stdin:
        if line == "end\n":
            _, status = os.waitpid(pid, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        said, *words = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(words, said)
        print(pid, flush=True)


def _warm_up() -> None:
    from experiments.run.runner import run

    folder = Path(tempfile.mkdtemp())
    run("toy", out=folder / "run")
    shutil.rmtree(folder)
    gc.collect()
    gc.freeze()


def _become(words: list[str], said: str) -> None:
    """Go on as a command of the program, until its end."""
    from cosim.__main__ import main

    os.setsid()
    os.chdir(Path(said).parent)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nothing, out = (
        os.open(os.devnull, os.O_RDONLY),
        os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    )
    for new, old in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(new, old)
    sys.argv = ["cosim", *words]
    main()
    sys.exit()
