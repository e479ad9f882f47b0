"""The command ``cosim estimate-od``: OD trips from link counts or link times."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.assign.command import Nodes, Paths, Roads, RoadSettings, Trips
from experiments.options import AllowOutside, AsJson, Out, permissions
from experiments.say import say

if TYPE_CHECKING:
    from cosim.arrays import Frame
    from cosim.road.formats import RoadData
    from cosim.road.link_counts import LinkCounts
    from cosim.road.od_estimation import OdEstimate
    from cosim.road.paths import PathSet

MAX_NAMED_ODS = 6
"""ODs of a group that a flag names."""


class Shares(StrEnum):
    """Link times of the path shares."""

    observed = "observed"
    equilibrium = "equilibrium"


Counts = Annotated[Path | None, typer.Option(help="CSV of counts: day, link, flow_veh_h.")]
Times = Annotated[Path | None, typer.Option(help="CSV of link times: day, link, time_min.")]
Noise = Annotated[
    float | None,
    typer.Option(min=0, help="Standard deviation of a count [veh/h], or of a time without counts [min]."),
]
Theta = Annotated[float | None, typer.Option(help="Logit theta [1/min]; without it, estimated.")]
Prior = Annotated[
    float | None,
    typer.Option(
        help="Use TRIPS as prior, with this coefficient of variation; by default only its OD pairs are used."
    ),
]
WhichShares = Annotated[
    Shares | None,
    typer.Option(
        help="Path shares at the observed times (default with --times), or at those of the equilibrium."
    ),
]


def estimate_od_command(  # noqa: PLR0913, PLR0917  (one parameter per option)
    network: Roads,
    trips: Trips = None,
    counts: Counts = None,
    times: Times = None,
    noise: Noise = None,
    theta: Theta = None,
    prior: Prior = None,
    shares: WhichShares = None,
    paths: Paths = "auto",
    nodes: Nodes = None,
    settings: RoadSettings = None,
    allow_outside: AllowOutside = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the trips of every OD from daily counts or link times, with theta and standard errors."""
    from cosim.road.od_estimation import OdPrior, estimate_od
    from experiments.road_files import read_road_input
    from experiments.study import CommandResult, emit

    _check({"--theta": theta, "--prior": prior}, shares, counts, times)
    roads = read_road_input(network, trips, nodes, settings or (), permissions(outside=allow_outside)).data
    link_counts, link_time = _observed(roads, counts, times, noise)
    estimate = estimate_od(
        _path_set(roads, paths),
        link_counts,
        None if shares is Shares.equilibrium else link_time,
        theta_per_min=theta,
        prior=None if prior is None else OdPrior(roads.od.demand_veh_h, prior),
    )
    study = CommandResult(
        command="estimate-od",
        facts=_facts(roads, estimate),
        lines=_lines(roads, estimate),
        flags=_flags(estimate, with_prior=prior is not None),
        tables=lambda: _tables(roads, estimate, link_counts),
        files=lambda folder: _write_trips(roads, estimate, folder / "od.csv"),
    )
    emit(study, out, as_json=as_json)


def _check(
    options: dict[str, float | None], shares: Shares | None, counts: Path | None, times: Path | None
) -> None:
    from cosim.arguments import problems_of
    from cosim.errors import refuse
    from cosim.sections import Positive

    problems = [p for name, value in options.items() for p in problems_of(Positive | None, name, value)]
    if counts is None and times is None:
        problems.append("give --counts, --times, or both: then the path shares are at the times")
    if shares is Shares.observed and times is None:
        problems.append("--shares observed needs --times")
    refuse("options", problems)


def _observed(
    roads: "RoadData", counts: Path | None, times: Path | None, noise: float | None
) -> tuple["LinkCounts", Any]:
    """Return the counts, observed or derived from the times, and the mean observed time of every link, if any."""
    import numpy as np

    from cosim.road.link_counts import LinkCounts, counts_from_times, read_observations

    network = roads.network
    link_counts, link_time = None, None
    if counts is not None:
        observed = read_observations(counts, network, "flow_veh_h")
        noise_veh_h = None if noise is None else np.full(observed.link.size, noise)
        link_counts = LinkCounts(link=observed.link, flow_veh_h=observed.values, noise_veh_h=noise_veh_h)
    if times is not None:
        observed = read_observations(times, network, "time_min")
        link_time = network.t0_min.copy()
        link_time[observed.link] = np.maximum(observed.values.mean(axis=0), network.t0_min[observed.link])
        link_counts = link_counts or counts_from_times(
            network, observed.link, observed.values, noise_min=noise or None
        )
        if missing := len(network.links) - observed.link.size:
            note = f"note: {missing} links have no time in {times}; free-flow times are used"
            say(note, err=True)
    if link_counts is None:
        raise AssertionError  # _check requires one of the two files
    return link_counts, link_time


def _path_set(roads: "RoadData", paths: str) -> "PathSet":
    from cosim.errors import ConfigError
    from cosim.road.build_problem import choose_paths
    from cosim.road.paths import PathSet, UserClass

    path_set = choose_paths(roads.network, roads.od, [UserClass("vehicles")], paths)
    if isinstance(path_set, PathSet):
        return path_set
    where = "--paths"
    raise ConfigError(where, ["trips are estimated on listed paths; give budget:1.5 or k:10"])


def _flags(estimate: "OdEstimate", *, with_prior: bool) -> list[str]:
    """Return sentences about missing convergence and identification."""
    flags = [] if estimate.converged else ["the search ended before the maximum of the likelihood"]
    if estimate.confounded and not with_prior:
        flags += [
            f"the counts do not identify {_listed(group)}; count more links, or give --prior"
            for group in estimate.confounded
        ]
    return flags


def _listed(group: tuple[str, ...]) -> str:
    more = f" and {len(group) - MAX_NAMED_ODS} more" if len(group) > MAX_NAMED_ODS else ""
    names = ", ".join(group[:MAX_NAMED_ODS]) + more
    return (
        f"ODs {names} separately" if len(group) > 1 else f"OD {names}: no path of it crosses a counted link"
    )


def _tables(roads: "RoadData", estimate: "OdEstimate", link_counts: "LinkCounts") -> dict[str, "Frame"]:
    import pandas as pd

    links = {
        "link": [roads.network.links[link] for link in link_counts.link],
        "counted_veh_h": link_counts.flow_veh_h.mean(axis=0),
        "estimated_veh_h": estimate.link_flow_veh_h[link_counts.link],
        "noise_veh_h": estimate.noise_veh_h,
    }
    return {"ods": _ods(roads, estimate), "links": pd.DataFrame(links)}


def _ods(roads: "RoadData", estimate: "OdEstimate") -> "Frame":
    import pandas as pd

    low, high = estimate.interval()
    od, nodes = estimate.od, roads.network.nodes
    return pd.DataFrame(
        {
            "origin": [nodes[node] for node in od.origin],
            "dest": [nodes[node] for node in od.dest],
            "demand_veh_h": od.demand_veh_h,
            "standard_error_veh_h": estimate.standard_error_veh_h,
            "low_veh_h": low,
            "high_veh_h": high,
        }
    )


def _write_trips(roads: "RoadData", estimate: "OdEstimate", file: Path) -> None:
    """Write the estimated trips as an OD file."""
    from cosim.road.formats import write_csv

    ods = _ods(roads, estimate)
    ends = {"origin": ods.origin.tolist(), "dest": ods.dest.tolist()}
    write_csv(file, "cosim estimate-od", {**ends, "demand_veh_h": estimate.od.demand_veh_h})


def _facts(roads: "RoadData", estimate: "OdEstimate") -> dict[str, Any]:
    return {
        "theta_per_min": estimate.theta_per_min,
        "theta_standard_error": estimate.theta_standard_error,
        "theta_identified": estimate.theta_identified,
        "log_likelihood": estimate.log_likelihood,
        "converged": estimate.converged,
        "iterations": estimate.iterations,
        "confounded": [list(group) for group in estimate.confounded],
        "ods": _ods(roads, estimate).to_dict("records"),
    }


def _lines(roads: "RoadData", estimate: "OdEstimate") -> list[str]:
    """Return lines of theta and of the trips of each OD, with 90 % confidence intervals."""
    low, high = estimate.theta_interval()
    interval_text = (
        "given" if estimate.theta_standard_error == 0 else f"90 % interval {low:.4g} to {high:.4g}"
    )
    theta = f"theta {estimate.theta_per_min:.4g}/min, {interval_text}"
    if not estimate.theta_identified:
        theta = "theta not identified by these observations; give --theta"
    lines = [theta, "OD          veh/h    error   90 % interval"]
    for origin, dest, demand, error, *interval in _ods(roads, estimate).itertuples(index=False):
        lines.append(
            f"{origin + '-' + dest:8} {demand:8.1f} {error:8.1f}   {interval[0]:.1f} to {interval[1]:.1f}"
        )
    return lines
