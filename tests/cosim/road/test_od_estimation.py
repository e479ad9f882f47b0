"""Trips estimated from counts and times: as sure as they say, and frank about what the counts cannot tell."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cosim.arrays import FloatArray
from cosim.errors import ConfigError, ModelError
from cosim.randomness import stream
from cosim.road.assignment import Equilibrium, solve_sue
from cosim.road.count_model import CountModel, LogPrior, OdTrips
from cosim.road.formats import read_roads
from cosim.road.latency import link_time_min
from cosim.road.link_counts import LinkCounts, counts_from_times, flow_at_time_veh_h, read_observations
from cosim.road.network import Network
from cosim.road.od_at_equilibrium import EquilibriumPoint, at_equilibrium
from cosim.road.od_estimation import OdPrior, estimate_od
from cosim.road.paths import PathSet, UserClass, find_paths
from tests.cosim.road.cases import cars_only, nguyen_dupuis, small_network, trips

CARS = (UserClass("cars"),)
ALL = np.arange(19)
TRUTH, THETA = np.array([400.0, 800, 600, 200]), 0.2
DAYS, REPEATS = 30, 200


@pytest.fixture(scope="module")
def paths() -> PathSet:
    return cars_only().paths


@pytest.fixture(scope="module")
def day() -> Equilibrium:
    return solve_sue(cars_only(THETA), tolerance=1e-10)


def drawn(paths: PathSet, path_flow: FloatArray, seed: int, days: int = DAYS) -> FloatArray:
    """Return the flows of all links on each day, the path flows Poisson."""
    flows = stream(seed, "counts").poisson(path_flow, size=(days, path_flow.size))
    return np.array([paths.link_flow_veh_h(flow.astype(np.float64)) for flow in flows])


def counted(paths: PathSet, day: Equilibrium, seed: int = 0) -> LinkCounts:
    return LinkCounts(link=ALL, flow_veh_h=drawn(paths, day.path_flow_veh_h, seed))


@pytest.mark.parametrize("noise", [0.0, 15.0])
def test_gradient_and_finite_differences_agree(paths: PathSet, day: Equilibrium, noise: float) -> None:
    counts = LinkCounts(link=ALL, flow_veh_h=counted(paths, day).flow_veh_h, noise_veh_h=np.full(19, noise))
    model = CountModel.from_counts(paths, counts, day.link_time_min, 1.0)
    here = np.log([380.0, 850, 500, 220, 0.17])

    def value(logs: FloatArray) -> float:
        o = np.exp(logs)
        return model.likelihood(OdTrips(o[:-1], float(o[-1])).path_flow(model))[0]

    point = OdTrips(np.exp(here[:-1]), float(np.exp(here[-1])))
    by_path = model.likelihood(point.path_flow(model))[1]
    numeric = central_differences(value, here)
    np.testing.assert_allclose(point.gradient(model, by_path, with_theta=True), numeric, rtol=1e-5)
    np.testing.assert_allclose(point.jacobian(model, with_theta=True).T @ by_path, numeric, rtol=1e-5)


def central_differences(
    value: Callable[[FloatArray], float], at: FloatArray, step: float = 1e-5
) -> FloatArray:
    moves = step * np.eye(at.size)
    return np.array([(value(at + move) - value(at - move)) / (2 * step) for move in moves])


def test_thirty_days_of_counts_give_the_trips_within_the_published_errors(
    paths: PathSet, day: Equilibrium
) -> None:
    """RMSE of an independent prototype: 4.7, 6.1, 3.9, 3.6 veh/h; 200 repeats; the bound is 1.3 times that."""
    errors = [
        estimate_od(paths, counted(paths, day, seed), day.link_time_min, theta_per_min=THETA).od.demand_veh_h
        - TRUTH
        for seed in range(REPEATS)
    ]
    rmse = np.sqrt(np.mean(np.square(errors), axis=0))
    assert np.all(rmse < 1.3 * np.array([4.7, 6.1, 3.9, 3.6]))
    assert np.all(
        rmse > 0.9 * np.sqrt(TRUTH / DAYS)
    )  # nobody can do better than counting the trips themselves


def test_theta_is_found_and_intervals_cover_as_often_as_they_say(paths: PathSet, day: Equilibrium) -> None:
    """90 % intervals; with 200 repeats the share of hits has a standard error of 2.1 %."""
    found = [estimate_od(paths, counted(paths, day, seed), day.link_time_min) for seed in range(REPEATS)]
    assert all(estimate.converged for estimate in found)
    assert all(abs(estimate.theta_per_min / THETA - 1) < 0.1 for estimate in found)
    hits = [
        np.append((low <= TRUTH) & (high >= TRUTH), theta[0] <= THETA <= theta[1])
        for (low, high), theta in ((estimate.interval(), estimate.theta_interval()) for estimate in found)
    ]
    assert np.all(np.mean(hits, axis=0) >= 0.85)
    assert np.all(np.mean(hits, axis=0) <= 0.95)


def test_equilibrium_jacobian_and_finite_differences_agree(paths: PathSet, day: Equilibrium) -> None:
    model = CountModel.from_counts(paths, counted(paths, day), day.link_time_min, 1.0)
    nothing = LogPrior(np.zeros(4), np.full(4, np.inf))
    here = np.log([380.0, 850, 500, 220, 0.17])

    def point(logs: FloatArray) -> EquilibriumPoint:
        trips_here = OdTrips(np.exp(logs[:-1]), float(np.exp(logs[-1])))
        return at_equilibrium(model, trips_here, nothing, with_theta=True, hours=1.0)

    def weighed(logs: FloatArray) -> float:
        return float(point(logs).path_flow_veh_h @ np.arange(paths.count))

    known = point(here)
    np.testing.assert_allclose(
        known.gradient, central_differences(lambda x: point(x).log_posterior, here, 1e-4), rtol=1e-4
    )
    np.testing.assert_allclose(
        known.jacobian.T @ np.arange(paths.count), central_differences(weighed, here, 1e-4), rtol=1e-4
    )


def test_without_times_intervals_still_cover_as_often_as_they_say(paths: PathSet, day: Equilibrium) -> None:
    """The trips, theta and the times are all unknown; 100 repeats: a share of hits is known to 3 %."""
    found = [estimate_od(paths, counted(paths, day, seed)) for seed in range(100)]
    assert all(estimate.converged for estimate in found)
    assert all(abs(estimate.theta_per_min / THETA - 1) < 0.1 for estimate in found)
    hits = [(low <= TRUTH) & (high >= TRUTH) for low, high in (estimate.interval() for estimate in found)]
    assert np.all(np.mean(hits, axis=0) >= 0.81)
    assert np.all(np.mean(hits, axis=0) < 1)


def test_times_of_noisy_counts_mislead_where_the_equilibrium_does_not(
    paths: PathSet, day: Equilibrium
) -> None:
    """Link times grow with the fourth power of the flow, and with them the noise of a mean count."""
    error: dict[str, list[FloatArray]] = {"own times": [], "equilibrium": []}
    for seed in range(40):
        counts = counted(paths, day, seed)
        own = link_time_min(paths.network, counts.flow_veh_h.mean(axis=0))
        for name, times in (("own times", own), ("equilibrium", None)):
            error[name].append(estimate_od(paths, counts, times).od.demand_veh_h - TRUTH)
    rmse = {name: np.sqrt(np.mean(np.square(errors), axis=0)) for name, errors in error.items()}
    assert np.all(rmse["equilibrium"] < rmse["own times"])
    assert rmse["equilibrium"].sum() < 0.9 * rmse["own times"].sum()


def test_standard_errors_are_the_spread_of_the_estimates(paths: PathSet, day: Equilibrium) -> None:
    found = [
        estimate_od(paths, counted(paths, day, seed), day.link_time_min, theta_per_min=THETA)
        for seed in range(REPEATS)
    ]
    spread = np.std([estimate.od.demand_veh_h for estimate in found], axis=0)
    claimed = np.mean([estimate.standard_error_veh_h for estimate in found], axis=0)
    np.testing.assert_allclose(spread, claimed, rtol=0.15)  # a standard deviation of 200 is known to 5 %


def test_not_knowing_theta_costs_precision(paths: PathSet, day: Equilibrium) -> None:
    counts = counted(paths, day)
    known = estimate_od(paths, counts, day.link_time_min, theta_per_min=THETA)
    unknown = estimate_od(paths, counts, day.link_time_min)
    assert np.all(unknown.standard_error_veh_h > known.standard_error_veh_h)
    assert known.theta_standard_error == 0 < unknown.theta_standard_error


def test_noise_of_the_counting_is_found_in_what_no_path_explains(paths: PathSet, day: Equilibrium) -> None:
    """9 of 19 coordinates are free: over 30 days the noise is known to 4.3 %; the bound is four times that."""
    noise = stream(3, "noise").normal(0, 20, size=(DAYS, 19))
    exact = drawn(paths, day.path_flow_veh_h, 3)
    counts = LinkCounts(link=ALL, flow_veh_h=np.maximum(exact + noise, 0))
    estimate = estimate_od(paths, counts, day.link_time_min, theta_per_min=THETA)
    np.testing.assert_allclose(estimate.noise_veh_h, 20, rtol=0.17)
    without = estimate_od(
        paths, LinkCounts(link=ALL, flow_veh_h=exact), day.link_time_min, theta_per_min=THETA
    )
    assert np.all(without.noise_veh_h == 0)
    assert np.all(estimate.standard_error_veh_h > without.standard_error_veh_h)
    assert np.all(np.abs(estimate.od.demand_veh_h - TRUTH) < 4 * estimate.standard_error_veh_h)


def test_bpr_is_inverted_above_free_flow_and_clamped_below() -> None:
    network = nguyen_dupuis().network
    flow = np.linspace(0.2, 1.8, 19) * network.capacity_veh_h
    times = link_time_min(network, flow)
    np.testing.assert_allclose(flow_at_time_veh_h(network, ALL, times), flow, rtol=1e-9)
    assert np.all(flow_at_time_veh_h(network, ALL, 0.9 * network.t0_min) == 0)


def test_link_times_give_the_trips_as_well_as_counts(paths: PathSet, day: Equilibrium) -> None:
    flows = drawn(paths, day.path_flow_veh_h, 4)
    times = np.array([link_time_min(paths.network, flow) for flow in flows])
    from_times = estimate_od(paths, counts_from_times(paths.network, ALL, times), day.link_time_min)
    from_counts = estimate_od(paths, LinkCounts(link=ALL, flow_veh_h=flows), day.link_time_min)
    np.testing.assert_allclose(from_times.od.demand_veh_h, from_counts.od.demand_veh_h, rtol=1e-3)


def test_a_link_near_free_flow_is_trusted_less() -> None:
    """The same error in minutes is a larger one in vehicles, dx/dt = x / (beta (t - t0))."""
    network = nguyen_dupuis().network
    link = np.array([0, 0 + 1])
    times = link_time_min(network, np.array([0.2, 1.2, *np.ones(17)]) * network.capacity_veh_h)[None, link]
    counts = counts_from_times(network, link, times, noise_min=0.1)
    assert counts.noise_veh_h is not None
    relative = counts.noise_veh_h / network.capacity_veh_h[link]
    assert relative[0] > 50 * relative[1]


def test_a_link_at_free_flow_says_nothing_and_is_left_out() -> None:
    network = nguyen_dupuis().network
    times = network.t0_min * np.where(ALL == 3, 1.5, 1.0)
    assert counts_from_times(network, ALL, times[None, :]).link.tolist() == [3]
    with pytest.raises(ConfigError, match="no link is slower than at free flow"):
        counts_from_times(network, ALL, network.t0_min[None, :])


def test_noisy_times_are_weighed_by_what_they_tell(paths: PathSet, day: Equilibrium) -> None:
    """Times with an error of 3 seconds; every OD within four standard errors, twelve estimates in all."""
    for seed in range(3):
        flows = drawn(paths, day.path_flow_veh_h, seed)
        noise = stream(seed, "noise").normal(0, 0.05, size=flows.shape)
        times = np.array([link_time_min(paths.network, flow) for flow in flows]) + noise
        counts = counts_from_times(paths.network, ALL, times, noise_min=0.05)
        estimate = estimate_od(paths, counts, day.link_time_min, theta_per_min=THETA)
        assert np.all(np.abs(estimate.od.demand_veh_h - TRUTH) < 4 * estimate.standard_error_veh_h)


CHAIN = [("a", "1", "2", 1.0), ("b", "2", "3", 1.0), ("c", "3", "4", 1.0)]
CHAIN_ODS = (("1", "3", 50.0), ("2", "4", 80.0), ("3", "4", 30.0), ("1", "2", 20.0))


def chain(counted_links: list[int], days: int = 200) -> tuple[PathSet, LinkCounts, Network]:
    network = small_network(CHAIN, capacity=1000)
    paths = find_paths(network, trips(network, *CHAIN_ODS), CARS)
    flows = drawn(paths, np.array([50.0, 80, 30, 20]), 1, days)
    return paths, LinkCounts(link=np.array(counted_links), flow_veh_h=flows[:, counted_links]), network


def test_ods_that_the_counts_cannot_tell_apart_are_named() -> None:
    paths, counts, network = chain([1])
    estimate = estimate_od(paths, counts, network.t0_min, theta_per_min=1.0)
    assert estimate.confounded == (("1-3", "2-4"), ("3-4",), ("1-2",))
    assert np.all(np.isinf(estimate.standard_error_veh_h))
    assert abs(estimate.link_flow_veh_h[1] - 130) < 4 * np.sqrt(130 / 200)


def test_ods_that_are_told_are_not_named_with_the_others() -> None:
    paths, counts, network = chain([1, 2])
    one_unseen = find_paths(network, trips(network, CHAIN_ODS[1], CHAIN_ODS[2], CHAIN_ODS[3]), CARS)
    estimate = estimate_od(one_unseen, counts, network.t0_min, theta_per_min=1.0)
    assert estimate.confounded == (("1-2",),)
    assert np.isfinite(estimate.standard_error_veh_h).tolist() == [True, True, False]
    assert paths.count == 4


def test_a_prior_decides_what_the_counts_leave_open() -> None:
    paths, counts, network = chain([1])
    prior = OdPrior(np.array([52.0, 78, 31, 22]), 0.2)
    estimate = estimate_od(paths, counts, network.t0_min, theta_per_min=1.0, prior=prior)
    np.testing.assert_allclose(estimate.od.demand_veh_h[2:], [31, 22], rtol=1e-6)
    np.testing.assert_allclose(estimate.standard_error_veh_h[2:], 0.2 * np.array([31, 22]), rtol=1e-6)
    assert abs(estimate.od.demand_veh_h[:2].sum() - counts.flow_veh_h.mean()) < 0.5
    assert len(estimate.confounded) == 3


def test_a_sure_prior_is_kept_and_a_vague_one_is_not_felt(paths: PathSet, day: Equilibrium) -> None:
    counts = counted(paths, day)
    alone = estimate_od(paths, counts, day.link_time_min, theta_per_min=THETA).od.demand_veh_h
    for variation, expected in ((1e-6, 1.2 * TRUTH), (1e4, alone)):
        prior = OdPrior(1.2 * TRUTH, variation)
        estimate = estimate_od(paths, counts, day.link_time_min, theta_per_min=THETA, prior=prior)
        np.testing.assert_allclose(estimate.od.demand_veh_h, expected, rtol=1e-4)


def test_theta_is_refused_where_no_od_has_a_choice() -> None:
    paths, counts, network = chain([0, 1, 2])
    with pytest.raises(ModelError, match="theta cannot be estimated"):
        estimate_od(paths, counts, network.t0_min)


def test_theta_is_refused_where_the_trips_explain_as_much(paths: PathSet, day: Equilibrium) -> None:
    flows = drawn(paths, day.path_flow_veh_h, 5)
    counts = LinkCounts(link=ALL[:3], flow_veh_h=flows[:, :3])
    with pytest.raises(ModelError, match="Count more links"):
        estimate_od(paths, counts, day.link_time_min)


def test_counts_that_no_path_crosses_are_refused() -> None:
    network = small_network(CHAIN)
    paths = find_paths(network, trips(network, CHAIN_ODS[3]), CARS)
    counts = LinkCounts(link=np.array([2]), flow_veh_h=np.ones((1, 1)))
    with pytest.raises(ConfigError, match="no path crosses a counted link"):
        estimate_od(paths, counts, network.t0_min, theta_per_min=1.0)


def test_counts_of_two_hours_are_worth_twice_as_much(paths: PathSet, day: Equilibrium) -> None:
    counts = counted(paths, day)
    one, two = (
        estimate_od(paths, counts, day.link_time_min, theta_per_min=THETA, hours=hours)
        for hours in (1.0, 2.0)
    )
    np.testing.assert_allclose(two.od.demand_veh_h, one.od.demand_veh_h, rtol=0.02)
    np.testing.assert_allclose(one.standard_error_veh_h / two.standard_error_veh_h, np.sqrt(2), rtol=0.02)


def test_counts_are_read_as_days_by_links(tmp_path: Path) -> None:
    network = small_network(CHAIN)
    file = tmp_path / "counts.csv"
    file.write_text("day,link,flow_veh_h\nmon,b,5\nmon,a,3\ntue,a,4\ntue,b,6\n")
    seen = read_observations(file, network, "flow_veh_h")
    assert seen.link.tolist() == [0, 1]
    assert seen.values.tolist() == [[3, 5], [4, 6]]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("mon,a,3", "mon,x,3", "counts.csv, line 3: column link is 'x'; it must be a link of the network"),
        (
            "mon,a,3",
            "mon,a,-3",
            "counts.csv, line 3: column flow_veh_h is '-3'; it must be a number, 0 or more",
        ),
        ("mon,a,3", "mon,b,3", "counts.csv, line 3: day 'mon', link 'b' is given already in line 2"),
        (
            "mon,a,3\n",
            "",
            "counts.csv: link 'a' is not observed on day 'mon'; every link is needed every day",
        ),
    ],
)
def test_each_defect_of_the_counts_names_its_place(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("day,link,flow_veh_h\nmon,b,5\nmon,a,3\ntue,a,4\ntue,b,6\n".replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read_observations(file, small_network(CHAIN), "flow_veh_h")
    assert sentence in str(caught.value.problems[0])


def test_a_path_that_nobody_takes_at_the_times_of_the_counts_is_no_end(tmp_path: Path) -> None:
    """At the counted times path 2 takes 50 min longer: exp(-25) of the trips. At the equilibrium it is taken."""
    (tmp_path / "links.csv").write_text(
        "link,from,to,t0_min,capacity_veh_h,alpha,beta\na,1,3,100,4000,0.15,4\nb,3,2,100,4000,0.15,4\n"
        "c,1,4,150,3000,0.15,4\nd,4,2,150,3000,0.15,4\n",
        encoding="utf-8",
    )
    (tmp_path / "od.csv").write_text("origin,dest,demand_veh_h\n1,2,7000\n", encoding="utf-8")
    roads = read_roads(tmp_path / "links.csv", tmp_path / "od.csv")
    paths = find_paths(roads.network, roads.od, [UserClass("all")])
    counts = LinkCounts(link=np.array([0, 2]), flow_veh_h=np.array([[5400.0, 1600.0]]))
    estimate = estimate_od(paths, counts, theta_per_min=0.5)
    assert estimate.converged
    low, high = estimate.interval()
    assert low[0] < 7000 < high[0]
