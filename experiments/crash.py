"""What a user sees of a fault of the program: one sentence, and the file that holds the rest."""

import os
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from experiments.say import say

LOG_FOLDER = Path("cosim")
"""Below ``$XDG_STATE_HOME``, by default ``~/.local/state``; or below the folder of temporary files."""


def tell(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """Print one sentence on an exception that nobody has caught, and write the traceback into a log file.

    It is Python's ``sys.excepthook``, after which a program ends with code 1.
    """
    if not issubclass(kind, Exception):
        sys.__excepthook__(kind, fault, trace)
        return
    lines = ["command: " + " ".join(sys.argv), *traceback.format_exception(kind, fault, trace)]
    file = write_log("\n".join(lines))
    found = " ".join(str(fault).split())[:200]
    where = f"{file} tells where; please report it" if file else "no file could be written that tells where"
    say(f"cosim: this is a fault of the program: {kind.__name__}: {found}. {where}.", err=True)
    for note in getattr(fault, "__notes__", ()):
        say(f"cosim: {note}", err=True)


def write_log(text: str) -> Path | None:
    """Return the new file that holds *text*, readable by its owner alone; None where none can be written."""
    state = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    for folder in (Path(state), Path(tempfile.gettempdir())):
        with suppress(OSError):
            (folder / LOG_FOLDER).mkdir(parents=True, exist_ok=True, mode=0o700)
            name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
            file = folder / LOG_FOLDER / name
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as log:
                log.write(text)
            return file
    return None
