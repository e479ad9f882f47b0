"""Stand-ins for the files that the documentation takes for the reader's own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cosim.ev.diary_table import write_diaries
from cosim.ev.mobility import sample_diaries
from cosim.randomness import stream
from cosim.road.assignment import solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.formats import RoadData, read_roads, write_roads
from cosim.scenario import load_scenario
from tests.cosim.road.writers import write_gmns, write_tntp

CONFIGS = Path(__file__).parents[1] / "configs"
TWO_BUSES = """
mpc.baseMVA = 1;
mpc.bus = [1 3 0 0 0 0 1 1 0 20 1 1.1 0.9; 2 1 0.5 0.2 0 0 1 1 0 20 1 1.1 0.9];
mpc.gen = [1 0 0 10 -10 1 1 1 10 0];
mpc.branch = [1 2 0.01 0.02 0 0 0 0 0 0 1 -360 360];
"""


def nguyen_dupuis() -> RoadData:
    data = CONFIGS / "nguyen_dupuis"
    return read_roads(data / "links.csv", data / "od.csv", data / "nodes.csv")


def sioux_falls() -> None:
    """Write the roads of Nguyen and Dupuis under that name: the published files are not ours to copy."""
    write_tntp(nguyen_dupuis(), net=Path("SiouxFalls_net.tntp"), trips=Path("SiouxFalls_trips.tntp"))


def other_roads() -> None:
    write_gmns(nguyen_dupuis(), Path("gmns_folder"))
    write_roads(nguyen_dupuis(), links=Path("links.csv"), od=Path("od.csv"))


def counts_and_times() -> None:
    """Write a month of counts of the known equilibrium, drawn as Poisson numbers, and its link times."""
    roads = nguyen_dupuis()
    problem = build_problem(roads.network, roads.od, theta_per_min=0.2, paths="all")
    answer = solve_sue(problem, tolerance=1e-10)
    draws = stream(1, "counts").poisson(answer.path_flow_veh_h, size=(30, problem.paths.count))
    flows = [problem.paths.link_flow_veh_h(draw.astype(np.float64)) for draw in draws]
    names = roads.network.links
    rows = [
        f"{day},{name},{flow:.0f}"
        for day, row in enumerate(flows)
        for name, flow in zip(names, row, strict=True)
    ]
    Path("counts.csv").write_text("\n".join(["day,link,flow_veh_h", *rows]) + "\n", encoding="utf-8")
    times = [f"mon,{name},{time:.12f}" for name, time in zip(names, answer.link_time_min, strict=True)]
    Path("times.csv").write_text("\n".join(["day,link,time_min", *times]) + "\n", encoding="utf-8")


def survey() -> None:
    model = load_scenario(CONFIGS / "paper.toml").mobility
    write_diaries(sample_diaries(model, 2_000, 1, "survey"), Path("survey.csv"))


def feeder_files() -> None:
    Path("case33bw.m").write_text(TWO_BUSES, encoding="utf-8")
    Path("day.csv").write_text("load_pu\n0.5\n0.9\n", encoding="utf-8")
    Path("tariff.csv").write_text("price_cny_per_kwh\n0.4\n0.8\n", encoding="utf-8")
    Path("devices.toml").write_text("export = true\n", encoding="utf-8")


SAMPLES: dict[str, tuple[Callable[[], None], ...]] = {
    "assignment.md": (sioux_falls, other_roads, counts_and_times),
    "mobility.md": (survey,),
    "dispatch.md": (feeder_files,),
}
"""What each document needs before its first command."""
