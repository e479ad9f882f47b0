"""The day of one EV as plain facts: what ``cosim why --json`` prints, and what the words are made of."""

import math
from typing import Any

import numpy as np

from agents.news import Knowledge
from agents.replay import Decision
from cosim.arrays import FloatArray
from cosim.ev.transitions import ACTIVITIES
from cosim.periods import SECONDS_PER_DAY
from experiments.why.mail import mail_of
from experiments.why.moment import moment
from experiments.why.record import EvDay


def facts_of(day: EvDay, at_s: int | None = None) -> dict[str, Any]:
    """Return the EV, its trips, and what nobody wrote down; with *at_s* also its state at that second of the day."""
    scenario, night = day.scenario, day.lived.night
    facts = {
        "ev": day.plan.ev,
        "day": day.day,
        "days": scenario.config.days,
        "scenario": scenario.config.name,
        "seed": day.replay.seed,
        "resolution": scenario.config.population.resolution,
        "choice": scenario.config.population.choice,
        "theta_per_min": day.replay.roads.theta_per_min,
        "car": car_facts(day),
        "knowledge": knowledge_facts(day),
        "soc_first": soc_first(day),
        "soc_is_drawn": day.plan.soc_is_drawn,
        "has_home_charger": day.plan.has_home_charger,
        "has_work_charger": day.plan.has_work_charger,
        "trips_planned": len(day.plan.trips),
        "trip_before": None if night.under_way is None else trip_facts(day, night.under_way),
        "trips": [trip_facts(day, made) for made in day.decisions],
        "never_heard": [
            {"kind": type(news.message).__name__, "sent_s": news.message.sent_s}
            for news in day.news
            if news.delivered_s < 0
        ],
        "not_known": not_known(day),
    }
    if at_s is not None:
        second = (day.day - 1) * SECONDS_PER_DAY + at_s
        now = moment(day, second)
        facts["at"] = {"second": second, "doing": now.doing, "soc": now.soc, "trip": now.trip}
    return facts


def car_facts(day: EvDay) -> dict[str, Any]:
    """Return what car it is; None for a type where all are of one, and for a limit it does not have."""
    plan, types = day.plan, day.scenario.mobility.types
    return {
        "type": types[plan.ev_type].name if types else None,
        "battery_kwh": float(plan.battery.capacity_kwh),
        "consumption_kwh_per_km": float(plan.battery.consumption_kwh_per_km),
        "charging_efficiency": float(plan.battery.charging_efficiency),
        "slow_kw": float(plan.behaviour.slow_kw),
        "fast_kw": plan.most_kw if math.isfinite(plan.most_kw) else None,
    }


def knowledge_facts(day: EvDay) -> dict[str, Any]:
    """Return which kind of thing the driver is told of link times, and the share of all drivers who are."""
    shares, kind = day.replay.archive.shares, day.replay.archive.kind(day.plan.ev)
    return {"kind": kind, "share": shares.get(kind, 1 - sum(shares.values()))}


def soc_first(day: EvDay) -> float:
    """Return the state of charge with which the day begins: drawn, or what the night has left at midnight."""
    if day.lived.night.state is None:
        return day.plan.soc_first
    return moment(day, (day.day - 1) * SECONDS_PER_DAY).soc


def trip_facts(day: EvDay, made: Decision) -> dict[str, Any]:
    """Return one trip: the decisions, the choice set, the draws, the outcome, the mail."""
    plan, paths, came = made.plan, day.replay.roads.paths, made.outcome
    return {
        "trip": plan.trip,
        "day": min(made.departure_s // SECONDS_PER_DAY + 1, day.scenario.config.days),
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
    opened, issued = knows.opened, knows.issued
    return {
        "link_times": None if opened is None else opened.knowledge,
        "link_times_sent_s": None if opened is None else opened.sent_s,
        "link_times_day": None if opened is None else opened.day,
        "link_times_period": None if opened is None else opened.period,
        "tariff_sent_s": None if issued is None else issued.sent_s,
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
            "way": paths.path_name(int(path)),
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
        "wait_min": made.wait_s / 60,
        "charge_min": came.charge_s / 60,
        "fast_charge_kwh": came.fast_kwh,
        "paid_cny": came.paid_cny,
        "price_cny_per_kwh": came.paid_cny / came.fast_kwh if came.paid_cny and came.fast_kwh else None,
    }


def status(made: Decision) -> str:
    """Return what the table of trips says of it; a wait of more than a day, which it does not see, may end here."""
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
    if not day.lived.night.is_recorded:
        return [
            sentence + "since it fast-charged on a day before, the EV is reckoned as if it had not waited."
        ]
    if any(made.fast.chosen for made in day.decisions):
        return [sentence + "after its first fast charge the EV is reckoned as if it had not waited."]
    return [sentence + "this EV has not fast-charged by the end of this day, so it is exact all the same."]
