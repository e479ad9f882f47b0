"""Named random streams: every random number of a run is reproducible by the name of its stream.

A stream is a counter-based generator (Philox; Salmon et al. 2011) keyed by the seed, a purpose, and indices such as
day and trip number. Arrays are drawn in EV order. So results depend neither on the order of events, nor on the number
of workers, nor on the resolution of the population.
"""

import zlib

import numpy as np


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """Return the generator named by *seed*, *purpose* and *indices*; the same name gives the same numbers."""
    key = (zlib.crc32(purpose.encode()), *indices)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=key)))
