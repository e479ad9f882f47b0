"""The page of a population: one file that opens without a network."""

from collections.abc import Mapping

from cosim.arrays import Frame
from experiments.mobility.figures import (
    against_exact,
    charging_against_chain,
    charging_shares,
    leaving,
    soc_fan,
    stacked,
)
from experiments.mobility.study import MobilityStudy
from experiments.page import embedded_all, rendered


def page(study: MobilityStudy, tables: Mapping[str, Frame]) -> str:
    """Return the page; the same tables give the same bytes."""
    figures = {"charging_share": charging_shares(tables["charging_share"])}
    for part in study.parts:
        own = {name: frame[frame.days == part] for name, frame in tables.items()}
        figures[f"{part}-activity_states"] = stacked(own["activity_states"])
        figures[f"{part}-places"] = against_exact(own["places"], "place")
        figures[f"{part}-departures"] = leaving(own["departures"])
        figures[f"{part}-soc"] = soc_fan(own["soc_quantiles"])
        if "charging" in own:
            figures[f"{part}-charging"] = charging_against_chain(own["charging"])
    return rendered("mobility.html.jinja", figures=embedded_all(figures), study=study, facts=study.as_json())
