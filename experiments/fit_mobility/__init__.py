"""``cosim fit-mobility``: the mobility chain from travel diaries."""
