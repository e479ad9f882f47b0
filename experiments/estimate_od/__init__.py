"""``cosim estimate-od``: OD trips from counts or link times."""
