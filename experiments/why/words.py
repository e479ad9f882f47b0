"""The day of one EV, told."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from cosim.ev.charging import ChargingBehaviour
from experiments.why.facts import facts_of
from experiments.why.record import EvDay

WIDTH = 100
SHOWN = 12
"""Alternatives shown one by one: the likeliest."""
DAY_S, HOUR_S, MINUTE_S = 86_400, 3600, 60


def told(day: EvDay, at_s: int | None = None) -> str:
    """Return the day in paragraphs; with *at_s* the EV's state at that second, and the trip it belongs to."""
    facts = facts_of(day, at_s)
    paragraphs = [_who(facts), *facts["not_known"]]
    trips = facts["trips"]
    if at_s is not None:
        now = facts["at"]
        paragraphs.append(f"At {clock(at_s)} it is {now['doing']}, SOC {now['soc']:.3f}.")
        trips = [trip for trip in trips if trip["trip"] == _trip_of(facts, at_s)]
    blocks = [fill(paragraph, WIDTH) for paragraph in paragraphs]
    blocks += ["\n".join(_trip(trip, facts, day.plan.behaviour)) for trip in trips]
    return "\n\n".join(blocks)


def _trip_of(facts: dict[str, Any], at_s: int) -> int | None:
    """Return the trip under way at a second, or the last one before it."""
    begun = [trip["trip"] for trip in facts["trips"] if trip["departure_s"] <= at_s]
    return begun[-1] if begun else None


def _who(facts: dict[str, Any]) -> str:
    chargers = [place for place in ("home", "work") if facts[f"has_{place}_charger"]]
    count, made = facts["trips_planned"], [t for t in facts["trips"] if t["status"] != "stranded"]
    plans = f"plans {count} trip{'s' * (count != 1)} and makes {len(made)}" if count else "stays at home"
    lost = len(facts["never_heard"])
    return (
        f"EV {facts['ev']}, day {facts['day']} of {facts['scenario']} (seed {facts['seed']}, {facts['resolution']}): "
        f"it {plans}. Slow charger: {' and '.join(chargers) or 'none'}. SOC in the morning {facts['soc_first']:.3f}."
        + (f" {lost} broadcasts never reached it." if lost else "")
    )


def _trip(trip: dict[str, Any], facts: dict[str, Any], behaviour: ChargingBehaviour) -> Iterator[str]:
    yield (
        f"Trip {trip['trip']}, {clock(trip['departure_s'])}: {trip['from']} to {trip['to']}, node {trip['origin']} "
        f"to {trip['destination']}, {trip['length_km']:.1f} km"
    )
    sentences = [_departure(trip), _fast_charge(trip, behaviour), _knows(trip["knows"])]
    if trip["status"] != "stranded":
        sentences.append(_draw(trip, facts))
    for sentence in sentences:
        yield fill(sentence, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if trip["status"] != "stranded":
        yield from _choice_table(trip)
    yield fill(_end(trip), WIDTH, initial_indent="  ", subsequent_indent="  ")
    for letter in trip["messages"]:
        yield f"  {_letter(letter)}"


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
    fast, reserve = trip["fast_charge"], behaviour.reserve_soc
    odds = (
        f"Fast charge on the way? The probability is {fast['probability']:.4f} (even odds at SOC "
        f"{behaviour.even_odds_soc:.2f}, width {behaviour.soc_spread:.2f}; price {fast['price_ratio']:.2f} of the "
        f"day's mean, weight {behaviour.price_sensitivity:g}), the draw {fast['uniform']:.4f}. "
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
        return odds + f"Yes, but at the charge point SOC is above the target {behaviour.target_soc:.2f}: no."
    reason = "The draw is below it" if by_chance else f"The trip would end below the reserve {reserve:.2f}"
    return odds + (
        f"{reason}: yes, {fast['wanted_kwh']:.2f} kWh, from SOC {fast['soc_charge_point']:.3f} to "
        f"{behaviour.target_soc:.2f}."
    )


def _knows(knows: dict[str, Any]) -> str:
    times = (
        "It has heard no link times and believes those of free flow"
        if knows["link_times_sent_s"] is None
        else f"It believes the link times of period {knows['link_times_period']}, sent at "
        f"{clock(knows['link_times_sent_s'])}"
    )
    tariff = (
        "knows the published prices"
        if knows["tariff_sent_s"] is None
        else f"the tariff sent at {clock(knows['tariff_sent_s'])}"
    )
    return f"{times}, and {tariff}."


def _draw(trip: dict[str, Any], facts: dict[str, Any]) -> str:
    kind = "(path, station) pairs" if trip["fast_charge"]["chosen"] else "paths"
    chosen = next(option for option in trip["choice_set"] if option["chosen"])
    return (
        f"It chooses among {len(trip['choice_set'])} {kind} by {facts['choice']}, theta "
        f"{facts['theta_per_min']:g}/min. The draw {trip['uniform']:.4f} falls between {chosen['from']:.4f} and "
        f"{chosen['to']:.4f}: number {chosen['path']}."
    )


def _choice_table(trip: dict[str, Any]) -> Iterator[str]:
    likeliest = sorted(trip["choice_set"], key=lambda option: -option["probability"])
    shown = [option for place, option in enumerate(likeliest) if place < SHOWN or option["chosen"]]
    names = [option["way"] + (f" @ {option['station']}" if option["station"] else "") for option in shown]
    width = max(len(name) for name in ("way", *names))
    charges = trip["fast_charge"]["chosen"]
    columns = ("road_min", "station_min", "price_min", "cost_min") if charges else ("road_min",)
    yield f"    {'number':>7} {'way':{width}} " + " ".join(
        f"{name:>11}" for name in (*columns, "probability")
    )
    for option, name in zip(shown, names, strict=True):
        mark = "->" if option["chosen"] else "  "
        figures = " ".join(f"{option[column]:11.2f}" for column in columns)
        yield f"  {mark}{option['path']:>7} {name:{width}} {figures} {option['probability']:11.4f}"
    if rest := len(likeliest) - len(shown):
        yield f"    and {rest} less likely ones"


def _end(trip: dict[str, Any]) -> str:
    came = trip["outcome"]
    if trip["status"] == "stranded":
        return "It is stranded: it stays where it is, and so ends its day."
    if came is None:
        return "It has not arrived when the simulation ends."
    about = "" if trip["is_recorded"] else "about "
    charge = ""
    if trip["station"]:
        price = came["price_cny_per_kwh"]
        paid = f" for {came['paid_cny']:.2f} CNY ({price:.3f} CNY/kWh)" if price else ""
        charge = (
            f", waits {came['wait_min']:.1f} min at {trip['station']} and charges {came['fast_charge_kwh']:.2f} kWh in "
            f"{came['charge_min']:.1f} min{paid}"
        )
    return (
        f"It drives {came['drive_min']:.1f} min{charge}, and arrives {about}{clock(came['arrival_s'])} with SOC "
        f"{trip['soc_arrival']:.3f}."
    )


def _letter(letter: dict[str, Any]) -> str:
    says = ", ".join(f"{name} {_value(value)}" for name, value in letter["says"].items())
    lost = " (lost)" if letter["delivered_s"] < 0 else ""
    return f"{clock(letter['sent_s'])} {letter['kind']}: {letter['sender']} -> {letter['receiver']}{lost}, {says}"


def _value(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value}" if isinstance(value, int) else f"{value:.3f}"


def clock(second: int) -> str:
    """Return a second as a time of the day; after the first midnight with the day."""
    day, rest = divmod(second, DAY_S)
    time = f"{rest // HOUR_S:02}:{rest % HOUR_S // MINUTE_S:02}:{rest % MINUTE_S:02}"
    return f"day {day + 1}, {time}" if day else time
