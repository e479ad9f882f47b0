"""The day of one EV as text."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from cosim.config.travel import FREE_FLOW, SHARE_SUM_TOLERANCE
from cosim.ev.charging import ChargingBehaviour
from cosim.periods import SECONDS_PER_DAY
from experiments.why.facts import ev_day_facts
from experiments.why.record import EvDay

LINE_WIDTH = 100
"""Characters of a line."""
MAX_SHOWN_ALTERNATIVES = 12
"""Alternatives of a choice set that are listed, the likeliest first."""
NOTABLE_DIFFERENCE_MIN = 0.1
"""Difference between driving time and perceived time from which it is mentioned."""
HOUR_S, MINUTE_S = 3600, 60
LINK_TIMES = {
    "equilibrium": "the link times of the equilibrium",
    "last_period": "the link times measured in the last period",
    "yesterday": "the mean of the link times measured on the days before (yesterday)",
    FREE_FLOW: "no link times, and knows those of free flow alone",
}


def ev_day_text(day: EvDay, at_s: int | None = None) -> str:
    """Return the day in paragraphs; with *at_s* the EV's state at that second, and the trip it belongs to."""
    facts = ev_day_facts(day, at_s)
    clock = TimeOfDay(facts["day"])
    paragraphs = [_ev_paragraph(facts)]
    trips = [facts["carried_over_trip"]] * bool(facts["carried_over_trip"]) + facts["trips"]
    if at_s is not None:
        at = facts["at"]
        paragraphs.append(f"At {clock(at['second'])} it is {at['activity_state']}, SOC {at['soc']:.3f}.")
        trips = [trip for trip in trips if trip["departure_s"] <= at["second"]][-1:]
    blocks = [fill(paragraph, LINE_WIDTH) for paragraph in paragraphs]
    blocks += ["\n".join(_trip(trip, facts, day.behaviour, clock)) for trip in trips]
    return "\n\n".join(blocks)


class TimeOfDay:
    """Formats clock seconds as times of a day; times of other days are given with their day."""

    def __init__(self, day: int) -> None:
        """Give times of *day* without a day."""
        self.day = day

    def __call__(self, second: int) -> str:
        """Return a second as a time of the day."""
        day, rest = divmod(second, SECONDS_PER_DAY)
        time = f"{rest // HOUR_S:02}:{rest % HOUR_S // MINUTE_S:02}:{rest % MINUTE_S:02}"
        return time if day + 1 == self.day else f"day {day + 1}, {time}"


def _ev_paragraph(facts: dict[str, Any]) -> str:
    chargers = [activity for activity in ("home", "work") if facts[f"has_{activity}_charger"]]
    count, made = facts["trips_planned"], [t for t in facts["trips"] if t["status"] != "stranded"]
    plans = f"plans {count} trip{'s' * (count != 1)} and makes {len(made)}" if count else "plans no trip"
    too_late = len(facts["trips"]) < count and len(made) == len(facts["trips"])
    lost, car = len(facts["broadcasts_lost"]), facts["car"]
    of_days = f" of {facts['days']}" if facts["days"] > 1 else ""
    fast = "" if car["fast_kw"] is None else f", fast with at most {car['fast_kw']:g} kW"
    return (
        f"EV {facts['ev']}, day {facts['day']}{of_days} of {facts['scenario']} (seed {facts['seed']}, "
        f"{facts['resolution']}): it {plans}. "
        + ("The rest has not begun when the day ends. " if too_late else "")
        + (f"It is of type {car['type']}: battery" if car["type"] else "Battery")
        + f" {car['battery_kwh']:g} kWh, {car['consumption_kwh_per_km']:g} kWh/km, charging slowly with "
        f"{car['slow_charger_kw']:g} kW{fast}. Slow charger: {' and '.join(chargers) or 'none'}. "
        + ("SOC in the morning" if facts["soc_is_drawn"] else "SOC at midnight")
        + f" {facts['soc_first']:.3f}. {_information_class(facts['information_class'])}"
        + (f" {lost} broadcast{'s' * (lost != 1)} never reached it." if lost else "")
    )


def _information_class(facts: dict[str, Any]) -> str:
    """Return the sentence on the information class and its share of all drivers."""
    share = facts["share"]
    others = "all" if share > 1 - SHARE_SUM_TOLERANCE else f"{share:.0%} of"
    return f"Like {others} drivers it is told {LINK_TIMES[facts['name']]}."


def _trip(
    trip: dict[str, Any], facts: dict[str, Any], behaviour: ChargingBehaviour, clock: TimeOfDay
) -> Iterator[str]:
    earlier = f" of day {trip['day']}" if trip["day"] != facts["day"] else ""
    yield (
        f"Trip {trip['trip']}{earlier}, {clock(trip['departure_s'])}: {trip['from']} to {trip['to']}, "
        f"node {trip['origin']} to {trip['destination']}, {trip['length_km']:.1f} km"
    )
    sentences = [_departure(trip), _fast_charge(trip, behaviour), _information(trip["information"], clock)]
    if trip["status"] != "stranded":
        sentences.append(_draw(trip, facts))
    for sentence in sentences:
        yield fill(sentence, LINE_WIDTH, initial_indent="  ", subsequent_indent="  ")
    if trip["status"] != "stranded":
        yield from _choice_table(trip)
    yield fill(_end(trip, clock), LINE_WIDTH, initial_indent="  ", subsequent_indent="  ")
    for message in trip["messages"]:
        yield f"  {_message(message, clock)}"


def _departure(trip: dict[str, Any]) -> str:
    late = trip["departure_s"] - trip["planned_departure_s"]
    slow = trip["slow_charge_kwh"]
    return (
        f"It leaves with SOC {trip['soc_departure']:.3f}"
        + (f", {slow:.1f} kWh slow-charged while parked" if slow else "")
        + (f", {late / MINUTE_S:.0f} min later than planned, because it arrived late" if late else "")
        + f"; the trip takes {trip['drive_kwh']:.2f} kWh from the battery."
    )


def _fast_charge(trip: dict[str, Any], behaviour: ChargingBehaviour) -> str:
    fast, reserve = trip["fast_charge"], behaviour.soc_reserve
    draw = (
        f"Fast charge on the way? The probability is {fast['probability']:.4f} (even odds at SOC "
        f"{behaviour.soc_fast_charge:.2f}, width {behaviour.soc_fast_charge_width:.2f}; "
        f"price {fast['price_ratio']:.2f} of the day's mean, weight {behaviour.price_sensitivity:g}), "
        f"the draw {fast['uniform']:.4f}. "
    )
    is_drawn, is_forced = fast["uniform"] < fast["probability"], fast["soc_without"] < reserve
    if trip["status"] == "stranded":
        return draw + (
            f"Without a charge the trip would end at {fast['soc_without']:.3f}; with one the battery would be empty "
            "before the charger, or before the end: it cannot be made."
        )
    if not (is_drawn or is_forced):
        return draw + f"The draw is not below it, and the trip ends above the reserve {reserve:.2f}: no."
    if not fast["chosen"]:
        return draw + f"Yes, but at the charging stop SOC is above the target {behaviour.soc_target:.2f}: no."
    reason = "The draw is below it" if is_drawn else f"The trip would end below the reserve {reserve:.2f}"
    return draw + (
        f"{reason}: yes, {fast['wanted_kwh']:.2f} kWh, from SOC {fast['soc_charging_stop']:.3f} to "
        f"{behaviour.soc_target:.2f}."
    )


def _information(received: dict[str, Any], clock: TimeOfDay) -> str:
    times = (
        "It has received no link times and perceives those of free flow"
        if received["link_times"] is None
        else f"It perceives {_link_times(received)}, sent at {clock(received['link_times_sent_s'])}"
    )
    tariff = (
        "knows the published prices"
        if received["tariff_sent_s"] is None
        else f"the tariff sent at {clock(received['tariff_sent_s'])}"
    )
    return f"{times}, and {tariff}."


def _link_times(received: dict[str, Any]) -> str:
    """Return the description of the link times of a message."""
    kind, period = received["link_times"], received["link_times_period"]
    days = received["link_times_day"] - 1
    if kind == "equilibrium":
        return f"the link times of period {period} in equilibrium"
    if days == 0 and (kind == "yesterday" or period == 1):
        return "the link times of free flow, because nothing is measured yet"
    if kind == "last_period":
        measured = f"in period {period - 1}" if period > 1 else "in the last period of the day before"
        return f"the link times measured {measured}"
    if days == 1:
        return f"the link times measured in period {period} of the day before"
    return f"the mean of the link times measured in period {period} of the {days} days before"


def _draw(trip: dict[str, Any], facts: dict[str, Any]) -> str:
    kind = "(path, station) pair" if trip["fast_charge"]["chosen"] else "path"
    chosen = next(option for option in trip["choice_set"] if option["chosen"])
    if len(trip["choice_set"]) == 1:
        return f"There is one {kind} to choose from: number {chosen['path']}."
    return (
        f"It chooses among {len(trip['choice_set'])} {kind}s by {facts['choice']}, theta "
        f"{facts['theta_per_min']:g}/min. The draw {trip['uniform']:.4f} falls between {chosen['from']:.4f} and "
        f"{chosen['to']:.4f}: number {chosen['path']}."
    )


def _choice_table(trip: dict[str, Any]) -> Iterator[str]:
    likeliest = sorted(trip["choice_set"], key=lambda option: -option["probability"])
    shown = [
        option for rank, option in enumerate(likeliest) if rank < MAX_SHOWN_ALTERNATIVES or option["chosen"]
    ]
    names = [option["nodes"] + (f" @ {option['station']}" if option["station"] else "") for option in shown]
    width = max(len(name) for name in ("nodes", *names))
    charges = trip["fast_charge"]["chosen"]
    columns = ("road_min", "station_min", "charging_cost_min", "cost_min") if charges else ("road_min",)
    yield f"    {'number':>7} {'nodes':{width}} " + " ".join(
        f"{name:>11}" for name in (*columns, "probability")
    )
    for option, name in zip(shown, names, strict=True):
        mark = "->" if option["chosen"] else "  "
        figures = " ".join(f"{option[column]:{max(11, len(column))}.2f}" for column in columns)
        yield f"  {mark}{option['path']:>7} {name:{width}} {figures} {option['probability']:11.4f}"
    if omitted := len(likeliest) - len(shown):
        yield f"    and {omitted} less likely ones"


def _end(trip: dict[str, Any], clock: TimeOfDay) -> str:
    outcome = trip["outcome"]
    if trip["status"] == "stranded":
        return "It is stranded: it stays where it is, and so ends its day."
    if outcome is None:
        return "It has not arrived when the simulation ends."
    charge = ""
    if trip["station"]:
        price = outcome["price_cny_per_kwh"]
        paid = f" for {outcome['paid_cny']:.2f} CNY ({price:.3f} CNY/kWh)" if price else ""
        charge = (
            f", waits {outcome['wait_min']:.1f} min at {trip['station']} and charges "
            f"{outcome['fast_charge_kwh']:.2f} kWh in {outcome['charge_min']:.1f} min{paid}"
        )
    perceived_min = next(option["road_min"] for option in trip["choice_set"] if option["chosen"])
    surprise = (
        f" (it perceived {perceived_min:.1f})"
        if abs(outcome["drive_min"] - perceived_min) > NOTABLE_DIFFERENCE_MIN
        else ""
    )
    return (
        f"It drives {outcome['drive_min']:.1f} min{surprise}{charge}, and arrives "
        f"{clock(outcome['arrival_s'])} with SOC {trip['soc_arrival']:.3f}."
    )


def _message(message: dict[str, Any], clock: TimeOfDay) -> str:
    content = ", ".join(f"{name} {_value(value)}" for name, value in message["content"].items())
    lost = " (lost)" if message["delivered_s"] < 0 else ""
    addresses = f"{message['sender']} -> {message['receiver']}"
    return f"{clock(message['sent_s'])} {message['kind']}: {addresses}{lost}, {content}"


def _value(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value}" if isinstance(value, int) else f"{value:.3f}"
