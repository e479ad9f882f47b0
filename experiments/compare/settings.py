"""The settings in which two scenarios differ, and which of them can bring about which cause."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from cosim.config.extending import file_fields
from cosim.files import file_hash
from experiments.compare.sample import Sample

DESCRIPTIVE = {"description", "what_to_look_at", "sweep"}
"""What a scenario says of itself: no difference between runs."""

_SERVICE = ("stations.*.chargers", "stations.*.charger_kw", "stations.*.site_limit_kw")
MOVED = ("stations.*.bus", "stations.*.feeder")
"""Of a station that both have; one that is missing is missing from the roads."""
GROUNDS = {
    "demand": ("road.demand", "road.demand_scale", "road.trip_profile", "profiles", "population.timing"),
    "network": ("road.links", "road.paths_per_od", "stations.*.road_node"),
    "population": (
        "population.ev_share",
        "population.evs",
        "population.trips",
        "population.soc",
        "population.types.*",
        "mobility.*",
    ),
    "queueing": (*_SERVICE, "road.davidson_j"),
    "range": (
        "mobility.battery_kwh",
        "mobility.consumption_kwh_per_km",
        "mobility.soc_reserve",
        "population.types.*",
    ),
    "information": (
        "population.information.*",
        "messages.*",
        "road.theta_per_min",
        "population.theta_per_min",
    ),
    "choice": (
        "population.choice",
        "population.energy_in_choice",
        "road.price_in_choice",
        "road.value_of_time_cny_per_h",
    ),
    "capacity": _SERVICE,
    "price": ("tariff.*", "coupling.mode", "profiles"),
    "events": ("events.*",),
    "grid": ("grid.*", "profiles", *MOVED),
}
"""The settings that bring about each cause. Where these are equal, what is measured follows from something else."""
BY_SETTINGS_ALONE = {"demand", "network", "population", "grid"}
"""What both models of one scenario have in common."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A field in which two scenarios differ, and its value in each; empty where one does not have it."""

    field: str
    reference: str
    other: str

    def __str__(self) -> str:
        """Return it as the terminal shows it."""
        return f"{self.field}: {self.reference or '-'} -> {self.other or '-'}"


def differing_settings(reference: Sample, other: Sample) -> tuple[Setting, ...]:
    """Return the fields in which the two scenarios differ; of a file it is the content that counts."""
    first, second = (dict(_fields(_tables(sample))) for sample in (reference, other))
    return tuple(
        Setting(name, *("" if (v := values.get(name)) is None else str(v) for values in (first, second)))
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    )


def has_grounds(cause: str, reference: Sample, other: Sample, settings: Sequence[Setting]) -> bool:
    """Return whether a setting that brings about *cause* differs, or the model does, with its own queues and news."""
    if reference.model != other.model and cause not in BY_SETTINGS_ALONE:
        return True
    return any(
        fnmatchcase(changed.field, ground) and (ground not in MOVED or (changed.reference and changed.other))
        for changed in settings
        for ground in GROUNDS[cause]
    )


@dataclass(frozen=True, slots=True)
class _File:
    """A data file, the same as any other with its content."""

    name: str = field(compare=False)
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} (SHA-256 {self.sha256[:8]})"


def _tables(sample: Sample) -> dict[str, Any]:
    """Return the scenario as its file says it, but with the content of the files that it names."""
    tables = sample.config.model_dump(mode="json", exclude=DESCRIPTIVE)
    for place, key in list(file_fields(tables)):
        file = None if sample.folder is None else sample.folder / place[key]
        if file is not None and file.is_file():
            place[key] = _File(file.name, file_hash(file))
    return tables


def _fields(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Return the fields of a scenario with dotted names; entries of lists by their name or position."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _fields(item, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            name = item.get("name", number) if isinstance(item, dict) else number
            yield from _fields(item, f"{place}.{name}")
    else:
        yield place, value
