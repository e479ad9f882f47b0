"""The population model once more, written from docs/mobility.md, docs/method.md and configs/ alone.

Imports nothing of the program: what it computes differently, one of the two or the page says wrongly.
"""

import csv
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ACTIVITIES = ["home", "work", "leisure", "other"]
HOME, WORK = 0, 1
DAY_S, SLOT_S = 86_400, 900


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file whose comments begin with #."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def read_config(path: Path) -> dict[str, Any]:
    """Return a scenario with what it extends below it, section by section."""
    config = tomllib.loads(path.read_text())
    if "extends" not in config:
        return config
    base = read_config(path.parent / config.pop("extends"))
    for name, value in config.items():
        base[name] = {**base.get(name, {}), **value} if isinstance(value, dict) else value
    return base


def read_mobility(scenario: Path, fields: Path, **changes: Any) -> dict[str, Any]:
    """Return all fields of ``[mobility]`` and ``[mobility.dwell]``: the scenario's, else the defaults of *fields*."""
    given = read_config(scenario)["mobility"]
    mobility = read_defaults(fields, "mobility") | given
    mobility["dwell"] = read_defaults(fields, "mobility.dwell") | given.get("dwell", {})
    nested = {name: value for name, value in changes.items() if name in mobility["dwell"]}
    return mobility | changes | {"dwell": mobility["dwell"] | nested}


def read_defaults(fields: Path, section: str) -> dict[str, Any]:
    """Return the defaults of one section of docs/fields.md."""
    lines = fields.read_text(encoding="utf-8").split(f"## `[{section}]`")[1].split("\n## ")[0].splitlines()
    cells = [line.split("|") for line in lines if line.startswith("| `")]
    defaults = {row[1].strip(" `"): row[3].strip(" `") for row in cells}
    return {name: tomllib.loads(f"value = {text}")["value"] for name, text in defaults.items() if text}


def read_matrix(path: Path, key: str, count: int) -> np.ndarray:
    """Return (count, 4, 4): by slot or hour, activity left and activity next; NaN where the file is blank."""
    matrix = np.full((count, 4, 4), np.nan)
    for row in read_rows(path):
        cells = [float(row[name]) if row[name] else np.nan for name in ACTIVITIES]
        matrix[int(row[key]) - 1, ACTIVITIES.index(row["from"])] = cells
    return matrix


BLANK_ROWS = np.eye(4)[[0, 0, 0, 0]]
BLANK_ROWS[0] = 0.0, 0.78, 0.20, 0.02


@dataclass
class Population:
    """One day of the EVs; one value per EV, and the trips made as rows."""

    mobility: dict[str, Any]
    rng: np.random.Generator
    at: np.ndarray
    since_s: np.ndarray
    soc: np.ndarray
    home_charger: np.ndarray
    work_charger: np.ndarray
    stranded: np.ndarray
    soc_is_drawn: np.ndarray  # for the first departure, so that nothing is added before it
    demand: np.ndarray | None
    zone: np.ndarray
    home_zone: np.ndarray
    work_zone: np.ndarray
    trips: list[np.ndarray]
    day: int = 0

    def leave(self, ev: np.ndarray, departure_s: np.ndarray, to: np.ndarray) -> None:
        """Let EVs charge as they have parked, decide to fast-charge, and drive."""
        m, rng, n = self.mobility, self.rng, len(ev)
        km = rng.lognormal(m["trip_length_log_mean"], m["trip_length_log_sd"], n)
        km = np.clip(km, m["trip_length_min_km"], m["trip_length_max_km"])
        soc = self.soc_after_parking(ev, departure_s)
        used = km * m["consumption_kwh_per_km"] / m["battery_kwh"]
        stop = soc - m["charging_stop"] * used
        chance = 1 / (1 + np.exp((soc - m["soc_fast_charge"]) / m["soc_fast_charge_width"]))
        wanted = (rng.random(n) < chance) | (soc - used < m["soc_reserve"])
        fast = wanted & (stop < m["soc_target"])
        end = np.where(fast, m["soc_target"] - (1 - m["charging_stop"]) * used, soc - used)
        session_kwh = fast * (m["soc_target"] - stop) * m["battery_kwh"] / m["charging_efficiency"]
        possible = (stop >= 0) & (end >= 0)
        origin, destination = self.zone[ev], self.destination(ev, to)
        made = np.column_stack([ev, self.day * DAY_S + departure_s, fast, session_kwh, origin, destination])[
            possible
        ]
        self.trips.append(made)
        self.stranded[ev], self.soc_is_drawn[ev] = ~possible, False
        self.soc[ev], self.since_s[ev] = soc, departure_s  # of a stranded EV: it stays, with what it has
        ev = ev[possible]
        self.soc[ev], self.at[ev], self.zone[ev] = end[possible], to[possible], destination[possible]
        self.since_s[ev] = np.rint(departure_s + km / m["diary_speed_km_h"] * 3600)[possible]

    def soc_after_parking(self, ev: np.ndarray, departure_s: np.ndarray) -> np.ndarray:
        """Return the state of charge at departure; that of the first one is drawn as it is."""
        m, soc, at = self.mobility, self.soc[ev], self.at[ev]
        at_home = (at == HOME) & self.home_charger[ev] & (soc < m["soc_plug_at_home"])
        plugged = ~self.soc_is_drawn[ev] & (at_home | ((at == WORK) & self.work_charger[ev]))
        kwh = m["slow_charger_kw"] * m["charging_efficiency"] * (departure_s - self.since_s[ev]) / 3600
        return np.where(plugged, np.minimum(soc + kwh / m["battery_kwh"], 1), soc)

    def destination(self, ev: np.ndarray, to: np.ndarray) -> np.ndarray:
        """Return the zones in which trips end; 0 where trips do not chain."""
        if self.demand is None:
            return self.zone[ev]
        zone, home, work = self.zone[ev], self.home_zone[ev], self.work_zone[ev]
        visit = draw_visits(self.rng, self.demand, zone, home, work)
        to_work = (to == WORK) & (zone != work)
        return np.where(to == HOME, home, np.where(to_work, work, visit))


def draw(rng: np.random.Generator, shares: np.ndarray) -> np.ndarray:
    """Return one column for each row, drawn by the row's shares; one more where they sum to less than 1."""
    return (rng.random(len(shares))[:, np.newaxis] >= np.cumsum(shares, axis=1)).sum(axis=1)


def draw_visits(
    rng: np.random.Generator,
    demand: np.ndarray,
    zone: np.ndarray,
    home: np.ndarray,
    work: np.ndarray | None = None,
) -> np.ndarray:
    """Return zones drawn from the row of each *zone*: not home and, if there is a choice, not work."""
    row = np.arange(len(zone))
    weight = demand[zone] * (demand[:, home].T > 0)
    weight[row, home] = 0
    if work is not None:
        others = weight.copy()
        others[row, work] = 0
        has_choice = others.sum(axis=1) > 0
        weight[has_choice] = others[has_choice]
    return np.minimum(draw(rng, weight / weight.sum(axis=1, keepdims=True)), len(demand) - 1)


def read_demand(path: Path) -> np.ndarray:
    """Return the OD table, (zones, zones), zones in the order of their names."""
    rows = read_rows(path)
    zones = sorted({row["origin"] for row in rows} | {row["dest"] for row in rows})
    demand = np.zeros((len(zones), len(zones)))
    for row in rows:
        demand[zones.index(row["origin"]), zones.index(row["dest"])] = float(row["demand_veh_h"])
    return demand


def without_round_trips(weights: np.ndarray) -> np.ndarray:
    """Return a table in which the shares from home to home go to the other activities."""
    total = weights.sum(axis=2)
    weights = weights.copy()
    weights[:, HOME, HOME] = 0
    rest = weights[:, HOME].sum(axis=1)
    weights[rest == 0, HOME, WORK] = 1
    rest[rest == 0] = 1
    weights[:, HOME] *= (total[:, HOME] / rest)[:, np.newaxis]
    return weights


def simulate(scenario: Path, mobility: dict[str, Any], n_ev: int, seed: int, days: int = 0) -> np.ndarray:
    """Return the trips made: EV, departure [s], fast charge, session [kWh], origin and destination zone.

    *mobility* are the fields of ``[mobility]``, none left out. One day, or so many *days* in a row, with place and
    state of charge carried over midnight.
    """
    config, rng = read_config(scenario), np.random.default_rng(seed)
    chained = config["population"].get("trips") == "chained"
    demand = read_demand(scenario.parent / config["road"]["demand"]) if chained else None
    home = work = np.zeros(n_ev, dtype=int)
    if demand is not None:
        home = rng.choice(len(demand), n_ev, p=demand.sum(axis=1) / demand.sum())
        work = draw_visits(rng, demand, home, home)
    soc = np.clip(
        rng.normal(mobility["soc_first_mean"], mobility["soc_first_sd"], n_ev),
        mobility["soc_first_min"],
        mobility["soc_first_max"],
    )
    population = Population(
        mobility=mobility,
        rng=rng,
        at=np.full(n_ev, HOME),
        since_s=np.full(n_ev, -1.0),
        soc=soc,
        home_charger=rng.random(n_ev) < mobility["home_charger_share"],
        work_charger=rng.random(n_ev) < mobility["work_charger_share"],
        stranded=np.zeros(n_ev, dtype=bool),
        soc_is_drawn=np.full(n_ev, days == 0),
        demand=demand,
        zone=home.copy(),
        home_zone=home,
        work_zone=work,
        trips=[],
    )
    table = read_table(scenario.parent, mobility)
    table = without_round_trips(table) if chained else table
    simulate_day = markov_day if mobility["kind"] == "markov" else dwell_day
    for _ in range(max(days, 1)):
        at_home = (population.at == HOME) & (population.since_s < 0)
        travels = ~at_home | (rng.random(n_ev) < mobility["travel_share"])
        simulate_day(population, table, np.flatnonzero(travels))
        population.since_s -= DAY_S
        population.stranded[:] = False
        population.day += 1
    return np.concatenate(population.trips)


def read_table(folder: Path, mobility: dict[str, Any]) -> np.ndarray:
    """Return the table of the model: departures by slot, or activities by hour with blank rows filled."""
    if mobility["kind"] == "markov":
        return read_matrix(folder / mobility["departures"], "slot", 96)
    hourly = read_matrix(folder / mobility["transitions"], "hour", 24)
    hourly = np.where(np.isnan(hourly), BLANK_ROWS, hourly)
    return hourly / hourly.sum(axis=2, keepdims=True)


def markov_day(population: Population, table: np.ndarray, travellers: np.ndarray) -> None:
    """Let the travellers make the trips of one day of the quarter-hour chain."""
    for slot in range(96):
        start_s = slot * SLOT_S
        parked = travellers[(population.since_s[travellers] < start_s) & ~population.stranded[travellers]]
        to = draw(population.rng, table[slot, population.at[parked]])
        ev, to = parked[to < 4], to[to < 4]
        second = np.floor(start_s + SLOT_S * population.rng.random(len(ev)))
        population.leave(ev, second, to)


def dwell_day(population: Population, table: np.ndarray, travellers: np.ndarray) -> None:
    """Let the travellers make the trips of one day of the dwell-time model."""
    m, rng, ev = population.mobility, population.rng, travellers
    scale_s = m["first_departure_scale_min"] * 60
    first_s = m["first_departure_shift_min"] * 60 + rng.gamma(m["first_departure_shape"], scale_s, len(ev))
    since_s = population.since_s[ev]
    earliest_s = np.where(since_s < 0, 0, since_s + m["dwell"]["shortest_h"] * 3600)
    departure_s = np.rint(np.maximum(first_s, earliest_s))
    while True:
        today = (departure_s < DAY_S) & ~population.stranded[ev]
        ev, departure_s = ev[today], departure_s[today]
        if not len(ev):
            return
        hour = (departure_s // 3600).astype(int)
        to = draw(rng, table[hour, population.at[ev]])
        population.leave(ev, departure_s, to)
        departure_s = population.since_s[ev] + dwell_s(
            m["dwell"], rng, population.at[ev], population.since_s[ev]
        )


def dwell_s(
    d: dict[str, float], rng: np.random.Generator, at: np.ndarray, arrival_s: np.ndarray
) -> np.ndarray:
    """Return how long each stay lasts [s]; infinite for the rest of the day."""
    late = arrival_s >= d["late_work_from_h"] * 3600
    normal, hours = rng.standard_normal(len(at)), np.empty(len(at))
    for activity in (0, 2, 3):
        name, here = ACTIVITIES[activity], at == activity
        hours[here] = d[f"{name}_median_h"] * np.exp(d[f"{name}_log_sd"] * normal[here])
    for kind, here in (("work", (at == WORK) & ~late), ("late_work", (at == WORK) & late)):
        hours[here] = d[f"{kind}_mean_h"] + d[f"{kind}_sd_h"] * normal[here]
    hours = np.clip(hours, d["shortest_h"], d["longest_h"])
    evening = (at == HOME) & (arrival_s >= d["evening_from_h"] * 3600)
    return np.where(evening & (rng.random(len(at)) < d["evening_share"]), np.inf, np.rint(hours * 3600))
