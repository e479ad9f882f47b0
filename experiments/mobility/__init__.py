"""``cosim mobility``: the mobility of EVs alone."""
