"""``cosim scenarios``, ``validate``, ``schema``, ``init``: the scenario files."""
