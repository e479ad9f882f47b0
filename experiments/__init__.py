"""What people run: a folder for each command, and what they share. From Python: ``import cosim``."""
