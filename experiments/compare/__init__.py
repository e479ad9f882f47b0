"""Runs set side by side: where they agree within sampling error, where they differ, and why.

``sample`` reads what is compared, ``differences`` and ``choices`` measure and test it, ``causes`` looks for what
separates the samples, ``settings`` for why it can, ``verdict`` says it in words; ``convergence`` measures the error
against the number of agents.
"""
