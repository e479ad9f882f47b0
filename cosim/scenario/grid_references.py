"""What events of feeders refer to: their devices."""

from collections.abc import Iterator
from typing import Any

from cosim.config import ScenarioConfig
from cosim.config.grid import FeederConfig, GridConfig
from cosim.errors import Problem
from cosim.grid.device.renewable import RenewableConfig
from cosim.road.paths import PathSet

SECTION_KINDS = {"TurbineConfig": "turbine", "StorageConfig": "storage", "V2GConfig": "v2g"}
"""The kind of event that befalls a device, by its section in the scenario file; a renewable one says it itself."""


def feeder_of(event: Any, grid: GridConfig) -> str:
    """Return the name of the feeder with the device of an event; empty where there is none."""
    return next((feeder.name for feeder in _candidates(event, grid)), "")


def _candidates(event: Any, grid: GridConfig) -> list[FeederConfig]:
    """Return the feeders with a device of the name and kind of an event."""
    feeders = [feeder for feeder in grid.feeders if event.feeder in {None, feeder.name}]
    return [feeder for feeder in feeders if event.name in _names(feeder, event.kind)]


def _names(feeder: FeederConfig, kind: str) -> list[str]:
    """Return the names of the devices that events of a kind may befall."""
    kinds = {
        entry.name: entry.kind if isinstance(entry, RenewableConfig) else SECTION_KINDS[type(entry).__name__]
        for entry in feeder.devices
        if hasattr(entry, "name")
    }
    return [name for name, own in kinds.items() if own == kind]


def device_problems(
    event: Any, place: str, config: ScenarioConfig, _paths: PathSet | None
) -> Iterator[Problem]:
    """Yield the problem of a device that does not exist, or is one of several of its name."""
    feeders = [feeder.name for feeder in config.grid.feeders]
    if event.feeder is not None and event.feeder not in feeders:
        allowed = f"one of {', '.join(feeders)}"
        yield Problem(field=f"{place}.feeder", value=event.feeder, allowed=allowed)
        return
    found = [feeder.name for feeder in _candidates(event, config.grid)]
    if len(found) > 1:
        clause = f"is '{event.name}', and feeders {', '.join(found)} have a device of that name"
        advice = "name one of them as feeder"
        yield Problem(clause, field=f"{place}.name", value=event.name, advice=advice)
    if not found:
        wanted = [feeder for feeder in config.grid.feeders if event.feeder in {None, feeder.name}]
        names = [name for feeder in wanted for name in _names(feeder, event.kind)]
        of = f" of feeder {event.feeder}" if event.feeder else ""
        allowed = f"one of {', '.join(dict.fromkeys(names))}" if names else ""
        clause = "" if names else f"is '{event.name}'; there is no device of kind {event.kind}{of}"
        yield Problem(clause, field=f"{place}.name", value=event.name, allowed=allowed)
