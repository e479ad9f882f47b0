"""How EVs move and charge in a scenario file."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cosim.sections import (
    BatteryKwh,
    ConsumptionKwhPerKm,
    Efficiency,
    File,
    Minutes,
    PowerKw,
    Section,
    Shape,
    Share,
    SpeedKmH,
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
