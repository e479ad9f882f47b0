"""The agents against the equilibrium: whether their choices are draws from its shares, and how far flows differ."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray, Frame, IntArray
from cosim.randomness import stream
from cosim.results import Recorder

SIMULATED = 999
"""Samples behind each Monte Carlo p-value."""
FEWEST_TRIPS = 2
LEVEL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How the agents' day compares with the equilibrium."""

    g_tests: int
    g_test_rejected_share: float
    """Share of G-tests that reject at 5 %; about .05 if the choices are draws from the equilibrium's shares."""
    pooled_p_value: dict[str, float]
    """Fisher's combined p-value of each class."""
    link_flow_rmse_veh_h: float
    geh_below_5_share: float
    """Share of links and periods with a GEH below 5."""


def g_statistic(observed: IntArray, expected_share: FloatArray) -> FloatArray:
    """Return 2 sum O ln(O / E) over the last axis, E = share * sum O; infinite if what cannot be was chosen."""
    observed = np.asarray(observed, dtype=np.float64)
    expected = expected_share * observed.sum(axis=-1, keepdims=True)
    chosen, possible = observed > 0, expected > 0
    ratio = np.divide(observed, expected, out=np.ones_like(observed), where=chosen & possible)
    statistic = 2 * np.sum(observed * np.log(ratio), axis=-1)
    return np.where((chosen & ~possible).any(axis=-1), np.inf, statistic)[()]


def randomised_p_value(observed: IntArray, share: FloatArray, rng: np.random.Generator) -> float:
    """Return the Monte Carlo p-value of a G-test, ties broken at random: exactly uniform under the null.

    *observed* counts and *share* have one entry per alternative. Counts of a few trips make
    few different statistics; without the random tie-break the test would reject too seldom.
    """
    statistic = g_statistic(observed, share)
    simulated = g_statistic(rng.multinomial(int(observed.sum()), share, size=SIMULATED), share)
    if np.isinf(statistic):
        return 1 / (SIMULATED + 1)
    slack = 1e-9 * max(1.0, abs(float(statistic)))
    above = np.count_nonzero(simulated > statistic + slack)
    tied = np.count_nonzero(np.abs(simulated - statistic) <= slack)
    return float((above + rng.random() * (tied + 1)) / (SIMULATED + 1))


def compare_with_equilibrium(
    agents: Mapping[str, Frame], equilibrium: Mapping[str, Frame], seed: int
) -> dict[str, Frame]:
    """Return the tables ``g_tests`` and ``link_flows`` of a run that holds both models."""
    recorder = Recorder()
    _test_choices(recorder, agents["paths"], equilibrium["paths"], seed, whole_days(agents))
    _compare_links(recorder, agents["links"], equilibrium["links"])
    return recorder.frames()


def whole_days(agents: Mapping[str, Frame]) -> int:
    """Return how many days the agents lived through; in the periods after the last one there are no cars."""
    links = agents["links"]
    periods = links.groupby("day").period.nunique()
    return int((periods == periods[1]).sum())


def _test_choices(recorder: Recorder, agents: Frame, paths: Frame, seed: int, days: int) -> None:
    """Test the paths drawn by each class and OD in each period against the equilibrium's shares."""
    hours = 24 / paths.period.max()
    rng = stream(seed, "g-test")
    for day in range(1, days + 1):
        drawn = agents[(agents.day == day) & (agents.flow_veh_h > 0)]
        counts = (drawn.set_index(["period", "path"]).flow_veh_h * hours).round().astype(np.int64)
        _test_day(recorder, day, counts, paths, rng)


def _test_day(recorder: Recorder, day: int, counts: Frame, paths: Frame, rng: np.random.Generator) -> None:
    evs = paths[paths.user_class != "car"].set_index(["period", "path"])
    evs = evs.assign(observed=counts.reindex(evs.index, fill_value=0)).reset_index()
    keys = ["period", "user_class", "origin", "destination"]
    for (period, user_class, origin, destination), choices in evs.groupby(keys, sort=True):
        observed, share = choices.observed.to_numpy(), choices.share.to_numpy()
        if observed.sum() < FEWEST_TRIPS or (share > 0).sum() < 2:
            continue
        recorder.add_row(
            "g_tests",
            day=day,
            period=period,
            user_class=user_class,
            origin=origin,
            destination=destination,
            trips=int(observed.sum()),
            alternatives=observed.size,
            g_statistic=float(g_statistic(observed, share)),
            p_value=randomised_p_value(observed, share / share.sum(), rng),
        )


def _compare_links(recorder: Recorder, agents: Frame, equilibrium: Frame) -> None:
    """Set the flows side by side, link by link and period by period."""
    keys = ["day", "period", "link"]
    both = equilibrium.drop(columns="day").merge(
        agents, on=keys[1:], suffixes=("_equilibrium", "_agents"), how="inner"
    )
    counted, expected = both.flow_veh_h_agents.to_numpy(), both.flow_veh_h_equilibrium.to_numpy()
    recorder.add(
        "link_flows",
        **{key: both[key].to_numpy() for key in keys},
        agents_veh_h=counted,
        equilibrium_veh_h=expected,
        difference_veh_h=counted - expected,
        geh=geh(counted, expected),
    )


def geh(counted_veh_h: FloatArray, expected_veh_h: FloatArray) -> FloatArray:
    """Return the GEH statistic sqrt(2 (m - c)^2 / (m + c)) of hourly flows; 0 where both are 0."""
    total = counted_veh_h + expected_veh_h
    squared = np.divide(
        2 * (counted_veh_h - expected_veh_h) ** 2, total, out=np.zeros_like(total), where=total > 0
    )
    return np.sqrt(squared)


def agreement(comparison: Mapping[str, Frame]) -> Agreement:
    """Return the comparison in a few figures."""
    flows, tests = comparison["link_flows"], comparison.get("g_tests")
    rejected = float((tests.p_value <= LEVEL).mean()) if tests is not None else float("nan")
    return Agreement(
        g_tests=0 if tests is None else len(tests),
        g_test_rejected_share=rejected,
        pooled_p_value={} if tests is None else _pooled(tests),
        link_flow_rmse_veh_h=float(np.sqrt((flows.difference_veh_h**2).mean())),
        geh_below_5_share=float((flows.geh < 5).mean()),
    )


def _pooled(tests: Frame) -> dict[str, float]:
    """Return Fisher's combined p-value for each class: -2 sum ln p is chi-squared with 2 m degrees of freedom."""
    from scipy.stats import chi2

    return {
        user_class: float(chi2.sf(-2 * np.log(group.p_value).sum(), 2 * len(group)))
        for user_class, group in tests.groupby("user_class")
    }
