"""What a scenario file may say: types, ranges, units and defaults; one class for each table of the TOML file.

Everything here concerns the words of the file alone. Whether a station's bus exists, or an OD pair is
connected, is asked in ``cosim.scenario``. Files are named relative to the scenario file.
"""

from cosim.config.scenario import ScenarioConfig

__all__ = ["ScenarioConfig"]
