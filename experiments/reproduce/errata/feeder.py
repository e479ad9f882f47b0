"""The errata of the feeder: Eq. 9 to 23."""

from experiments.reproduce.errata import numbers_of_feeder as numbers
from experiments.reproduce.errata.erratum import RIGHT, Erratum

FEEDER: tuple[Erratum, ...] = (
    Erratum(
        "Eq. 9",
        "P = γ E_B x",
        "no cap on the load of a station",
        "cap, and backlog for the next period",
        "Here a station uses at most {0:.0f} % of its chargers; at {1:.1f} times the flow the printed load is more "
        "than they can give.",
        numbers.use_of_the_chargers,
    ),
    Erratum(
        "Eq. 10",
        "P_D = p_D + p_cs at stations",
        RIGHT,
        "as printed",
        "Stations draw {0:.0f} % of the day's energy.",
        numbers.share_of_the_stations,
    ),
    Erratum(
        "Eq. 11",
        "AC power flow",
        RIGHT,
        "pandapower solves it, to check every dispatch",
        "Largest difference to the dispatch: {0:.1g} p.u.",
        numbers.ac_mismatch,
    ),
    Erratum(
        "Eq. 12",
        "P_in − r I² = P_out + P_j",
        "the sign of the injection is not that of Eq. 13",
        "injection positive for generation, on the side of what flows in",
        "At our dispatch the printed balance of a bus is out by {0:,.0f} kW, ours by {1:.1g} kW.",
        numbers.balance_with_both_signs,
    ),
    Erratum(
        "Eq. 13",
        "… + P_CS + Δ P_ind + P_dis − P_ch − P_D",
        "adds the stations that P_D of Eq. 10 takes away: the EV load cancels",
        "p = generation + discharge − charge + out − in − load − EV",
        "{0:,.0f} kWh a day would be charged for nothing.",
        numbers.charging_that_cancels,
    ),
    Erratum(
        "Eq. 14",
        "U_j² = U_i² − 2(rP + xQ) + (r² + x²) I²",
        RIGHT,
        "as printed, with tap ratios and pi-models where the feeder has them",
        "Largest gap at the dispatch: {0:.1g} p.u.",
        numbers.voltage_drop_gap,
    ),
    Erratum(
        "Eq. 15",
        "U = U², cone",
        "one name for the voltage and its square",
        "v = U², l = I²; the cone as printed",
        "The lowest voltage is {0:.4f} p.u., its square {1:.4f}.",
        numbers.voltage_and_its_square,
    ),
    Erratum(
        "Eq. 16",
        "l ≤ I_max²",
        "the sign of Eq. 12; no I_max is given",
        "limits where the feeder has them; otherwise a bound that every AC solution keeps",
        "Largest current {0:.0f} A; {1:.0f} branches have a limit.",
        numbers.currents_and_limits,
    ),
    Erratum(
        "Eq. 17",
        "0 ≤ Q ≤ Q_max",
        "a turbine can absorb reactive power, too; before period 1 there is no output to ramp from",
        "−Q_max ≤ Q ≤ Q_max; period 1 is free",
        "It gives {0:,.0f} to {1:,.0f} kvar: here the printed limit would do.",
        numbers.reactive_power_of_the_turbine,
    ),
    Erratum(
        "Eq. 18",
        "E + η P_ch Δt − P_max / η Δt",
        "the discharge enters with its maximum",
        "its actual power; efficiency divides",
        "The printed store of {1:,.0f} kWh would hold {0:,.0f} kWh after the day.",
        numbers.store_with_printed_discharge,
    ),
    Erratum(
        "Eq. 19",
        "P_max² + Q_max² = S²",
        "with P_max = S it makes Q = 0",
        "P² + Q² ≤ S², or Q² ≤ S² − P_available²",
        "PV and wind give up to {0:,.0f} kvar; without it the day costs {1:,.0f} CNY more.",
        numbers.reactive_power_of_sun_and_wind,
    ),
    Erratum(
        "Eq. 20",
        "Σ P_1 = Σ P_0",
        "before and after shifting, energy is the same: the payment of Eq. 21 is zero",
        "power shifted out and in, each limited; energy shifted out is paid",
        "As printed {0:.2f} CNY are paid, by the energy shifted out {1:,.0f} CNY.",
        numbers.payment_for_shifting,
    ),
    Erratum(
        "Eq. 21",
        "Σ μ r P",
        "loss term linear in the flow; a, of the square, is called the primary coefficient; a, b and pi "
        "have no units; the constraints listed leave out the power flow, Eq. 14-16",
        "r l, not r P; mu = 0 by default, for bought energy pays for losses; presets A and B of the units; "
        "all constraints",
        "Σ r P is {0:,.0f} kWh on a base of 1 MVA and {1:,.0f} kWh on 10 MVA; the losses are {2:,.0f} kWh.",
        numbers.losses_as_printed,
    ),
    Erratum(
        "Eq. 22",
        "P_h = Σ (P_max − P_min)",
        "P_h is summed over the day; one δ for both sides cannot give Table 1",
        "P_h = max − min; a δ up and a δ down",
        "Summed, {0:.0f} of 24 periods are off the flat price; with max − min {1:.0f}. Table 1 needs "
        "δ = {2:.3f} up, {3:.3f} down.",
        numbers.periods_off_the_flat_price,
    ),
    Erratum(
        "Eq. 23",
        "|I − √(P² + Q²) / U| in the variables of Eq. 15",
        "compares a squared current with a current",
        "square roots on both sides",
        "At the exact dispatch the printed error is {0:.2g} p.u., ours {1:.1g} p.u.",
        numbers.relaxation_error_as_printed,
    ),
)
