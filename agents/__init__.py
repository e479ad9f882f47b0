"""The agents: decisions on the SimPy clock, and nothing else."""
