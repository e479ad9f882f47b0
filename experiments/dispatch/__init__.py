"""``cosim dispatch``: feeders alone."""
