"""``cosim sweep`` and ``cosim scenarios``."""
