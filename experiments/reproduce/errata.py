"""The errata: what the paper prints, what is wrong with it, what we do, and a number that shows it.

This is the one source; docs/method.md repeats the table, and a test compares them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from experiments.reproduce import evidence_grid as grid
from experiments.reproduce import evidence_roads as roads
from experiments.reproduce.cases import Reproduction

RIGHT = "nothing"


@dataclass(frozen=True, slots=True)
class Erratum:
    """One equation or step; *shown* tells the numbers that *measure* computes."""

    item: str
    printed: str
    wrong: str
    we_do: str
    shown: str
    measure: Callable[[Reproduction], tuple[float, ...]]

    @property
    def is_right(self) -> bool:
        """Whether it can be used as printed."""
        return self.wrong == RIGHT


@dataclass(frozen=True, slots=True)
class Shown:
    """An erratum with its numbers."""

    erratum: Erratum
    numbers: tuple[float, ...]

    @property
    def evidence(self) -> str:
        """The sentence with the numbers in it."""
        return self.erratum.shown.format(*self.numbers)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        own = self.erratum
        return {
            "item": own.item,
            "printed": own.printed,
            "wrong": own.wrong,
            "we_do": own.we_do,
            "numbers": list(self.numbers),
            "evidence": self.evidence,
        }


ERRATA: tuple[Erratum, ...] = (
    Erratum(
        "Eq. 1",
        "ln |AΛA′| and (AΛA′)⁻¹, summed over the paths k = 1..K",
        "AΛA′ is singular wherever links outnumber independent paths; the sum runs over paths, not days",
        "days; noise of the counts, or their independent combinations",
        "At the peak hour AΛA′ has rank {0:.0f}, and {1:.0f} rows.",
        roads.rank_of_the_covariance,
    ),
    Erratum(
        "Eq. 2",
        "q = N p, the EVs with fast-charging demand",
        "the EVs that do not charge, N − q, vanish from the roads",
        "they are loaded as a class of their own, and so are conventional cars",
        "{0:.1f} % of the EVs' trips would not be on the roads.",
        roads.evs_that_vanish,
    ),
    Erratum(
        "link and node sets",
        "N = Nr ∩ Nc, A = Ar ∩ Ac",
        "intersections: nothing is left",
        "unions",
        "{0:.0f} of {1:.0f} links are in both sets.",
        roads.links_in_both_sets,
    ),
    Erratum(
        "Eq. 3",
        "τ = τ⁰ [1 + R x / (c − x)] at stations",
        "R is also the resistance; singular at capacity, and negative beyond it",
        "J, fitted to the wait of an M/M/c queue; safeguarded steps, so that flow never reaches capacity",
        "One per cent above its capacity a station takes {0:.0f} minutes.",
        roads.davidson_beyond_capacity,
    ),
    Erratum(
        "Eq. 4",
        "Σ f = q",
        RIGHT,
        "as printed, per class",
        "Largest gap over all periods: {0:.0e} veh/h.",
        roads.unmet_demand,
    ),
    Erratum(
        "Eq. 5",
        "x = Σ Σ f δ",
        RIGHT,
        "as printed, charging arcs included",
        "Largest gap at the peak, added up path by path: {0:.0e} veh/h.",
        roads.link_flows_added_up,
    ),
    Erratum(
        "Eq. 6",
        "c = Σ τ δ",
        "time alone: the “interaction of charging costs and path costs” of Section 1 is missing",
        "plus 60 price energy / value of time for who charges (a price that is the same everywhere cancels)",
        "At the high price a charge costs as much as {0:.0f} minutes; a charging trip takes {1:.0f}.",
        roads.price_of_a_charge,
    ),
    Erratum(
        "Eq. 7",
        "P = exp(−θc) / Σ exp(−θc)",
        "k is both the path and the index of the sum; 0/0 where all costs are large",
        "costs less the cheapest of the OD, which leaves the shares as they are",
        "In floating point every term is zero from {0:,.0f} minutes on.",
        roads.cost_at_which_logit_underflows,
    ),
    Erratum(
        "Eq. 8",
        "min −{Σ∫t dx + Σ q S}",
        "not stationary at the equilibrium: Σ x t(x) is missing, and the sign of the integral is wrong",
        "Σ x t − Σ∫t dx − Σ q S (Sheffi and Powell); Fisk's program is the referee in the tests",
        "One per cent more flow than at the equilibrium changes the printed function by {0:,.0f} and the right one by "
        "{1:+,.1f} min veh/h.",
        roads.objectives_beside_the_equilibrium,
    ),
    Erratum(
        "MSA step 1",
        "n = 1 and t = 1",
        "period 1 has no period before it from which step 2 could start",
        "the logit loading at free flow",
        "At the peak, from an even split {0:.0f} iterations, from the free-flow loading {1:.0f}.",
        roads.start_of_the_first_period,
    ),
    Erratum(
        "MSA step 2",
        "f(t) = f(t − 1)",
        "does not meet the demand of period t",
        "flows scaled by q_t / q_{t−1}, per class and OD",
        "In period {1:.0f} the old flows would miss the demand by {0:.0f} %.",
        roads.demand_not_met_by_old_flows,
    ),
    Erratum(
        "MSA step 3",
        "costs of all paths",
        RIGHT,
        "as printed",
        "{0:.0f} paths and (path, station) pairs in each iteration.",
        roads.paths_in_each_iteration,
    ),
    Erratum(
        "MSA step 4",
        "f × P",
        "loses demand in every iteration",
        "q × P",
        "At the equilibrium of the peak f × P leaves out up to {0:.0f} % of the trips of an OD.",
        roads.demand_lost_by_step_4,
    ),
    Erratum(
        "MSA step 5",
        "f + (f_new − f) / n",
        "n begins at 1 in every period: the first step is whole and forgets the flows of the warm start",
        "as printed for Figures 7 and 8, where the costs remember them; self-regulated steps otherwise",
        "First step in period 18: {0:g}; the residual falls from {1:.1e} to {2:.1e} all the same.",
        roads.first_step_of_a_warm_start,
    ),
    Erratum(
        "MSA step 6",
        "|f(n+1) − f(n)| ≤ ε",
        "tests the step, which is the residual / n: stops far too early",
        "tests the residual max |q P(c(f)) − f| / max(1, q)",
        "With ε = 1e-3 the step says stop in iteration {0:.0f}, at a residual of {1:.1e}; it takes {2:.0f}.",
        roads.where_the_step_says_stop,
    ),
    Erratum(
        "MSA step 7",
        "all periods one after another",
        "trips that outlast their period end with it",
        "as printed; `road.assignment.carry_over` assigns the rest of a trip to the next period",
        "At the peak {0:.0f} % of the way is still ahead when the period ends.",
        roads.vehicles_under_way,
    ),
    Erratum(
        "Eq. 9",
        "P = γ E_B x",
        "no cap on the load of a station",
        "cap, and backlog for the next period",
        "Here a station uses at most {0:.0f} % of its chargers; at {1:.1f} times the flow the printed load is more "
        "than they can give.",
        grid.use_of_the_chargers,
    ),
    Erratum(
        "Eq. 10",
        "P_D = p_D + p_cs at stations",
        RIGHT,
        "as printed",
        "Stations draw {0:.0f} % of the day's energy.",
        grid.share_of_the_stations,
    ),
    Erratum(
        "Eq. 11",
        "AC power flow",
        RIGHT,
        "pandapower solves it, to check every dispatch",
        "Largest difference to the dispatch: {0:.0e} p.u.",
        grid.ac_mismatch,
    ),
    Erratum(
        "Eq. 12",
        "P_in − r I² = P_out + P_j",
        "the sign of the injection is not that of Eq. 13",
        "injection positive for generation, on the side of what flows in",
        "At our dispatch the printed balance of a bus is out by {0:,.0f} kW, ours by {1:.0e} kW.",
        grid.balance_with_both_signs,
    ),
    Erratum(
        "Eq. 13",
        "… + P_CS + ΔP_ind + P_dis − P_ch − P_D",
        "adds the stations that P_D of Eq. 10 takes away: the EV load cancels",
        "p = generation + discharge − charge + out − in − load − EV",
        "{0:,.0f} kWh a day would be charged for nothing.",
        grid.charging_that_cancels,
    ),
    Erratum(
        "Eq. 14",
        "U_j² = U_i² − 2(rP + xQ) + (r² + x²) I²",
        RIGHT,
        "as printed, with tap ratios and pi-models where the feeder has them",
        "Largest gap at the dispatch: {0:.0e} p.u.",
        grid.voltage_drop_gap,
    ),
    Erratum(
        "Eq. 15",
        "U = U², cone",
        "one name for the voltage and its square",
        "v = U², l = I²; the cone as printed",
        "The lowest voltage is {0:.4f} p.u., its square {1:.4f}.",
        grid.voltage_and_its_square,
    ),
    Erratum(
        "Eq. 16",
        "l ≤ I_max²",
        "no I_max is given",
        "limits where the feeder has them; otherwise a bound that every AC solution keeps",
        "Largest current {0:.0f} A; {1:.0f} branches have a limit.",
        grid.currents_and_limits,
    ),
    Erratum(
        "Eq. 17",
        "0 ≤ Q ≤ Q_max",
        "a turbine can absorb reactive power, too; before period 1 there is no output to ramp from",
        "−Q_max ≤ Q ≤ Q_max; period 1 is free",
        "It gives {0:,.0f} to {1:,.0f} kvar: here the printed limit would do.",
        grid.reactive_power_of_the_turbine,
    ),
    Erratum(
        "Eq. 18",
        "E + η P_ch Δt − P_max / η Δt",
        "the discharge enters with its maximum",
        "its actual power; efficiency divides",
        "The printed store of {1:,.0f} kWh would hold {0:,.0f} kWh after the day.",
        grid.store_with_printed_discharge,
    ),
    Erratum(
        "Eq. 19",
        "P_max² + Q_max² = S²",
        "with P_max = S it makes Q = 0",
        "P² + Q² ≤ S², or Q² ≤ S² − P_available²",
        "PV and wind give up to {0:,.0f} kvar; without it the day costs {1:,.0f} CNY more.",
        grid.reactive_power_of_sun_and_wind,
    ),
    Erratum(
        "Eq. 20",
        "Σ P_1 = Σ P_0",
        "before and after shifting, energy is the same: the payment of Eq. 21 is zero",
        "power shifted out and in, each limited; energy shifted out is paid",
        "As printed {0:.2f} CNY are paid, by the energy shifted out {1:,.0f} CNY.",
        grid.payment_for_shifting,
    ),
    Erratum(
        "Eq. 21",
        "Σ μ r P",
        "loss term linear in the flow; a, of the square, is called the primary coefficient; a, b and pi have no units",
        "r l, not r P; mu = 0 by default, for bought energy pays for losses; presets A and B of the units",
        "Σ r P is {0:,.0f} kWh on a base of 1 MVA and {1:,.0f} kWh on 10 MVA; the losses are {2:,.0f} kWh.",
        grid.losses_as_printed,
    ),
    Erratum(
        "Eq. 22",
        "P_h = Σ (P_max − P_min)",
        "P_h is summed over the day",
        "P_h = max − min",
        "Summed, {0:.0f} of 24 periods are off the flat price; with max − min {1:.0f}.",
        grid.periods_off_the_flat_price,
    ),
    Erratum(
        "Eq. 23",
        "|I − √(P² + Q²) / U| in the variables of Eq. 15",
        "compares a squared current with a current",
        "square roots on both sides",
        "At the exact dispatch the printed error is {0:.2g} p.u., ours {1:.0e} p.u.",
        grid.relaxation_error_as_printed,
    ),
)


def shown(case: Reproduction) -> list[Shown]:
    """Return every erratum with its numbers."""
    return [Shown(erratum, erratum.measure(case)) for erratum in ERRATA]


def errata_table() -> str:
    """Return the errata as the Markdown table of docs/method.md."""
    rows = [f"| {own.item} | {_plain(own.wrong)} | {_plain(own.we_do)} |" for own in ERRATA]
    return "\n".join(["| printed | what is wrong | what we do |", "|---|---|---|", *rows])


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
