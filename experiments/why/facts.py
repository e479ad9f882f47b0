"""The day of one EV as plain facts: what ``cosim why --json`` prints, and what the words are made of."""

from typing import Any

import numpy as np

from agents.news import Knowledge
from agents.replay import Decision
from cosim.arrays import FloatArray
from cosim.ev.transitions import ACTIVITIES
from experiments.why.mail import mail_of
from experiments.why.moment import moment
from experiments.why.record import EvDay


def facts_of(day: EvDay, at_s: int | None = None) -> dict[str, Any]:
    """Return the EV, its trips, and what nobody wrote down; with *at_s* also its state at that second."""
    facts = {
        "ev": day.plan.ev,
        "day": day.day,
        "scenario": day.scenario.config.name,
        "seed": int(day.run.manifest["seed"]),
        "resolution": day.scenario.config.population.resolution,
        "choice": day.scenario.config.population.choice,
        "theta_per_min": day.replay.roads.theta_per_min,
        "soc_first": day.plan.soc_first,
        "has_home_charger": day.plan.has_home_charger,
        "has_work_charger": day.plan.has_work_charger,
        "trips_planned": len(day.plan.trips),
        "trips": [trip_facts(day, made) for made in day.decisions],
        "never_heard": [
            {"kind": type(news.message).__name__, "sent_s": news.message.sent_s}
            for news in day.news
            if news.delivered_s < 0
        ],
        "not_known": not_known(day),
    }
    if at_s is not None:
        now = moment(day, at_s)
        facts["at"] = {"second": at_s, "doing": now.doing, "soc": now.soc, "trip": now.trip}
    return facts


def trip_facts(day: EvDay, made: Decision) -> dict[str, Any]:
    """Return one trip: the decisions, the choice set, the draws, the outcome, the mail."""
    plan, paths, came = made.plan, day.replay.roads.paths, made.outcome
    return {
        "trip": plan.trip,
        "from": ACTIVITIES[plan.from_activity],
        "to": ACTIVITIES[plan.to_activity],
        "origin": paths.network.nodes[paths.od.origin[plan.od]],
        "destination": paths.network.nodes[paths.od.dest[plan.od]],
        "length_km": plan.length_km,
        "departure_s": made.departure_s,
        "planned_departure_s": plan.departure_s,
        "slow_charge_kwh": made.slow_kwh,
        "soc_departure": made.soc,
        "drive_kwh": made.trip_kwh,
        "soc_arrival": float(made.course.soc_arrival),
        "knows": knows_facts(made.knows),
        "fast_charge": {
            "probability": made.fast.probability,
            "uniform": plan.charge_uniform,
            "price_ratio": made.fast.price_ratio,
            "soc_without": made.fast.soc_without,
            "soc_charge_point": float(made.course.soc_charge_point),
            "chosen": made.fast.chosen,
            "wanted_kwh": float(made.course.session_kwh),
        },
        "uniform": plan.route_uniform,
        "choice_set": choice_facts(day, made),
        "path": -1 if made.is_stranded else made.route.path,
        "station": None if made.is_stranded else made.route.station,
        "status": status(made),
        "outcome": None if came is None or came.arrival_s < 0 else outcome_facts(made),
        "is_recorded": made.is_recorded,
        "messages": mail_of(day, made),
    }


def knows_facts(knows: Knowledge) -> dict[str, Any]:
    """Return which messages the driver's knowledge is from; None where none came."""
    return {
        "link_times_sent_s": None if knows.opened is None else knows.opened.sent_s,
        "link_times_period": None if knows.opened is None else knows.opened.period,
        "tariff_sent_s": None if knows.issued is None else knows.issued.sent_s,
    }


def choice_facts(day: EvDay, made: Decision) -> list[dict[str, Any]]:
    """Return the alternatives with their cost, their chance and the part of [0, 1) that leads to each."""
    choice, paths = made.choice, day.replay.roads.paths
    stations, at_stations_min = day.replay.roads.stations, _believed_at_stations_min(day, made.knows)
    station_min = np.where(paths.station[choice.path] < 0, 0.0, at_stations_min[paths.station[choice.path]])
    begins = np.concatenate([[0.0], choice.cumulative[:-1]])
    return [
        {
            "path": int(path),
            "way": paths.way_name(int(path)),
            "station": stations[paths.station[path]] if paths.station[path] >= 0 else None,
            "road_min": float(choice.time_min[number] - station_min[number]),
            "station_min": float(station_min[number]),
            "price_min": float(choice.cost_min[number] - choice.time_min[number]),
            "cost_min": float(choice.cost_min[number]),
            "probability": float(choice.chances[number]),
            "from": float(begins[number]),
            "to": float(choice.cumulative[number]),
            "chosen": int(path) == made.route.path,
        }
        for number, path in enumerate(choice.path)
    ]


def _believed_at_stations_min(day: EvDay, knows: Knowledge) -> FloatArray:
    """Return the wait and charge that a driver expects at each station."""
    network = day.replay.roads.paths.network
    times_min = network.t0_min if knows.opened is None else np.array(knows.opened.link_time_min)
    at_stations: FloatArray = times_min[network.charging_arcs]
    return at_stations


def outcome_facts(made: Decision) -> dict[str, Any]:
    """Return what a trip took, gave and cost."""
    came = made.outcome
    if came is None:
        return {}
    return {
        "arrival_s": came.arrival_s,
        "drive_min": (made.route.before_s + made.route.after_s) / 60,
        "wait_min": came.wait_s / 60,
        "charge_min": came.charge_s / 60,
        "fast_charge_kwh": came.fast_kwh,
        "paid_cny": came.paid_cny,
        "price_cny_per_kwh": came.paid_cny / came.fast_kwh if came.paid_cny and came.fast_kwh else None,
    }


def status(made: Decision) -> str:
    """Return what the table of trips says of it."""
    if made.is_stranded:
        return "stranded"
    return "arrived" if made.outcome is not None and made.outcome.arrival_s >= 0 else "on_the_way"


def not_known(day: EvDay) -> list[str]:
    """Return what the run did not keep and the replay cannot know."""
    if day.is_recorded:
        return []
    sentence = (
        "This run kept totals alone (population.individual_tables): waits, power limits and what was paid are not "
        "known; "
    )
    if any(made.fast.chosen for made in day.decisions):
        return [sentence + "after its first fast charge the EV is reckoned as if it had not waited."]
    return [sentence + "this EV does not fast-charge, so its day is exact all the same."]
