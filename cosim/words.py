"""Phrases that depend on a number."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 iteration``, ``2 iterations``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
