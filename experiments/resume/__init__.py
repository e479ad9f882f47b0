"""The command ``cosim resume``."""
