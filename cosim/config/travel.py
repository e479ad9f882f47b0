"""The roads, the stations and the population in a scenario file."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from cosim.sections import (
    BatteryKwh,
    ConsumptionKwhPerKm,
    Efficiency,
    Entries,
    File,
    Name,
    Place,
    PowerKw,
    Section,
    Share,
    ThetaPerMin,
    Tolerance,
    contradiction,
)


class AssignmentConfig(Section):
    """``[road.assignment]``: solution method of the stochastic user equilibrium."""

    method: Literal["newton", "sra", "mswa", "msa"] = "newton"
    """Newton's method, or averaging: self-regulated (sra), weighted (mswa), or 1/n (msa, as in Ma et al. 2024)."""
    tolerance: Tolerance = 1e-6
    """Largest |q P(c(f)) - f| / max(1, q) over OD pairs and classes."""
    max_iterations: Annotated[int, Field(ge=1, le=10_000_000)] = 20_000
    """Iterations allowed in one period."""
    compare_methods: bool = False
    """Whether a run solves its day by plain 1/n averages and by Newton's method, too, and says how far they differ."""
    carry_over: bool = False
    """Whether trips that outlast their period are carried over into the next one (not in Ma et al. 2024)."""


class RoadConfig(Section):
    """``[road]``: the road network, its demand and its drivers."""

    nodes: File | None = None
    """CSV of nodes (node, x, y), for their positions; if given, it must name every node of the links."""
    links: File
    """CSV of links (link, from, to, t0_min, capacity_veh_h, alpha, beta)."""
    demand: File
    """CSV of the peak-hour OD table (origin, dest, demand_veh_h)."""
    demand_scale: Annotated[float, Field(ge=1e-6, le=1_000)] = 1.0
    """Factor on the OD table."""
    trip_profile: Name = "trip_share"
    """Column of the profiles: conventional cars' trips by period, as shares of the day; EVs': `population.timing`."""
    theta_per_min: ThetaPerMin = 0.2
    """Logit theta [1/min] (Eq. 7): small values give cost little weight, large ones always choose the shortest path."""
    value_of_time_cny_per_h: Annotated[float, Field(ge=1e-3, le=1e6)] = 40.0
    """Value of time, which converts the price of a charge into minutes."""
    price_in_choice: bool = True
    """Whether the price of a charge enters the choice of station."""
    davidson_j: Annotated[float, Field(ge=1e-9, le=1e3)] | None = None
    """Davidson's J of the charging arcs (Eq. 3); empty: fitted to the M/M/c wait of the chargers."""
    paths_per_od: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Number of paths of an OD pair, the shortest at free flow; empty: all without loops."""
    path_limit: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Number of paths above which a scenario is an error."""
    assignment: AssignmentConfig = AssignmentConfig()
    """Solution method of the equilibrium."""


class StationConfig(Section):
    """``[[stations]]``: a fast-charging station, at a road node and at a feeder's bus."""

    name: Name
    """Unique name."""
    road_node: Place
    """Road node."""
    feeder: Name | None = None
    """Feeder; may be left out where there is only one."""
    bus: Place
    """Bus of the feeder."""
    chargers: Annotated[int, Field(ge=1, le=100_000)] = 10
    """Number of chargers; vehicles queue first come, first served."""
    charger_kw: PowerKw = 60.0
    """Power of one charger on the grid side [kW]."""
    site_limit_kw: PowerKw | None = None
    """Limit of the whole site [kW]."""


class EvTypeConfig(Section):
    """``[[population.types]]``: EVs of one type; fields left out are those of ``[mobility]``."""

    name: Name
    """Unique name."""
    share: Annotated[float, Field(gt=0, le=1)]
    """Share of all EVs; the shares of all types must add up to 1."""
    battery_kwh: BatteryKwh | None = None
    """Battery capacity [kWh]."""
    consumption_kwh_per_km: ConsumptionKwhPerKm | None = None
    """Consumption [kWh/km]."""
    charging_efficiency: Efficiency | None = None
    """Battery energy per grid energy."""
    fast_kw: PowerKw | None = None
    """Power limit of fast charging on the grid side [kW]; empty: that of the charger."""
    slow_charger_kw: PowerKw | None = None
    """Slow charging power on the grid side [kW]."""
    home_charger_share: Share | None = None
    """EVs of this type with a charger at home."""
    work_charger_share: Share | None = None
    """EVs of this type with a charger at work."""


MAX_EVS = 10_000_000
"""Number of EVs above which a scenario is an error."""
SHARE_SUM_TOLERANCE = 1e-9
"""Deviation from 1 of a sum of shares that is rounding."""
INFORMATION_CLASSES = ("equilibrium", "last_period", "yesterday")
FREE_FLOW = "free_flow"


class InformationConfig(Section):
    """``[population.information]``: share of drivers in each information class; the others perceive free flow."""

    equilibrium: Share = 0.0
    """Share told the link times of the equilibrium."""
    last_period: Share = 0.0
    """Share told the link times measured in the period before."""
    yesterday: Share = 0.0
    """Share told the mean of the link times measured in this period of the days before: day-to-day learning."""

    @model_validator(mode="after")
    def not_more_than_all(self) -> "InformationConfig":
        """Require shares that do not add up to more than 1."""
        if (total := sum(self.shares().values())) > 1 + SHARE_SUM_TOLERANCE:
            sentence = f"the shares add up to {total:g}; they must not exceed 1"
            raise contradiction(sentence, *INFORMATION_CLASSES)
        return self

    def shares(self) -> dict[str, float]:
        """Return the share of each class that has members, in a fixed order."""
        return {kind: getattr(self, kind) for kind in INFORMATION_CLASSES if getattr(self, kind) > 0}

    @property
    def needs_reports(self) -> bool:
        """Whether link times are measured from trip reports."""
        return self.equilibrium < 1


def _shorthand(value: Any) -> Any:
    """Return ``information = "yesterday"`` as a share of 1 for that class."""
    if isinstance(value, dict | InformationConfig):
        return value
    if value in INFORMATION_CLASSES:
        return {value: 1.0}
    msg = f"{', '.join(repr(kind) for kind in INFORMATION_CLASSES)}, or a table with the share of each"
    raise ValueError(msg)


Information = Annotated[
    InformationConfig,
    BeforeValidator(_shorthand),
    WithJsonSchema({"anyOf": [{"enum": list(INFORMATION_CLASSES)}, InformationConfig.model_json_schema()]}),
]
"""Information class of all drivers, or a table of shares."""


class PopulationConfig(Section):
    """``[population]``: EVs, their trips, information and choices."""

    ev_share: Annotated[float, Field(ge=0, le=1)] = 0.6
    """EVs' share of the daily trips."""
    evs: Annotated[int, Field(ge=1, le=MAX_EVS)] | None = None
    """Number of EVs, each one vehicle; empty: daily EV trips / trips per EV and day. Conventional cars stay."""
    resolution: Literal["individual", "batch"] = "individual"
    """Each EV as an agent, or all as arrays, for many EVs; all tables but messages are the same."""
    individual_tables: bool | None = None
    """Whether trips and sessions are recorded one by one; empty: up to 100,000 EVs."""
    information: Information = InformationConfig(equilibrium=1.0)
    """Information class of drivers: equilibrium, last_period or yesterday; or a table with the share of each."""
    theta_per_min: ThetaPerMin | None = None
    """Logit theta of the agents alone [1/min]; empty: the road's. Another value is a negative control."""
    choice: Name = "logit"
    """Choice model of EVs: logit, path_size, probit, cheapest, or a class of the user's as my_module:MyChoice."""
    choice_time_max_s: Annotated[float, Field(ge=0.1, le=86_400)] = 60.0
    """Seconds after which one call of a class of your own is given up; drivers then choose by the logit."""
    energy_in_choice: Literal["own", "mean"] = "own"
    """Energy with which a driver prices a station: the EV's own, or the mean session."""
    estimate_diaries: Annotated[int, Field(ge=1_000, le=10_000_000)] = 200_000
    """Diaries behind p_t, departures and session energy of the equilibrium (the same for all seeds)."""
    trips: Literal["independent", "chained"] | None = None
    """OD pairs: drawn independently, or from the end of the last trip; empty: chained if the OD table allows it."""
    timing: Literal["chain", "profile"] = "chain"
    """When EVs leave: as their own model of mobility says, or so that `road.trip_profile` holds for them, too."""
    soc: Literal["daily", "carried"] = "daily"
    """State of charge and parking place as a day begins: drawn, at home; or carried over from the day before."""
    types: Entries[EvTypeConfig] = ()
    """Types of EVs; none: one type, of `[mobility]`."""

    @model_validator(mode="after")
    def types_are_all(self) -> "PopulationConfig":
        """Require shares of the types that add up to 1."""
        total = sum(kind.share for kind in self.types)
        if self.types and abs(total - 1) > SHARE_SUM_TOLERANCE:
            sentence = f"types: the shares add up to {total:g}; they must add up to 1"
            raise contradiction(sentence, "types")
        return self
