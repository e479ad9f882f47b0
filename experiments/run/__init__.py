"""``cosim run``: a day, or many, of both models, compared and reported."""
