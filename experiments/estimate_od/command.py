"""The command ``cosim estimate-od``: trips between origins and destinations from what was seen on the links."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.assign.command import Nodes, Paths, Roads, RoadSettings, Trips

if TYPE_CHECKING:
    from cosim.results import RunDirectory
    from cosim.road.formats import RoadData
    from cosim.road.link_counts import LinkCounts
    from cosim.road.od_estimation import OdEstimate
    from cosim.road.paths import PathSet

NAMED_ODS = 6


class Shares(StrEnum):
    """At which link times drivers chose their paths."""

    observed = "observed"
    equilibrium = "equilibrium"


def estimate_od_command(  # noqa: PLR0913, PLR0917  (one parameter per option)
    network: Roads,
    trips: Trips = None,
    counts: Annotated[Path | None, typer.Option(help="CSV of counts: day, link, flow_veh_h.")] = None,
    times: Annotated[Path | None, typer.Option(help="CSV of link times: day, link, time_min.")] = None,
    noise: Annotated[
        float | None,
        typer.Option(min=0, help="Standard deviation of a count [veh/h], or of a time without counts [min]."),
    ] = None,
    theta: Annotated[float | None, typer.Option(help="Logit theta [1/min]; without it, estimated.")] = None,
    prior: Annotated[
        float | None,
        typer.Option(
            help="Take TRIPS as prior, with this coefficient of variation; else only its OD pairs count."
        ),
    ] = None,
    shares: Annotated[
        Shares | None,
        typer.Option(
            help="Paths chosen at the times observed (default with --times), or at the equilibrium's."
        ),
    ] = None,
    paths: Paths = "auto",
    nodes: Nodes = None,
    settings: RoadSettings = None,
    out: Annotated[Path | None, typer.Option(help="New directory for the tables.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Estimate the trips of every OD from counts or link times of some days, with theta and standard errors."""
    from cosim.results import RunDirectory
    from cosim.road.od_estimation import OdPrior, estimate_od
    from experiments.road_files import read_road_input

    directory = None if out is None else RunDirectory(out)  # refuses one that exists before any work is done
    _check({"--theta": theta, "--prior": prior}, shares, counts, times)
    roads = read_road_input(network, trips, nodes, settings or ()).data
    seen, link_time = _observed(roads, counts, times, noise)
    estimate = estimate_od(
        _path_set(roads, paths),
        seen,
        None if shares is Shares.equilibrium else link_time,
        theta_per_min=theta,
        prior=None if prior is None else OdPrior(roads.od.demand_veh_h, prior),
    )
    if directory is not None:
        _write(roads, estimate, seen, directory)
    typer.echo(json.dumps(_as_json(roads, estimate)) if as_json else _text(roads, estimate))
    for flag in (flags := _flags(estimate, with_prior=prior is not None)):
        typer.echo(f"cosim: {flag}", err=True)
    if flags:
        raise typer.Exit(3)


def _check(
    positive: dict[str, float | None], shares: Shares | None, counts: Path | None, times: Path | None
) -> None:
    from cosim.errors import ConfigError

    problems = [
        f"{name} is {value:g}; it must be above 0"
        for name, value in positive.items()
        if value is not None and not 0 < value < float("inf")
    ]
    if counts is None and times is None:
        problems.append("give --counts, --times, or both: then the times set the shares of the paths")
    if shares is Shares.observed and times is None:
        problems.append("--shares observed needs --times")
    if problems:
        where = "options"
        raise ConfigError(where, problems)


def _observed(
    roads: "RoadData", counts: Path | None, times: Path | None, noise: float | None
) -> tuple["LinkCounts", Any]:
    """Return the counts, or what the times say of them; and the mean observed time of every link, if any."""
    import numpy as np

    from cosim.road.link_counts import LinkCounts, counts_from_times, read_observations

    network = roads.network
    seen, link_time = None, None
    if counts is not None:
        found = read_observations(counts, network, "flow_veh_h")
        spread = None if noise is None else np.full(found.link.size, noise)
        seen = LinkCounts(link=found.link, flow_veh_h=found.values, noise_veh_h=spread)
    if times is not None:
        found = read_observations(times, network, "time_min")
        link_time = network.t0_min.copy()
        link_time[found.link] = np.maximum(found.values.mean(axis=0), network.t0_min[found.link])
        seen = seen or counts_from_times(network, found.link, found.values, noise_min=noise or None)
        if unseen := len(network.links) - found.link.size:
            typer.echo(f"note: {unseen} links have no time in {times}; they are taken at free flow", err=True)
    if seen is None:
        raise AssertionError  # one of the two files was asked for
    return seen, link_time


def _path_set(roads: "RoadData", routes: str) -> "PathSet":
    from cosim.errors import ConfigError
    from cosim.road.build_problem import choose_paths
    from cosim.road.paths import PathSet, UserClass

    chosen = choose_paths(roads.network, roads.od, [UserClass("vehicles")], routes)
    if isinstance(chosen, PathSet):
        return chosen
    where = "--paths"
    raise ConfigError(where, ["trips are estimated on listed paths; give budget:1.5 or k:10"])


def _flags(estimate: "OdEstimate", *, with_prior: bool) -> list[str]:
    """Return what keeps the estimate from being one."""
    flags = [] if estimate.converged else ["the search ended before the likelihood was at its highest"]
    if estimate.confounded and not with_prior:
        flags += [
            f"the counts do not tell {_listed(group)}; count more links, or give --prior"
            for group in estimate.confounded
        ]
    return flags


def _listed(group: tuple[str, ...]) -> str:
    more = f" and {len(group) - NAMED_ODS} more" if len(group) > NAMED_ODS else ""
    names = ", ".join(group[:NAMED_ODS]) + more
    return f"ODs {names} apart" if len(group) > 1 else f"OD {names}: no path of it crosses a counted link"


def _ods(roads: "RoadData", estimate: "OdEstimate") -> dict[str, list[Any]]:
    low, high = estimate.interval()
    od, nodes = estimate.od, roads.network.nodes
    return {
        "origin": [nodes[node] for node in od.origin],
        "dest": [nodes[node] for node in od.dest],
        "demand_veh_h": od.demand_veh_h.tolist(),
        "standard_error_veh_h": estimate.standard_error_veh_h.tolist(),
        "low_veh_h": low.tolist(),
        "high_veh_h": high.tolist(),
    }


def _as_json(roads: "RoadData", estimate: "OdEstimate") -> dict[str, Any]:
    """Return the estimate as plain numbers; what is infinite is null."""
    columns = _ods(roads, estimate)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {
        "theta_per_min": estimate.theta_per_min,
        "theta_standard_error": estimate.theta_standard_error,
        "theta_identified": estimate.theta_identified,
        "log_likelihood": estimate.log_likelihood,
        "converged": estimate.converged,
        "iterations": estimate.iterations,
        "confounded": [list(group) for group in estimate.confounded],
        "ods": [
            {name: None if value == float("inf") else value for name, value in row.items()} for row in rows
        ],
    }


def _text(roads: "RoadData", estimate: "OdEstimate") -> str:
    """Return the estimate as a table of texts, with 90 % intervals."""
    ods = _ods(roads, estimate)
    low, high = estimate.theta_interval()
    known = "given" if estimate.theta_standard_error == 0 else f"90 % interval {low:.4g} to {high:.4g}"
    theta = f"theta {estimate.theta_per_min:.4g}/min, {known}"
    if not estimate.theta_identified:
        theta = "theta not identified by these observations; give --theta"
    lines = [theta, "OD          veh/h    error   90 % interval"]
    for tail, head, demand, error, least, most in zip(*ods.values(), strict=True):
        lines.append(f"{tail + '-' + head:8} {demand:8.1f} {error:8.1f}   {least:.1f} to {most:.1f}")
    return "\n".join(lines)


def _write(roads: "RoadData", estimate: "OdEstimate", seen: "LinkCounts", directory: "RunDirectory") -> None:
    """Write the tables ods and links as Parquet and CSV, and the trips as an OD file to assign."""
    import pandas as pd

    from cosim.results import write_tables
    from cosim.road.formats import write_csv

    links = {
        "link": [roads.network.links[link] for link in seen.link],
        "counted_veh_h": seen.flow_veh_h.mean(axis=0),
        "estimated_veh_h": estimate.link_flow_veh_h[seen.link],
        "noise_veh_h": estimate.noise_veh_h,
    }
    ods = _ods(roads, estimate)
    tables = {"ods": pd.DataFrame(ods), "links": pd.DataFrame(links)}
    with directory as unfinished:
        folder = unfinished.path
        write_tables(folder, tables)
        for name, frame in tables.items():
            frame.to_csv(folder / f"{name}.csv", index=False)
        ends = {"origin": ods["origin"], "dest": ods["dest"]}
        write_csv(folder / "od.csv", "cosim estimate-od", {**ends, "demand_veh_h": estimate.od.demand_veh_h})
