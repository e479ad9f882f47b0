"""``python -m cosim``, and the command ``cosim``, which first checks that no other package hides its own."""

import sys

from cosim.installation import conflict


def main() -> None:
    """Run the command line; exit with code 2 if another package hides one of cosim's."""
    if problem := conflict():
        sys.stderr.write(f"cosim: {problem}\n")
        sys.exit(2)
    from cosim.lean_imports import leave_out_matplotlib
    from experiments.ending import end_on_signals

    leave_out_matplotlib()
    end_on_signals()
    from experiments.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
