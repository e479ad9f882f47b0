"""``python -m cosim``, and the command ``cosim``: its packages are found, or a sentence says what hides them."""

import sys

from cosim.installation import conflict


def main() -> None:
    """Run the command line, if the packages it is made of are ours."""
    if problem := conflict():
        sys.stderr.write(f"cosim: {problem}\n")
        sys.exit(2)
    from experiments.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
