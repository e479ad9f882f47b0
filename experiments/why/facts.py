"""The day of one EV as plain facts: the output of ``cosim why --json``, and the source of its text."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from agents.plans import information_class_of_each
from agents.watch import WatchedDecision
from cosim.arrays import FloatArray
from cosim.config.travel import FREE_FLOW
from cosim.ev.charging import fast_charge_probability
from cosim.ev.transitions import ACTIVITIES
from cosim.periods import SECONDS_PER_DAY
from experiments.why.mail import messages_of_trip
from experiments.why.moment import moment
from experiments.why.record import EvDay, Trip


def ev_day_facts(day: EvDay, at_s: int | None = None) -> dict[str, Any]:
    """Return the EV and its trips; with *at_s* also its state at that second of the day."""
    config, carried_over = day.scenario.config, day.carried_over_trip
    facts = {
        "ev": day.ev,
        "day": day.day,
        "days": config.days,
        "scenario": config.name,
        "seed": config.seed,
        "resolution": config.population.resolution,
        "choice": config.population.choice,
        "theta_per_min": config.population.theta_per_min or config.road.theta_per_min,
        "car": car_facts(day),
        "information_class": information_class_facts(day),
        "soc_first": soc_first(day),
        "soc_is_drawn": day.recording.evs.soc_is_drawn,
        "has_home_charger": day.attribute("has_home_charger"),
        "has_work_charger": day.attribute("has_work_charger"),
        "trips_planned": day.planned,
        "carried_over_trip": None if carried_over is None else trip_facts(day, carried_over),
        "trips": [trip_facts(day, trip) for trip in day.trips],
        "broadcasts_lost": [
            {"kind": type(message).__name__, "sent_s": message.sent_s} for message in day.recording.lost
        ],
    }
    if at_s is not None:
        second = (day.day - 1) * SECONDS_PER_DAY + at_s
        facts["at"] = {"second": second, **asdict(moment(day, second))}
    return facts


def car_facts(day: EvDay) -> dict[str, Any]:
    """Return the attributes of the car; the type is None where there are no types, the limit where it has none."""
    types, max_power_kw = day.scenario.mobility.types, day.attribute("max_power_kw")
    return {
        "type": types[day.attribute("ev_type")].name if types else None,
        "battery_kwh": float(day.battery.battery_kwh),
        "consumption_kwh_per_km": float(day.battery.consumption_kwh_per_km),
        "charging_efficiency": float(day.battery.charging_efficiency),
        "slow_charger_kw": float(day.behaviour.slow_charger_kw),
        "fast_kw": max_power_kw if math.isfinite(max_power_kw) else None,
    }


def information_class_facts(day: EvDay) -> dict[str, Any]:
    """Return the information class of the driver, and its share of all drivers."""
    shares, seed = day.scenario.config.population.information.shares(), day.scenario.config.seed
    index = int(information_class_of_each(shares, day.ev, seed)[-1])
    name = (*shares, FREE_FLOW)[index]
    return {"name": name, "share": shares.get(name, 1 - sum(shares.values()))}


def soc_first(day: EvDay) -> float:
    """Return the state of charge as the day begins: drawn, or carried over from the day before."""
    if day.recording.state is None:
        return float(day.attribute("soc_first"))
    return moment(day, (day.day - 1) * SECONDS_PER_DAY).soc


def trip_facts(day: EvDay, trip: Trip) -> dict[str, Any]:
    """Return one trip: decisions, choice set, uniform numbers, outcome and messages."""
    paths, stranded = day.day_ahead.paths, trip.is_stranded
    return {
        "trip": trip["trip"],
        "day": min(trip["departure_s"] // SECONDS_PER_DAY + 1, day.scenario.config.days),
        "from": ACTIVITIES[trip["from_activity"]],
        "to": ACTIVITIES[trip["to_activity"]],
        "origin": paths.network.nodes[paths.od.origin[trip["od"]]],
        "destination": paths.network.nodes[paths.od.dest[trip["od"]]],
        "length_km": trip["length_km"],
        "departure_s": trip["departure_s"],
        "planned_departure_s": trip["planned_s"],
        "slow_charge_kwh": trip["slow_kwh"],
        "soc_departure": trip["soc_departure"],
        "drive_kwh": float(trip.watched.decision.charging.drive_kwh[0]),
        "soc_arrival": trip["soc_arrival"],
        "information": information_facts(trip.watched),
        "fast_charge": fast_charge_facts(day, trip),
        "uniform": trip["route_uniform"],
        "choice_set": choice_facts(day, trip),
        "path": trip["path"],
        "station": _station(day, trip["path"]) if trip["charges"] and not stranded else None,
        "status": status(trip),
        "outcome": None if trip["arrival_s"] < 0 else outcome_facts(trip),
        "messages": messages_of_trip(day, trip),
    }


def _station(day: EvDay, path: int) -> str | None:
    """Return the name of the station of a (path, station) pair."""
    number = int(day.day_ahead.paths.station[path])
    return day.scenario.stations[number].name if number >= 0 else None


def information_facts(watched: WatchedDecision) -> dict[str, Any]:
    """Return the messages behind a decision; None where none was received."""
    opened, tariff = watched.opened, watched.tariff
    return {
        "link_times": None if opened is None else opened.information_class,
        "link_times_sent_s": None if opened is None else opened.sent_s,
        "link_times_day": None if opened is None else opened.day,
        "link_times_period": None if opened is None else opened.period,
        "tariff_sent_s": None if tariff is None else tariff.sent_s,
    }


def fast_charge_facts(day: EvDay, trip: Trip) -> dict[str, Any]:
    """Return the decision to fast-charge on the way: probability, uniform number, SOC at its end."""
    charging, soc = trip.watched.decision.charging, trip["soc_departure"]
    price_ratio, drive_kwh = float(charging.price_ratio[0]), float(charging.drive_kwh[0])
    return {
        "probability": float(fast_charge_probability(soc, day.behaviour, price_ratio)),
        "uniform": trip["charge_uniform"],
        "price_ratio": price_ratio,
        "soc_without": float(day.battery.soc_after_driving(soc, drive_kwh)),
        "soc_charging_stop": float(charging.energy_use.soc_charging_stop[0]),
        "chosen": trip["charges"],
        "wanted_kwh": float(charging.energy_use.session_kwh[0]),
    }


def choice_facts(day: EvDay, trip: Trip) -> list[dict[str, Any]]:
    """Return the alternatives with their cost, probability and interval of [0, 1)."""
    choice, paths = trip.watched.choice_set, day.day_ahead.paths
    expected_min = _expected_station_min(day, trip.watched)
    station_min = np.where(paths.station[choice.path] < 0, 0.0, expected_min[paths.station[choice.path]])
    lower = np.concatenate([[0.0], choice.cumulative[:-1]])
    return [
        {
            "path": int(path),
            "nodes": paths.path_name(int(path)),
            "station": _station(day, int(path)),
            "road_min": float(choice.time_min[row] - station_min[row]),
            "station_min": float(station_min[row]),
            "charging_cost_min": float(choice.cost_min[row] - choice.time_min[row]),
            "cost_min": float(choice.cost_min[row]),
            "probability": float(choice.probability[row]),
            "from": float(lower[row]),
            "to": float(choice.cumulative[row]),
            "chosen": int(path) == trip["path"],
        }
        for row, path in enumerate(choice.path)
    ]


def _expected_station_min(day: EvDay, watched: WatchedDecision) -> FloatArray:
    """Return the perceived time for wait and charge at each station."""
    network, opened = day.day_ahead.paths.network, watched.opened
    times_min = network.t0_min if opened is None else np.array(opened.link_time_min)
    station_min: FloatArray = times_min[network.charging_arcs]
    return station_min


def outcome_facts(trip: Trip) -> dict[str, Any]:
    """Return times, energy and payment of a trip that has ended."""
    paid_cny, fast_kwh = trip["paid_cny"], trip["fast_kwh"]
    return {
        "arrival_s": trip["arrival_s"],
        "drive_min": trip["drive_s"] / 60,
        "wait_min": trip["wait_s"] / 60,
        "charge_min": trip["charge_s"] / 60,
        "fast_charge_kwh": fast_kwh,
        "paid_cny": paid_cny,
        "price_cny_per_kwh": paid_cny / fast_kwh if paid_cny and fast_kwh else None,
    }


def status(trip: Trip) -> str:
    """Return the status as in the table of trips (which misses the end of a wait of more than a day)."""
    if trip.is_stranded:
        return "stranded"
    return "arrived" if trip["arrival_s"] >= 0 else "on_the_way"
