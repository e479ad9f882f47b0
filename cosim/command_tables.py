"""The columns of what every command but ``run`` writes: a table is named after its command, as in assign/links."""

from cosim.columns import Column, boolean, real, text, whole

_FROM_TO = (text("from_node", "node it leaves"), text("to_node", "node it enters"))
_OD = (text("origin", "origin node"), text("dest", "destination node"))
_PART = text("days", "single_day, or many_days: the last of the days in a row")
_TIME = (_PART, whole("time_min", "minute of the day, a quarter of an hour apart"))
_AGAINST = (
    real("share", "share of all EVs, counted (of trips: per EV)"),
    real("exact", "the same, computed without a random number"),
    real("low", "lower end of the band of the counted share that holds for all points at once (95 %)"),
    real("high", "upper end of that band"),
    boolean("inside", "whether the counted share is within its band"),
)

COMMAND_TABLES: dict[str, tuple[Column, ...]] = {
    "assign/links": (
        text("link", "road link"),
        *_FROM_TO,
        real("flow_veh_h", "vehicles"),
        real("time_min", "travel time at this flow"),
        real("cost_min", "generalised cost without the toll"),
        real("toll_min", "marginal cost toll; 0 unless a system optimum is asked for"),
        real("capacity_veh_h", "capacity"),
        real("saturation", "flow / capacity"),
    ),
    "assign/ods": (
        *_OD,
        real("demand_veh_h", "trips of the hour"),
        real("cost_min", "expected minimum cost; of ue and so the cost of the shortest path"),
    ),
    "assign/paths": (
        *_OD,
        whole("path", "number of the path in the path set"),
        text("nodes", "nodes in order of travel"),
        text("links", "links in order of travel"),
        real("flow_veh_h", "vehicles on the path"),
        real("share", "share of its OD pair"),
        real("time_min", "travel time"),
        real("cost_min", "generalised cost with tolls"),
    ),
    "assign/convergence": (
        text("method", "method; the chosen one first, the others for comparison"),
        whole("iteration", "iteration, from 1"),
        real("residual", "max |q P(c(f)) - f| / max(1, q); of ue and so the relative gap"),
    ),
    "estimate-od/ods": (
        *_OD,
        real("demand_veh_h", "estimated trips of an hour"),
        real("standard_error_veh_h", "standard error of the estimate"),
        real("low_veh_h", "lower end of the 90 % interval"),
        real("high_veh_h", "upper end of the 90 % interval"),
    ),
    "estimate-od/links": (
        text("link", "link with counts"),
        real("counted_veh_h", "mean of the counts"),
        real("estimated_veh_h", "flow of the estimated trips"),
        real("noise_veh_h", "standard deviation of a count"),
    ),
    "mobility/places": (*_TIME, text("place", "place, or driving"), *_AGAINST),
    "mobility/doings": (
        *_TIME,
        *(
            real(name, f"share of all EVs: {meaning}")
            for name, meaning in (
                ("home", "parked at home"),
                ("work", "parked at work"),
                ("leisure", "parked at leisure"),
                ("other", "parked elsewhere"),
                ("driving", "driving"),
                ("slow_charging", "charging where they are parked"),
                ("fast_charging", "charging at a station"),
            )
        ),
    ),
    "mobility/charging": (*_TIME, text("doing", "slow_charging or fast_charging"), *_AGAINST),
    "mobility/departures": (*_TIME, text("from_activity", "activity left"), *_AGAINST),
    "mobility/soc_quantiles": (
        *_TIME,
        *(real(f"soc_q{q:02d}", f"SOC that {q} % of the EVs are below") for q in (5, 25, 50, 75, 95)),
        real("soc_mean", "mean SOC of all EVs"),
    ),
    "mobility/charging_share": (
        _PART,
        whole("period", "period of the day, 1..T"),
        real("trips_per_ev", "trips that start in the period, per EV"),
        real("charging_share", "p_t: share of these trips that fast-charge on the way"),
        real("low", "lower end of its 95 % Wilson interval"),
        real("high", "upper end of that interval"),
        real("chain", "p_t by the chain with batteries (Markov model)"),
        whole("pool", "periods of the same pool were estimated together"),
        real("session_kwh", "mean energy of a fast charge, at the grid side"),
    ),
    "mobility/by_day": (
        _PART,
        whole("day", "day, from 1"),
        real("trips_per_ev", "trips made, per EV"),
        real("charging_share", "share of them with a fast charge"),
        real("fast_kwh_per_ev", "energy fast-charged per EV, at the grid side"),
        real("slow_kwh_per_ev", "energy slow-charged per EV, at the grid side"),
        real("overnight_kwh_per_ev", "of that, energy charged before the first trip"),
        whole("stranded", "EVs whose battery could not make the next trip"),
    ),
    "mobility/by_type": (
        _PART,
        text("type", "name of the type of population.types"),
        whole("evs", "EVs of the type"),
        real("trips_per_ev", "trips made per EV and day"),
        real("charging_share", "share of them with a fast charge"),
        real("session_kwh", "mean energy of a fast charge, at the grid side"),
        real("fast_kwh_per_ev", "energy fast-charged per EV and day, at the grid side"),
        real("slow_kwh_per_ev", "energy slow-charged per EV and day, at the grid side"),
        whole("stranded", "EV-days that ended where the battery could not make the next trip"),
    ),
    "sweep/days": (
        text("FIELD", "value of each field that varies; the column has the name of the field"),
        real("drive_min", "mean driving time of a trip"),
        real("flow_per_capacity_max", "flow / capacity of the busiest road and period"),
        real("wait_min", "mean wait at the stations (Davidson)"),
        real("energy_kwh", "energy charged at all stations"),
        real("cost_cny", "cost of the day of all feeders"),
        real("purchase_max_kw", "largest power bought from the upper grid"),
        real("losses_kwh", "losses of all feeders"),
        real("voltage_min_pu", "lowest voltage"),
        real("energy_STATION_kwh", "energy charged at each station; the column has its name"),
        whole("evs", "number of EVs"),
        text("flagged", "which limits were not kept, of each kind the worst; empty if all were"),
    ),
}
