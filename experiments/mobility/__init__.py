"""``cosim mobility``: the EVs' days alone."""
