"""The toy with a station on each path, and a day ahead by hand: no equilibrium is solved."""

from pathlib import Path

import numpy as np

from cosim.scenario import DayAhead, Scenario, load_scenario

TOY_LINKS = Path(__file__).parents[2] / "configs" / "toy" / "links.csv"
SHORTCUT = "5,2,3,1,100,0.15,4\n"
"""A link from node 2 to node 3, from one path to the other."""

TWO_STATIONS = (
    'stations=[{name="S", road_node=2, bus=4, chargers=2, charger_kw=60.0},'
    '{name="R", road_node=3, bus=4, chargers=2, charger_kw=60.0}]'
)


def two_stations(toy: Scenario, *settings: str) -> Scenario:
    """Return the toy with stations S at node 2 and R at node 3."""
    return load_scenario(toy.folder / "toy.toml", [TWO_STATIONS, *settings])


def toy_with_links(folder: Path, rows: str = SHORTCUT) -> Path:
    """Write into *folder* the toy with more links, and return its file."""
    (folder / "links.csv").write_text(TOY_LINKS.read_text(encoding="utf-8") + rows, encoding="utf-8")
    file = folder / "more_links.toml"
    file.write_text('extends = "toy"\nname = "more_links"\n[road]\nlinks = "links.csv"\n', encoding="utf-8")
    return file


def plain_day_ahead(scenario: Scenario, n_ev: int = 6, days: int = 1) -> DayAhead:
    """Return a day on which nothing is expected but a price of 1 CNY/kWh and a mean session of 30 kWh."""
    paths = scenario.with_session_energy(30.0)
    shape = (scenario.periods.count, 2)
    return DayAhead(
        days=days,
        n_ev=n_ev,
        session_kwh=30.0,
        paths=paths,
        link_time_min=np.tile(paths.network.t0_min, (shape[0], 1)),
        car_path_veh_h=np.zeros((shape[0], paths.count)),
        station_load_kw=np.zeros(shape),
        tariff_cny_per_kwh=np.full(shape[0], 1.0),
        nodal_price_cny_per_kwh=np.full(shape, 0.5),
        charging_price_cny_per_kwh=np.full(shape, 1.0),
        share_drawn_on_arrival=0.5,
    )
