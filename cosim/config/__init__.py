"""The schema of a scenario file: types, ranges, units and defaults; one class for each table of the TOML file.

Only the values of the file itself are checked here; references, such as a station's bus or connected OD pairs, are
checked in ``cosim.scenario``. Files are named relative to the scenario file.
"""

from cosim.config.scenario import ScenarioConfig

__all__ = ["ScenarioConfig"]
