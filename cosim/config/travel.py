"""The roads, the stations, the population and its mobility in a scenario file."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from cosim.sections import (
    BatteryKwh,
    ConsumptionKwhPerKm,
    Efficiency,
    Entries,
    File,
    Minutes,
    Name,
    Place,
    PowerKw,
    Section,
    Shape,
    Share,
    SpeedKmH,
    ThetaPerMin,
    Tolerance,
    contradiction,
)

Hours = Annotated[float, Field(ge=0.01, le=24)]
HoursDeviation = Annotated[float, Field(ge=0, le=24)]
TimeOfDayH = Annotated[float, Field(ge=0, le=24)]
LogDeviation = Annotated[float, Field(ge=1e-6, le=10)]
TripKm = Annotated[float, Field(ge=0.1, le=1_000)]


def _refuse_unordered(section: Section, low: str, high: str) -> None:
    """Require that the field *low* of *section* is below the field *high*."""
    least, most = getattr(section, low), getattr(section, high)
    if not least < most:
        sentence = f"{low} is {least:g}; it must be below {high} ({most:g})"
        raise contradiction(sentence, low, high)


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


class DwellConfig(Section):
    """``[mobility.dwell]``: how long stays last after an arrival; for mobility of kind dwell."""

    home_median_h: Hours = 2.2
    """Median of the log-normal stay at home [h]."""
    home_log_sd: LogDeviation = 0.8
    """Standard deviation of its logarithm."""
    work_mean_h: Hours = 8.0
    """Mean of the normal stay at work [h]."""
    work_sd_h: HoursDeviation = 1.5
    """Standard deviation of that stay [h]."""
    late_work_from_h: TimeOfDayH = 11.0
    """Time of day from which an arrival at work is late [h]."""
    late_work_mean_h: Hours = 3.0
    """Mean of the normal stay at work after a late arrival [h]."""
    late_work_sd_h: HoursDeviation = 1.0
    """Standard deviation of that stay [h]."""
    leisure_median_h: Hours = 1.1
    """Median of the log-normal stay at leisure [h]."""
    leisure_log_sd: LogDeviation = 0.7
    """Standard deviation of its logarithm."""
    other_median_h: Hours = 1.1
    """Median of the log-normal stay at any other activity [h]."""
    other_log_sd: LogDeviation = 0.7
    """Standard deviation of its logarithm."""
    shortest_h: Hours = 0.25
    """Shortest stay [h]: shorter ones are set to it; also the least after an arrival past midnight."""
    longest_h: Hours = 14.0
    """Longest stay [h]: longer ones are set to it."""
    evening_from_h: TimeOfDayH = 16.0
    """Time of day from which an arrival at home may be the last of the day [h]."""
    evening_share: Share = 0.75
    """Share of those arrivals after which the EV makes no more trips on the day."""

    @model_validator(mode="after")
    def shortest_below_longest(self) -> "DwellConfig":
        """Require a longest stay above the shortest."""
        _refuse_unordered(self, "shortest_h", "longest_h")
        return self


class MobilityConfig(Section):
    """``[mobility]``: mobility model, batteries and charging behaviour."""

    kind: Literal["dwell", "markov"] = "dwell"
    """Dwell times and hourly transitions, or a Markov chain in quarter hours."""
    transitions: File | None = None
    """For dwell: CSV of the hourly transition matrix (from, hour, home, work, leisure, other)."""
    departures: File | None = None
    """For markov: CSV of the departure probabilities of each slot (slot, from, home, work, leisure, other)."""
    travel_share: Share = 0.8
    """Share of EVs that travel on a day."""
    first_departure_shape: Shape = 6.63
    """Shape of the gamma distribution of the first departure."""
    first_departure_scale_min: Minutes = 65.76
    """Scale of that distribution [min]."""
    first_departure_shift_min: Annotated[float, Field(ge=0, le=1_440)] = 114.54
    """Shift of that distribution from the start of the day [min]."""
    dwell: DwellConfig = DwellConfig()
    """How long stays last; for dwell."""
    trip_length_log_mean: Annotated[float, Field(ge=-10, le=10)] = 2.451
    """Mean of ln(trip length / km)."""
    trip_length_log_sd: LogDeviation = 0.75
    """Standard deviation of ln(trip length / km)."""
    trip_length_min_km: TripKm = 1.0
    """Shortest trip [km]: shorter ones are set to it."""
    trip_length_max_km: TripKm = 100.0
    """Longest trip [km]: longer ones are set to it."""
    diary_speed_km_h: SpeedKmH = 35.0
    """Speed in the diary; on the network, road time replaces it."""
    battery_kwh: BatteryKwh = 50.0
    """Battery capacity [kWh]."""
    consumption_kwh_per_km: ConsumptionKwhPerKm = 0.17
    """Consumption [kWh/km]."""
    charging_efficiency: Efficiency = 0.92
    """Battery energy per grid energy."""
    soc_first_mean: Share = 0.60
    """Mean SOC at the first departure of the day."""
    soc_first_sd: Annotated[float, Field(ge=0, le=10)] = 0.15
    """Standard deviation of that SOC."""
    soc_first_min: Share = 0.2
    """Lowest SOC at the first departure: lower ones are set to it."""
    soc_first_max: Share = 0.9
    """Highest SOC at the first departure: higher ones are set to it."""
    soc_fast_charge: Share = 0.30
    """SOC at which the probability to fast-charge is 0.5."""
    soc_fast_charge_width: Annotated[float, Field(ge=1e-6, le=10)] = 0.05
    """Width of the logistic curve around it."""
    soc_reserve: Share = 0.10
    """A trip that would end below this SOC fast-charges for certain."""
    soc_target: Share = 0.80
    """SOC at which a fast charge ends."""
    charging_stop: Share = 0.5
    """Share of the trip's energy that is used when the charger is reached."""
    price_sensitivity: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """k in the probability to fast-charge: 0 ignores the price."""
    home_charger_share: Share = 0.5
    """EVs with a charger at home."""
    work_charger_share: Share = 0.2
    """EVs with a charger at work."""
    slow_charger_kw: PowerKw = 7.0
    """Slow charging power on the grid side [kW]."""
    soc_plug_at_home: Share = 0.7
    """At home an EV is plugged in below this SOC."""

    @model_validator(mode="after")
    def table_of_the_kind(self) -> "MobilityConfig":
        """Require the table of the kind of model."""
        table = "transitions" if self.kind == "dwell" else "departures"
        if getattr(self, table) is None:
            sentence = f"{table} is missing; mobility of kind '{self.kind}' needs its file"
            raise contradiction(sentence, table)
        return self

    @model_validator(mode="after")
    def bounds_in_order(self) -> "MobilityConfig":
        """Require a target above the reserve, and upper bounds above the lower ones."""
        _refuse_unordered(self, "soc_reserve", "soc_target")
        _refuse_unordered(self, "trip_length_min_km", "trip_length_max_km")
        _refuse_unordered(self, "soc_first_min", "soc_first_max")
        return self
