"""The program ends when it is asked to, even if a library does not listen."""

import subprocess
import sys

STUCK = """
import hashlib, signal, threading, time
from experiments import ending
ending.GRACE_S = 0.1
ending.end_on_signals()
threading.Timer(0.1, signal.raise_signal, [signal.SIGTERM]).start()
hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def test_a_library_that_computes_on_does_not_keep_the_program_alive() -> None:
    assert subprocess.run([sys.executable, "-c", STUCK], check=False, timeout=60).returncode == 143
