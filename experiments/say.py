"""What a command prints: names and texts of files are shown, and never obeyed by the terminal."""

from textwrap import fill

import typer

from cosim.errors import UNPRINTABLE

WIDTH = 80
"""Characters in a line of a terminal."""


def say(text: str, *, err: bool = False) -> None:
    """Print a text, on standard error if so wanted; all but ends of lines and tabs that is not shown is an escape.

    The escape is that of JSON, so that JSON keeps its content.
    """
    shown = UNPRINTABLE.sub(lambda mark: mark[0] if mark[0] in "\n\t" else f"\\u{ord(mark[0]):04x}", text)
    typer.echo(shown, err=err)


def hanging(line: str, indent: int) -> str:
    """Return a line as wide as a terminal at most; what goes on in the next one is indented."""
    return fill(line, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
