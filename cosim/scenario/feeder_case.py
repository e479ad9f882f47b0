"""A feeder with its devices, base load and dispatch options: the input of one grid operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray
from cosim.config.grid import FeederConfig
from cosim.config.scenario import ScenarioConfig
from cosim.csv_tables import read_table
from cosim.errors import ConfigError, refuse
from cosim.grid.device import Devices
from cosim.grid.feeder import Feeder, VoltageRules, feeder_from_pandapower, read_feeder_csv
from cosim.grid.margins import margin_problems
from cosim.grid.problem import Elastic, Load, Margin, Rules
from cosim.periods import Periods
from cosim.scenario.outages import Outages
from cosim.scenario.station import Station


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeederCase:
    """A feeder, what hangs on it, and the rules of its dispatch."""

    feeder: Feeder
    devices: Devices
    rules: Rules
    load_pu: FloatArray
    """Base load of each period of the day, as a share of the nominal load."""
    outages: Outages
    """The events that befall it."""

    @property
    def base_kw(self) -> FloatArray:
        """Base load of the whole feeder in each period, less what its own generators feed in."""
        fed_in_kw = float(self.feeder.generation_kva.real.sum())
        return self.load_pu * (float(self.feeder.load_kw.sum()) + fed_in_kw) - fed_in_kw

    def load(self, stations: Sequence[Station], station_kw: FloatArray, first_period: int = 1) -> Load:
        """Return the load from *first_period* on; *station_kw* is (periods from it on, all stations).

        What is planned to be out of service is out of service.
        """
        at_bus = np.zeros((station_kw.shape[0], self.feeder.bus_count))
        for station in stations:
            if station.feeder == self.feeder.name:
                at_bus[:, self.feeder.bus_index(station.bus)] += station_kw[:, station.number]
        profile = self.load_pu[first_period - 1 : first_period - 1 + station_kw.shape[0]]
        load = Load.scaled(self.feeder, profile, at_bus)
        planned = self.outages.planned().between(first_period - 1, first_period - 1 + len(profile))
        return replace(load, in_service=planned)


def read_feeder(config: FeederConfig, folder: Path, switched: Mapping[str, bool] | None = None) -> Feeder:
    """Return the feeder of a configuration, without its devices; *switched* says which branches are in service."""
    limits = VoltageRules(config.slack_voltage_pu, config.voltage_min_pu, config.voltage_max_pu)
    try:
        feeder = _read_network(config, folder, limits, switched or {})
    except ConfigError as error:
        raise _with_feeder(error, config) from None
    scale = config.branch_limit_scale
    return replace(
        feeder,
        name=config.name,
        current_max_pu=scale * feeder.current_max_pu,
        current_max_to_pu=scale * feeder.current_max_to_pu,
        source_limits_kva=feeder.source_limits_kva if config.source_limits else None,
        given=feeder.given and feeder.given.under_settings(scale, source_limits=config.source_limits),
    )


def network_notes(feeders: Sequence[Feeder]) -> list[str]:
    """Return what of the networks of *feeders* is left out, or is not as it stands there."""
    return [
        f"feeder {feeder.name}, {note}" if len(feeders) > 1 else note
        for feeder in feeders
        for note in feeder.notes
    ]


def with_voltage_limits(config: ScenarioConfig, feeders: Sequence[Feeder]) -> ScenarioConfig:
    """Return the scenario with the voltage limits of each feeder in it, where all buses have the same."""

    def resolved(wanted: FeederConfig, feeder: Feeder) -> FeederConfig:
        limits = {name: getattr(feeder, name) for name in ("voltage_min_pu", "voltage_max_pu")}
        return wanted.model_copy(update={n: limit for n, limit in limits.items() if isinstance(limit, float)})

    entries = tuple(map(resolved, config.grid.feeders, feeders))
    return config.model_copy(update={"grid": config.grid.model_copy(update={"feeders": entries})})


def buses_only(config: FeederConfig, folder: Path) -> Feeder | None:
    """Return a feeder of the buses that its CSV file lists, to check buses of a feeder that cannot be read."""
    if config.buses is None:
        return None
    table = read_table(folder / config.buses, (), optional=None)
    names = tuple(dict.fromkeys(row["bus"] for row in table.cells if row.get("bus")))
    zeros, empty = np.zeros(len(names)), np.zeros(0)
    feeder = Feeder(
        name=config.name,
        bus_names=names,
        branch_names=(),
        slack_bus=0,
        from_bus=empty.astype(np.int64),
        to_bus=empty.astype(np.int64),
        r_pu=empty,
        x_pu=empty,
        current_max_pu=empty,
        v_base_kv=config.base_kv,
        load_kw=zeros,
        load_kvar=zeros,
    )
    return feeder if names else None


def build_feeder_case(
    config: FeederConfig, feeder: Feeder, profiles: dict[str, FloatArray] | None, periods: int
) -> FeederCase:
    """Return the feeder with its devices; without *profiles*, only to check their buses and limits, profiles of 0."""
    zeros = np.zeros(periods)
    devices = _devices(config, profiles, zeros)
    try:
        devices.check(feeder)
        refuse(config.name, margin_problems(feeder, _margin(config)))
    except ConfigError as error:
        raise _with_feeder(error, config) from None
    devices = _at_shown_buses(devices, feeder)
    return FeederCase(
        feeder=feeder,
        devices=devices,
        rules=_rules(config),
        outages=Outages(periods=Periods(count=periods), devices=devices, feeder=feeder),
        load_pu=config.load_scale * (zeros if profiles is None else profiles[config.load_profile]),
    )


def _with_feeder(error: ConfigError, config: FeederConfig) -> ConfigError:
    """Return the error with the name of the feeder in each problem that names no file."""
    problems = [p if p.file else p.within("feeder", config.name) for p in error.problems]
    return ConfigError(config.name, problems)


def _read_network(
    config: FeederConfig, folder: Path, limits: VoltageRules, switched: Mapping[str, bool]
) -> Feeder:
    if config.network is not None:
        file = folder / config.network
        is_file = file.is_file() or file.suffix in {".json", ".m"}
        network = str(file) if is_file else config.network
        return feeder_from_pandapower(network, voltage=limits, switched=switched)
    return read_feeder_csv(
        folder / str(config.buses),
        folder / str(config.branches),
        name=config.name,
        slack_bus=config.slack_bus,
        v_base_kv=config.base_kv,
        voltage=limits,
        switched=dict.fromkeys(config.open_branches, False)
        | dict.fromkeys(config.closed_branches, True)
        | dict(switched),
    )


def _devices(config: FeederConfig, profiles: Mapping[str, FloatArray] | None, zeros: FloatArray) -> Devices:
    given = {column: zeros for _, column in config.device_profiles} if profiles is None else profiles
    return Devices(*(entry.device(given) for entry in config.devices))


def _at_shown_buses(devices: Devices, feeder: Feeder) -> Devices:
    """Return the devices, each with its bus by the name in the result tables."""
    shown = (feeder.bus_names[feeder.bus_index(device.bus)] for device in devices.all)
    return Devices(*(replace(device, bus=bus) for device, bus in zip(devices.all, shown, strict=True)))  # type: ignore[type-var]


def _margin(config: FeederConfig) -> Margin:
    return Margin(voltage_pu=config.voltage_margin_pu, current=config.current_margin)


def _rules(config: FeederConfig) -> Rules:
    return Rules(
        export=config.export,
        loss_price_cny_per_mwh=config.loss_price_cny_per_mwh,
        elastic=Elastic(**config.elastic.model_dump()),
        margin=_margin(config),
        solver=config.solver,
        solve_time_max_s=config.solve_time_max_s,
        fallback=True,
    )
