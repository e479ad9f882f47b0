"""What a report says in words and figures: headlines, the verdict with its causes, waits, real time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cosim.arrays import Frame
from cosim.messages import INFORMATION
from experiments.compare.totals import mean_wait_min
from experiments.run.figures.day import Day
from experiments.run.learning_check import apart, verdict_in_words
from experiments.run.real_time import UNIT_VALUES


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure of the summary, as it is read."""

    label: str
    value: str
    unit: str
    interval: str = ""
    """95 % interval of a mean over replications."""


_HEADLINES = (
    ("evs", "EVs", ",.0f", ""),
    ("trips", "EV trips arrived", ",.0f", ""),
    ("stranded", "stranded trips", ",.0f", ""),
    ("sessions", "charging sessions", ",.0f", ""),
    ("energy_kwh", "energy charged", ",.0f", "kWh"),
    ("cost_cny", "cost of the day", ",.0f", "CNY"),
    ("losses_kwh", "losses", ",.0f", "kWh"),
    ("voltage_min_pu", "lowest voltage", ".4f", "p.u."),
    ("relaxation_error_max", "relaxation error", ".1e", "p.u."),
    ("ac_mismatch_max_pu", "dispatch against AC", ".1e", "p.u."),
    ("link_flow_rmse_veh_h", "agents against SUE, RMSE", ".1f", "veh/h"),
    ("sue_residual_max", "residual of the SUE", ".1e", ""),
    ("coupling_residual", "residual of the coupling", ".1e", ""),
)


def headlines(summary: Mapping[str, Any]) -> list[Headline]:
    """Return the summary as it is shown at the top; figures a model does not have are left out."""
    return [
        Headline(label, _power_of_ten(format(summary[key], form)), unit, _interval(summary, key, form))
        for key, label, form, unit in _HEADLINES
        if isinstance(summary.get(key), int | float) and math.isfinite(summary[key])
    ]


def _interval(summary: Mapping[str, Any], key: str, form: str) -> str:
    interval = summary["interval_95"].get(key)
    return "" if interval is None else f"{interval[0]:{form}} to {interval[1]:{form}}"


def _power_of_ten(number: str) -> str:
    """Return 1.3e-07 as it is written by hand."""
    mantissa, _, exponent = number.partition("e")
    if not exponent:
        return mantissa
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} \N{MULTIPLICATION SIGN} 10{raised}" if float(mantissa) else "0"


def verdict(day: Day) -> Mapping[str, Any] | None:
    """Return the verdict on the agents against the equilibrium, or None where they were not compared."""
    if "verdicts" not in day.run.comparison.names:
        return None
    row: dict[str, Any] = day.run.comparison.verdicts.iloc[0].to_dict()
    causes = day.run.comparison.causes
    indicators = list(causes[causes.pair == row["pair"]].itertuples())
    return row | {"geh_below_5_share": day.run.summary["geh_below_5_share"], "indicators": indicators}


def learners(summary: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return how drivers who learn end, in words with the verdict; None where it was not asked."""
    check = summary["learning_check"]
    if check is None:
        return None
    where = {"roads": "on roads", "stations": "at stations"}
    told = [
        _learner_words(check[links], words, check["days"]) for links, words in where.items() if links in check
    ]
    return {"verdict": check["verdict"] or "", "sentence": "; ".join(told) + ".", "days": check["days"]}


def _learner_words(found: Mapping[str, Any], where: str, days: int) -> str:
    if found["verdict"] is None:
        return f"{where} they have not settled after {days} days"
    ratio, bound = apart(found["ratio"], found["ratio_max"])
    return (
        f"{where} they end {ratio} sampling floors from it, where chance explains up to {bound} "
        f"({verdict_in_words(found)})"
    )


def real_time_sentence(summary: Mapping[str, Any]) -> str:
    """Return what the forecast error cost, and what re-dispatch and flexible units were worth; '' if not known."""
    told = []
    if (cost := summary.get("forecast_error_cost_cny")) is not None:
        told.append(f"With re-dispatch the forecast error cost {cost:,.1f} CNY.")
    if (saved := summary.get("re_dispatch_value_cny")) is not None:
        verb = "saved" if saved >= 0 else "cost"
        told.append(f"Re-dispatch {verb} {abs(saved):,.1f} CNY against the plan of the day before.")
    extra = [
        f"{summary[key]:,.0f} CNY more without {unit}"
        for key, unit in UNIT_VALUES.items()
        if summary.get(key) is not None
    ]
    if extra:
        told.append(f"The day would have cost {', and '.join(extra)}.")
    kept = summary.get("limits_kept_by") or ()
    return " ".join([*told, *(f"Without {unit} more limits are broken than with it." for unit in kept)])


def mean_waits(day: Day) -> dict[str, float]:
    """Return the mean wait of a charging session, in each model that has one [min]: as the verdict has it."""
    stations = day.equilibrium("stations")
    expected = None if stations.empty else mean_wait_min(stations, day.period_min / 60)
    found = {"agents": day.run.summary["wait_min"] if day.run.agents else None, "equilibrium": expected}
    return {model: wait_min for model, wait_min in found.items() if wait_min is not None}


def lost_mail(mail: Frame) -> list[dict[str, Any]]:
    """Return how many messages of each kind were sent, lost and late; none where all arrived in time."""
    affected = mail.groupby("kind")[["sent", "lost", "late"]].sum().query("lost + late > 0")
    return [
        {"kind": kind, **counts, "instead": INFORMATION[str(kind)].instead}
        for kind, counts in affected.to_dict("index").items()
    ]
