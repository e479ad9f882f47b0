"""The columns of the grid's tables: ``cosim run`` and ``cosim dispatch`` write them alike.

``injections`` and ``rolling`` are written by ``cosim dispatch`` alone, ``prices`` by ``cosim run``.
"""

from cosim.columns import Column, real, text, whole

_TIME = (
    whole("day", "day, from 1; what outlasts the last day is booked to the next"),
    whole("period", "period of the day, 1..T"),
)
_FEEDER = text("feeder", "feeder")

GRID_TABLES: dict[str, tuple[Column, ...]] = {
    "buses": (
        *_TIME,
        _FEEDER,
        text("bus", "bus"),
        real("load_kw", "base load served"),
        real("station_planned_kw", "station load the dispatch planned with"),
        real("station_kw", "realised station load"),
        real("voltage_planned_pu", "voltage of the dispatch (SOCP)"),
        real("voltage_ac_pu", "voltage of the AC power flow at the dispatch"),
        real("voltage_pu", "voltage of the AC power flow with the realised load"),
        real(
            "nodal_price_cny_per_kwh",
            "dual of the nodal active balance; with exactness recovery, its loss price is in it",
        ),
    ),
    "branches": (
        *_TIME,
        _FEEDER,
        text("branch", "branch"),
        text("from_bus", "bus on the root's side"),
        text("to_bus", "bus on the far side"),
        real("p_kw", "active power entering it in the dispatch"),
        real("q_kvar", "reactive power entering it in the dispatch"),
        real("current_planned_a", "current of the dispatch (SOCP)"),
        real("current_ac_a", "current of the AC power flow at the dispatch"),
        real("current_a", "current of the AC power flow with the realised load"),
        real("relaxation_error", "Eq. 23, corrected: |sqrt(l) - sqrt(P^2+Q^2)/sqrt(v)| in p.u."),
    ),
    "devices": (
        *_TIME,
        _FEEDER,
        text("device", "device"),
        text("kind", "turbine, storage, pv, wind, v2g or demand_response"),
        text("bus", "bus"),
        real("p_kw", "active power injected (storage, V2G: discharge; demand response: energy moved out)"),
        real("q_kvar", "reactive power injected"),
        real("available_kw", "what the sun or wind would give"),
        real(
            "stored_kwh",
            "energy in the storage or the vehicles at the end of the period; energy deferred by a shifted load",
        ),
    ),
    "prices": (
        *_TIME,
        text("station", "station"),
        real("tariff_cny_per_kwh", "tariff in force"),
        real("nodal_price_cny_per_kwh", "nodal price at the station's bus"),
        real("charging_price_cny_per_kwh", "price of charging"),
        real("published_cny_per_kwh", "price of charging published the day before"),
    ),
    "dispatch": (
        *_TIME,
        _FEEDER,
        text(
            "status",
            "optimal; elastic where limits had to give way; failed where fallback operation replaces a dispatch",
        ),
        text("exactness_recovery", "what made the relaxation exact; empty if nothing was needed"),
        text("solver", "solver"),
        real("purchase_planned_kw", "power bought from the upper grid, planned"),
        real("purchase_kw", "the same with the realised load"),
        real("losses_planned_kw", "losses, planned"),
        real("losses_kw", "losses with the realised load"),
        real("cost_planned_cny", "cost of the period, planned"),
        real("cost_cny", "cost of the period with the realised load"),
        real("voltage_min_pu", "lowest voltage with the realised load"),
        real("voltage_max_pu", "highest voltage with the realised load"),
        real("relaxation_error_max", "largest relaxation error"),
        real("ac_mismatch_max_pu", "largest |V_SOCP - V_AC| at the dispatch"),
        real("ac_current_mismatch_max_a", "largest |I_SOCP - I_AC| at the dispatch"),
        real("ac_losses_mismatch_kw", "losses of the dispatch minus those of the AC power flow"),
        real("bound_gap", "(cost - certified bound) / bound; 0 where the relaxation was exact at once"),
    ),
    "injections": (
        *_TIME,
        _FEEDER,
        text("bus", "bus"),
        real("injection_kw", "net active power injected, without the purchase"),
        real("injection_kvar", "net reactive power injected"),
        real("load_kvar", "reactive base load"),
        real("base_shed_kw", "base load that is not served"),
        real("station_shed_kw", "station load that is not served"),
    ),
    "rolling": (
        *_TIME,
        _FEEDER,
        real("purchase_planned_kw", "power bought, as the first plan that reached the period has it"),
        real("purchase_kw", "power bought, as carried out"),
        real("cost_planned_cny", "cost of the period in that plan"),
        real("cost_cny", "cost of the period, as carried out"),
    ),
}
