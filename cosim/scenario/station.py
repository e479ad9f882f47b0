"""A charging station as data, used by the roads, the feeder and its agent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A fast-charging station at a road node and at a feeder's bus."""

    number: int
    """Position in every array over stations."""
    name: str
    road_node: str
    feeder: str
    bus: str
    chargers: int
    charger_kw: float
    site_limit_kw: float | None = None

    @property
    def limit_kw(self) -> float:
        """Power limit of the station: of all its chargers, or of the site if that is less."""
        all_chargers_kw = self.chargers * self.charger_kw
        return all_chargers_kw if self.site_limit_kw is None else min(all_chargers_kw, self.site_limit_kw)

    @property
    def charger_power_kw(self) -> float:
        """Power of one charger while all are in use: the limit of the site is shared evenly."""
        return self.limit_kw / self.chargers
