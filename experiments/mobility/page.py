"""The page of a mobility study: one file that opens offline."""

from collections.abc import Mapping

from cosim.arrays import Frame
from experiments.mobility.figures import (
    against_exact,
    charging_against_chain,
    charging_shares,
    departures_by_activity,
    soc_fan,
    stacked,
)
from experiments.mobility.study import MobilityStudy
from experiments.page import drawn, embedded_all, rendered


def page(study: MobilityStudy, tables: Mapping[str, Frame]) -> str:
    """Return the page; the same tables give the same bytes."""
    figures = {"charging_share": drawn(charging_shares, tables["charging_share"])}
    for part in study.parts:
        part_tables = {name: frame[frame.days == part] for name, frame in tables.items()}
        figures[f"{part}-activity_states"] = drawn(stacked, part_tables["activity_states"])
        figures[f"{part}-places"] = drawn(against_exact, part_tables["places"], "place")
        figures[f"{part}-departures"] = drawn(departures_by_activity, part_tables["departures"])
        figures[f"{part}-soc"] = drawn(soc_fan, part_tables["soc_quantiles"])
        if "charging" in part_tables:
            figures[f"{part}-charging"] = drawn(charging_against_chain, part_tables["charging"])
    return rendered("mobility.html.jinja", figures=embedded_all(figures), study=study, facts=study.as_json())
