"""``cosim sweep``: equilibria over the values of fields of a scenario."""
