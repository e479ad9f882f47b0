"""``cosim estimate-od``: trips from counts or link times."""
