"""``cosim assign``: traffic on a road network alone."""
