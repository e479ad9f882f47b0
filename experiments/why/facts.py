"""The day of one EV as plain facts: what ``cosim why --json`` prints, and what the words are made of."""

import math
from typing import Any

import numpy as np

from agents.plans import information_class_of_each
from agents.watch import WatchedDecision
from cosim.arrays import FloatArray
from cosim.config.travel import FREE_FLOW
from cosim.ev.charging import fast_charge_probability
from cosim.ev.transitions import ACTIVITIES
from cosim.periods import SECONDS_PER_DAY
from experiments.why.mail import mail_of
from experiments.why.moment import moment
from experiments.why.record import EvDay, Trip


def facts_of(day: EvDay, at_s: int | None = None) -> dict[str, Any]:
    """Return the EV and its trips; with *at_s* also its state at that second of the day."""
    config, before = day.scenario.config, day.trip_before
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
        "soc_is_drawn": day.lived.evs.soc_is_drawn,
        "has_home_charger": day.own("has_home_charger"),
        "has_work_charger": day.own("has_work_charger"),
        "trips_planned": day.planned,
        "trip_before": None if before is None else trip_facts(day, before),
        "trips": [trip_facts(day, trip) for trip in day.trips],
        "broadcasts_lost": [
            {"kind": type(message).__name__, "sent_s": message.sent_s} for message in day.lived.lost
        ],
    }
    if at_s is not None:
        second = (day.day - 1) * SECONDS_PER_DAY + at_s
        now = moment(day, second)
        facts["at"] = {"second": second, "doing": now.doing, "soc": now.soc, "trip": now.trip}
    return facts


def car_facts(day: EvDay) -> dict[str, Any]:
    """Return what car it is; None for a type where all are of one, and for a limit it does not have."""
    types, most_kw = day.scenario.mobility.types, day.own("most_kw")
    return {
        "type": types[day.own("ev_type")].name if types else None,
        "battery_kwh": float(day.battery.battery_kwh),
        "consumption_kwh_per_km": float(day.battery.consumption_kwh_per_km),
        "charging_efficiency": float(day.battery.charging_efficiency),
        "slow_charger_kw": float(day.behaviour.slow_charger_kw),
        "fast_kw": most_kw if math.isfinite(most_kw) else None,
    }


def information_class_facts(day: EvDay) -> dict[str, Any]:
    """Return which link times the driver is told, and the share of all drivers who are."""
    shares, seed = day.scenario.config.population.information.shares(), day.scenario.config.seed
    number = int(information_class_of_each(shares, day.ev, seed)[-1])
    name = (*shares, FREE_FLOW)[number]
    return {"name": name, "share": shares.get(name, 1 - sum(shares.values()))}


def soc_first(day: EvDay) -> float:
    """Return the state of charge with which the day begins: drawn, or as the day before has left it."""
    if day.lived.state is None:
        return float(day.own("soc_first"))
    return moment(day, (day.day - 1) * SECONDS_PER_DAY).soc


def trip_facts(day: EvDay, trip: Trip) -> dict[str, Any]:
    """Return one trip: the decisions, the choice set, the draws, the outcome, the mail."""
    paths, stranded = day.ahead.paths, trip.is_stranded
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
        "drive_kwh": float(trip.decision.made.charging.drive_kwh[0]),
        "soc_arrival": trip["soc_arrival"],
        "told": told_facts(trip.decision),
        "fast_charge": fast_charge_facts(day, trip),
        "uniform": trip["route_uniform"],
        "choice_set": choice_facts(day, trip),
        "path": trip["path"],
        "station": _station(day, trip["path"]) if trip["charges"] and not stranded else None,
        "status": status(trip),
        "outcome": None if trip["arrival_s"] < 0 else outcome_facts(trip),
        "messages": mail_of(day, trip),
    }


def _station(day: EvDay, path: int) -> str | None:
    """Return the name of the station of a (path, station) pair."""
    number = int(day.ahead.paths.station[path])
    return day.scenario.stations[number].name if number >= 0 else None


def told_facts(decision: WatchedDecision) -> dict[str, Any]:
    """Return which messages the driver decided by; None where none was received."""
    opened, tariff = decision.opened, decision.tariff
    return {
        "link_times": None if opened is None else opened.information_class,
        "link_times_sent_s": None if opened is None else opened.sent_s,
        "link_times_day": None if opened is None else opened.day,
        "link_times_period": None if opened is None else opened.period,
        "tariff_sent_s": None if tariff is None else tariff.sent_s,
    }


def fast_charge_facts(day: EvDay, trip: Trip) -> dict[str, Any]:
    """Return whether to fast-charge on the way: by chance with this probability, or forced by the end of the trip."""
    charging, soc = trip.decision.made.charging, trip["soc_departure"]
    price_ratio, drive_kwh = float(charging.price_ratio[0]), float(charging.drive_kwh[0])
    return {
        "probability": float(fast_charge_probability(soc, day.behaviour, price_ratio)),
        "uniform": trip["charge_uniform"],
        "price_ratio": price_ratio,
        "soc_without": float(day.battery.soc_after_driving(soc, drive_kwh)),
        "soc_charge_point": float(charging.course.soc_charge_point[0]),
        "chosen": trip["charges"],
        "wanted_kwh": float(charging.course.session_kwh[0]),
    }


def choice_facts(day: EvDay, trip: Trip) -> list[dict[str, Any]]:
    """Return the alternatives with their cost, their probability and the part of [0, 1) that leads to each."""
    choice, paths = trip.decision.choice, day.ahead.paths
    at_stations_min = _expected_at_stations_min(day, trip.decision)
    station_min = np.where(paths.station[choice.path] < 0, 0.0, at_stations_min[paths.station[choice.path]])
    begins = np.concatenate([[0.0], choice.cumulative[:-1]])
    return [
        {
            "path": int(path),
            "nodes": paths.path_name(int(path)),
            "station": _station(day, int(path)),
            "road_min": float(choice.time_min[number] - station_min[number]),
            "station_min": float(station_min[number]),
            "charging_cost_min": float(choice.cost_min[number] - choice.time_min[number]),
            "cost_min": float(choice.cost_min[number]),
            "probability": float(choice.probability[number]),
            "from": float(begins[number]),
            "to": float(choice.cumulative[number]),
            "chosen": int(path) == trip["path"],
        }
        for number, path in enumerate(choice.path)
    ]


def _expected_at_stations_min(day: EvDay, decision: WatchedDecision) -> FloatArray:
    """Return the wait and charge that a driver expects at each station."""
    network, opened = day.ahead.paths.network, decision.opened
    times_min = network.t0_min if opened is None else np.array(opened.link_time_min)
    at_stations: FloatArray = times_min[network.charging_arcs]
    return at_stations


def outcome_facts(trip: Trip) -> dict[str, Any]:
    """Return what a trip that has ended took, gave and cost."""
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
    """Return what the table of trips says of it; a wait of more than a day, which it does not see, may end here."""
    if trip.is_stranded:
        return "stranded"
    return "arrived" if trip["arrival_s"] >= 0 else "on_the_way"
