"""The day of one EV, told."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from cosim.config.travel import FREE_FLOW
from cosim.ev.charging import ChargingBehaviour
from cosim.periods import SECONDS_PER_DAY
from experiments.why.facts import facts_of
from experiments.why.record import EvDay

WIDTH = 100
SLACK = 1e-9
SHOWN = 12
"""Alternatives shown one by one: the likeliest."""
SURPRISE_MIN = 0.1
"""Difference between driving time and perceived time that is worth a word."""
HOUR_S, MINUTE_S = 3600, 60
LINK_TIMES = {
    "equilibrium": "the link times of the equilibrium",
    "last_period": "the link times measured in the last period",
    "yesterday": "the mean of the link times measured on the days before (yesterday)",
    FREE_FLOW: "no link times, and knows those of free flow alone",
}


def told(day: EvDay, at_s: int | None = None) -> str:
    """Return the day in paragraphs; with *at_s* the EV's state at that second, and the trip it belongs to."""
    facts = facts_of(day, at_s)
    clock = TimeOfDay(facts["day"])
    paragraphs = [_who(facts)]
    trips = [facts["trip_before"]] * bool(facts["trip_before"]) + facts["trips"]
    if at_s is not None:
        now = facts["at"]
        paragraphs.append(f"At {clock(now['second'])} it is {now['doing']}, SOC {now['soc']:.3f}.")
        trips = [trip for trip in trips if trip["departure_s"] <= now["second"]][-1:]
    blocks = [fill(paragraph, WIDTH) for paragraph in paragraphs]
    blocks += ["\n".join(_trip(trip, facts, day.behaviour, clock)) for trip in trips]
    return "\n\n".join(blocks)


class TimeOfDay:
    """Says when something happens as people do on a day: times of other days come with the day."""

    def __init__(self, day: int) -> None:
        """Count from the midnight before *day*."""
        self.day = day

    def __call__(self, second: int) -> str:
        """Return a second as a time of the day."""
        day, rest = divmod(second, SECONDS_PER_DAY)
        time = f"{rest // HOUR_S:02}:{rest % HOUR_S // MINUTE_S:02}:{rest % MINUTE_S:02}"
        return time if day + 1 == self.day else f"day {day + 1}, {time}"


def _who(facts: dict[str, Any]) -> str:
    chargers = [place for place in ("home", "work") if facts[f"has_{place}_charger"]]
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


def _information_class(told: dict[str, Any]) -> str:
    """Say what the driver is told, and how many others are."""
    share = told["share"]
    others = "all" if share > 1 - SLACK else f"{share:.0%} of"
    return f"Like {others} drivers it is told {LINK_TIMES[told['name']]}."


def _trip(
    trip: dict[str, Any], facts: dict[str, Any], behaviour: ChargingBehaviour, clock: TimeOfDay
) -> Iterator[str]:
    earlier = f" of day {trip['day']}" if trip["day"] != facts["day"] else ""
    yield (
        f"Trip {trip['trip']}{earlier}, {clock(trip['departure_s'])}: {trip['from']} to {trip['to']}, "
        f"node {trip['origin']} to {trip['destination']}, {trip['length_km']:.1f} km"
    )
    sentences = [_departure(trip), _fast_charge(trip, behaviour), _told(trip["told"], clock)]
    if trip["status"] != "stranded":
        sentences.append(_draw(trip, facts))
    for sentence in sentences:
        yield fill(sentence, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if trip["status"] != "stranded":
        yield from _choice_table(trip)
    yield fill(_end(trip, clock), WIDTH, initial_indent="  ", subsequent_indent="  ")
    for letter in trip["messages"]:
        yield f"  {_letter(letter, clock)}"


def _departure(trip: dict[str, Any]) -> str:
    late = trip["departure_s"] - trip["planned_departure_s"]
    slow = trip["slow_charge_kwh"]
    return (
        f"It leaves with SOC {trip['soc_departure']:.3f}"
        + (f", {slow:.1f} kWh slow-charged while parked" if slow else "")
        + (f", {late / MINUTE_S:.0f} min later than planned, for it came late" if late else "")
        + f"; the trip takes {trip['drive_kwh']:.2f} kWh from the battery."
    )


def _fast_charge(trip: dict[str, Any], behaviour: ChargingBehaviour) -> str:
    fast, reserve = trip["fast_charge"], behaviour.soc_reserve
    odds = (
        f"Fast charge on the way? The probability is {fast['probability']:.4f} (even odds at SOC "
        f"{behaviour.soc_fast_charge:.2f}, width {behaviour.soc_fast_charge_width:.2f}; "
        f"price {fast['price_ratio']:.2f} of the day's mean, weight {behaviour.price_sensitivity:g}), "
        f"the draw {fast['uniform']:.4f}. "
    )
    by_chance, forced = fast["uniform"] < fast["probability"], fast["soc_without"] < reserve
    if trip["status"] == "stranded":
        return odds + (
            f"Without a charge the trip would end at {fast['soc_without']:.3f}; with one the battery would be empty "
            "before the charger, or before the end: it cannot be made."
        )
    if not (by_chance or forced):
        return odds + f"The draw is not below it, and the trip ends above the reserve {reserve:.2f}: no."
    if not fast["chosen"]:
        return odds + f"Yes, but at the charge point SOC is above the target {behaviour.soc_target:.2f}: no."
    reason = "The draw is below it" if by_chance else f"The trip would end below the reserve {reserve:.2f}"
    return odds + (
        f"{reason}: yes, {fast['wanted_kwh']:.2f} kWh, from SOC {fast['soc_charge_point']:.3f} to "
        f"{behaviour.soc_target:.2f}."
    )


def _told(told: dict[str, Any], clock: TimeOfDay) -> str:
    times = (
        "It has received no link times and perceives those of free flow"
        if told["link_times"] is None
        else f"It perceives {_times(told)}, sent at {clock(told['link_times_sent_s'])}"
    )
    tariff = (
        "knows the published prices"
        if told["tariff_sent_s"] is None
        else f"the tariff sent at {clock(told['tariff_sent_s'])}"
    )
    return f"{times}, and {tariff}."


def _times(told: dict[str, Any]) -> str:
    """Name the link times of a message."""
    kind, period, days = told["link_times"], told["link_times_period"], told["link_times_day"] - 1
    if kind == "equilibrium":
        return f"the link times of period {period} in equilibrium"
    if days == 0 and (kind == "yesterday" or period == 1):
        return "the link times of free flow, for nothing is measured yet"
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
    shown = [option for place, option in enumerate(likeliest) if place < SHOWN or option["chosen"]]
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
    if rest := len(likeliest) - len(shown):
        yield f"    and {rest} less likely ones"


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
        if abs(outcome["drive_min"] - perceived_min) > SURPRISE_MIN
        else ""
    )
    return (
        f"It drives {outcome['drive_min']:.1f} min{surprise}{charge}, and arrives "
        f"{clock(outcome['arrival_s'])} with SOC {trip['soc_arrival']:.3f}."
    )


def _letter(letter: dict[str, Any], clock: TimeOfDay) -> str:
    says = ", ".join(f"{name} {_value(value)}" for name, value in letter["says"].items())
    lost = " (lost)" if letter["delivered_s"] < 0 else ""
    return f"{clock(letter['sent_s'])} {letter['kind']}: {letter['sender']} -> {letter['receiver']}{lost}, {says}"


def _value(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value}" if isinstance(value, int) else f"{value:.3f}"
