"""Makes ``configs/samples``, the files that ``cosim init --samples`` writes: ``python -m tests.make_samples``."""

from pathlib import Path

import numpy as np

from cosim.ev.diary_table import write_diaries
from cosim.ev.mobility import sample_diaries
from cosim.randomness import stream
from cosim.road.assignment import solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.formats import RoadData, read_roads
from cosim.scenario import load_scenario
from tests.cosim.road.writers import write_gmns, write_lines, write_tntp

CONFIGS = Path(__file__).parents[1] / "configs"
SAMPLES = CONFIGS / "samples"
TWO_BUSES = """% two buses, 20 kV
mpc.baseMVA = 1;
mpc.bus = [1 3 0 0 0 0 1 1 0 20 1 1.1 0.9; 2 1 0.5 0.2 0 0 1 1 0 20 1 1.1 0.9];
mpc.gen = [1 0 0 10 -10 1 1 1 10 0];
mpc.branch = [1 2 0.01 0.02 0 0 0 0 0 0 1 -360 360];
"""
DEVICES = """# devices of mv_oberrhein; the profile of each is a column of day.csv
export = true

[[storage]]
name = "battery"
bus = "Bus 80"
charge_max_kw = 500
discharge_max_kw = 500
capacity_kwh = 2000

[[renewables]]
name = "roofs"
kind = "pv"
bus = "Bus 146"
s_kva = 800
profile = "sun_pu"
"""
DAY = """load_pu,sun_pu
0.5,0.0
0.7,0.6
0.6,0.8
0.9,0.0
"""
TARIFF = """price_cny_per_kwh
0.35
0.68
0.68
1.09
"""
DAYS, EVS = 30, 400


def main(folder: Path = SAMPLES) -> None:
    """Write the samples into *folder*, the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    data = CONFIGS / "nguyen_dupuis"
    roads = read_roads(data / "links.csv", data / "od.csv", data / "nodes.csv")
    write_tntp(roads, net=folder / "roads_net.tntp", trips=folder / "roads_trips.tntp")
    write_gmns(roads, folder / "gmns", "the roads of Nguyen and Dupuis (1984), written by the program")
    counts_and_times(roads, folder)
    model = load_scenario(CONFIGS / "paper.toml").mobility
    write_diaries(sample_diaries(model, EVS, 1, "survey"), folder / "survey.csv")
    feeder = {"two_buses.m": TWO_BUSES, "devices.toml": DEVICES, "day.csv": DAY, "tariff.csv": TARIFF}
    for name, text in feeder.items():
        (folder / name).write_text(text, encoding="utf-8")


def counts_and_times(roads: RoadData, folder: Path) -> None:
    """Write a month of counts of the equilibrium at theta 0.2, drawn as Poisson numbers, and its link times."""
    problem = build_problem(roads.network, roads.od, theta_per_min=0.2, paths="all")
    answer = solve_sue(problem, tolerance=1e-10)
    draws = stream(1, "counts").poisson(answer.path_flow_veh_h, size=(DAYS, problem.paths.count))
    flows = [problem.paths.link_flow_veh_h(draw.astype(np.float64)) for draw in draws]
    names = roads.network.links
    rows = [
        f"{day},{name},{flow:.0f}"
        for day, row in enumerate(flows)
        for name, flow in zip(names, row, strict=True)
    ]
    write_lines(folder / "counts.csv", ["day,link,flow_veh_h", *rows])
    times = [f"mon,{name},{time:.6f}" for name, time in zip(names, answer.link_time_min, strict=True)]
    write_lines(folder / "times.csv", ["day,link,time_min", *times])


if __name__ == "__main__":
    main()
