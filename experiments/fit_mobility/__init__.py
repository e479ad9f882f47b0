"""``cosim fit-mobility``: a Markov chain of activities from travel diaries."""
