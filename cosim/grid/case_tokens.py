"""The text of a MATPOWER case file as statements of tokens, without its comments.

Comments are what follows ``%`` or ``#``, what stands between the lines ``%{`` and ``%}``, and what follows ``...``,
which joins a line to the next.
"""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cosim.errors import MAX_SHOWN_CHARACTERS, Problem, refuse
from cosim.files import read_bytes

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = re.compile(r"^[ \t]*[%#]([{}])[ \t]*$")
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v]+)
      | (?P<more>\.\.\..*)
      | (?P<comment>[%#].*)
      | (?P<number>(?:\d+(?:\.(?![*/^'])\d*)?|\.\d+)(?:[eEdD][+-]?\d+)?)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<text>"(?:[^"]|"")*")
      | (?P<sign>\.\^|\.\*|\./|\.\\|\.'|[=~<>!]=|&&|\|\||.)""",
    re.VERBOSE,
)
_LINE_END = re.compile(r"\r\n|\r|\n")
"""Python's own ``splitlines`` also ends lines at form feeds and at characters that stand in comments."""
_QUOTED = re.compile(r"'(?:[^'\n]|'')*'")
_OPENED = {"(": ")", "[": "]", "{": "}"}


class Token(NamedTuple):
    """A word of a statement; ``kind`` is number, name, text, sign or end (of a line, within brackets)."""

    kind: str
    text: str
    line: int
    spaced: bool
    """Whether blank space stands before it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The tokens of one statement, from one semicolon, comma or line to the next."""

    tokens: tuple[Token, ...]

    @property
    def line(self) -> int:
        """Line of the file where it begins."""
        return self.tokens[0].line

    def __str__(self) -> str:
        """Return the statement as it is written, cut where it is long."""
        words = ((" " if token.spaced or token.kind == "end" else "") + token.text for token in self.tokens)
        text = " ".join("".join(words).split())
        return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 3] + "..."


def read_text(file: Path) -> str:
    """Return the text of a file: in the encoding that its first bytes name, else UTF-8, else Latin-1.

    Raises ``ConfigError`` where it cannot be read or holds no text.
    """
    content = read_bytes(file)
    encodings = [encoding for mark, encoding in _MARKS if content.startswith(mark)]
    for encoding in (*encodings[:1], "utf-8", "latin-1"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        found = "holds bytes that are no text; save it as UTF-8"
        refuse(str(file), [Problem(found, file=str(file), line=line)])
    return text


def statements(text: str) -> tuple[list[Statement], list[Problem]]:
    """Return the statements of a text, and a problem for each bracket that does not close or open."""
    found: list[Statement] = []
    current: list[Token] = []
    opened: list[Token] = []
    problems: list[Problem] = []
    for token in _tokens(text):
        if token.text in _OPENED and token.kind == "sign":
            opened.append(token)
        elif token.text in _OPENED.values() and token.kind == "sign":
            if not opened or _OPENED[opened.pop().text] != token.text:
                problems.append(_closes_nothing(token, found))
        elif not opened and (token.kind == "end" or token.text in {";", ","}):
            if current:
                found.append(Statement(tuple(current)))
            current = []
            continue
        elif token.kind == "end" and opened[-1].text == "(":
            continue
        current.append(token)
    problems += [_not_closed(token, current if token is opened[0] else []) for token in opened]
    if current and not opened:
        found.append(Statement(tuple(current)))
    return found, problems


FAR = 1_000
"""Statements before a bracket among which the one is looked for that may have lost its own."""


def _closes_nothing(token: Token, before: list[Statement]) -> Problem:
    """Return the problem of a bracket that closes none, with the last statement that may have lost its own."""
    line = next((s.line for s in reversed(before[-FAR:]) if s.tokens[0].kind == "name"), 0)
    advice = f"look at line {line}" if line else ""
    return Problem(f"{token.text!r} closes no bracket", line=token.line, advice=advice)


def _not_closed(token: Token, within: list[Token]) -> Problem:
    """Return the problem of a bracket that is not closed, with the first word after it: there it should have been."""
    line = next((t.line for t in within if t.kind in {"name", "text"} and t.line > token.line), 0)
    advice = f"look at line {line}" if line else ""
    return Problem(f"{token.text!r} is not closed", line=token.line, advice=advice)


def _tokens(text: str) -> list[Token]:
    """Return the tokens of a text, each line's followed by one of kind ``end``."""
    tokens: list[Token] = []
    depth = 0
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if block := _BLOCK.match(line):
            depth = max(depth + (1 if block[1] == "{" else -1), 0)
            continue
        if not depth:
            _add_line(tokens, line, number)
    return tokens


def _add_line(tokens: list[Token], line: str, number: int) -> None:
    """Add the tokens of a line; a quote right after an operand transposes it, else it begins a text."""
    place, spaced = 0, True
    while place < len(line):
        found = _TOKEN.match(line, place)
        if line[place] == "'" and (spaced or not _ends_operand(tokens)):
            found = _QUOTED.match(line, place) or found
        assert found is not None  # noqa: S101  (any character is a sign)
        kind, word = found.lastgroup or "text", found[0]
        place = found.end()
        if kind == "space":
            spaced = True
            continue
        if kind == "more":
            return
        if kind == "comment":
            break
        tokens.append(Token(kind, word, number, spaced))
        spaced = False
    tokens.append(Token("end", "\n", number, spaced=False))


def _ends_operand(tokens: list[Token]) -> bool:
    return bool(tokens) and (tokens[-1].kind in {"number", "name"} or tokens[-1].text in {")", "]", "}", "'"})
