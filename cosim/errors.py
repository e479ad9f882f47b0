"""Every error the package raises.

CosimError
  + ConfigError              your files or options are wrong: you can fix them          (exit code 2)
  + ModelError               well formed, but the model has no answer                   (exit code 3)
      - InfeasibleError      no dispatch, or no assignment, meets the limits
      - SolverError          a solver or power flow broke down

An infeasible or unconverged *day* is not raised: the run completes with the best answer and flags it.
These errors are for the calls that promise an answer within the limits.
"""

from collections.abc import Sequence


class CosimError(Exception):
    """Base class, so that a caller can catch everything from this package."""


class ConfigError(CosimError):
    """A file or an option is wrong; ``problems`` lists every fault found, one sentence each."""

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        """Keep the problems as data, each once and with a full stop, and word them as a list."""
        self.source = source
        self.problems = tuple(
            dict.fromkeys(problem if problem[-1:] in ".?" else problem + "." for problem in problems)
        )
        super().__init__(source, self.problems)  # what makes it again: in another process, or by SimPy

    def __str__(self) -> str:
        """Return the problems as a list."""
        return "\n  - ".join([f"{self.source}:", *self.problems])


class ModelError(CosimError):
    """The input is well formed, but the model has no answer for it."""


class InfeasibleError(ModelError):
    """Nothing meets the limits; the message names the place, the period and the amount."""


class SolverError(ModelError):
    """A solver or a power flow ended without a usable answer."""
