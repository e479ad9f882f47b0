"""The dictionary of columns: what every column of every result table holds, and in which unit."""

from cosim.columns import Column
from cosim.columns import real as _real
from cosim.columns import text as _text
from cosim.columns import whole as _whole
from cosim.command_tables import COMMAND_TABLES
from cosim.comparison_tables import COMPARISON_TABLES
from cosim.grid_tables import GRID_TABLES

_DAY = _whole("day", "day, from 1; what outlasts the last day is booked to the next")
_PERIOD = _whole("period", "period of the day, 1..T; a trip's period is that of its departure")
_TIME = (_DAY, _PERIOD)
_FEEDER = _text("feeder", "feeder")

TABLES: dict[str, tuple[Column, ...]] = {
    "links": (
        *_TIME,
        _text("link", "road link, or charging arc named after its station"),
        _text("from_node", "node it leaves"),
        _text("to_node", "node it enters"),
        _text("kind", "road or charging"),
        _real("flow_veh_h", "all vehicles, booked to their departure period"),
        _real("car_veh_h", "conventional cars (the agents' model adds their expected flow)"),
        _real("ev_passing_veh_h", "EVs that do not charge on this trip"),
        _real("ev_charging_veh_h", "EVs that fast-charge on this trip"),
        _real("ev_traversal_veh_h", "EVs, booked to the period in which they enter the link (agents)"),
        _real("time_min", "time drivers spend on it: equilibrium, or at the agents' counted flow"),
        _real("announced_min", "time drivers were told when the period opened"),
        _real("effective_min", "time that trips take on it which set out in the period (agents)"),
        _real("capacity_veh_h", "capacity"),
    ),
    "paths": (
        *_TIME,
        _text("user_class", "car, passing (EV that does not charge) or charging"),
        _text("origin", "origin node"),
        _text("destination", "destination node"),
        _whole("path", "number of the path, or (path, station) pair, in the path set"),
        _text("nodes", "nodes in order of travel"),
        _text("station", "station, where the user charges"),
        _real("flow_veh_h", "vehicles on the path"),
        _real("share", "share of its OD pair and class"),
        _real(
            "cost_min", "generalised cost; with path sizes (population.choice) their -ln PS / theta is in it"
        ),
    ),
    "stations": (
        *_TIME,
        _text("station", "station"),
        _FEEDER,
        _text("bus", "bus"),
        _real("arrivals", "vehicles that arrive in the period"),
        _real("energy_kwh", "energy delivered in the period, at the grid side"),
        _real("load_kw", "mean load"),
        _real("forecast_kw", "load the operator was told to expect when the period opened"),
        _real("limit_kw", "cap in force (site limit, chargers, PowerLimit)"),
        _real("queue_mean", "mean number of vehicles waiting"),
        _real("queue_max", "largest number of vehicles waiting"),
        _real("wait_min", "mean wait of the sessions that start in the period; Davidson's in equilibrium"),
        _real("backlog_kwh", "energy wanted by present vehicles, or carried over, at the end of the period"),
        _real(
            "unserved_kwh",
            "of the backlog, energy of vehicles that wait for a charger, or whose charger a PowerLimit holds back "
            "(equilibrium: all)",
        ),
        _real("charger_occupancy", "share of the plug-hours in which a vehicle is plugged in (agents)"),
        _real(
            "energy_utilisation", "energy delivered / what the station gives at most (site limit, chargers)"
        ),
        _real("price_cny_per_kwh", "charging price"),
        _real("revenue_cny", "money taken for the energy delivered in the period, each kWh at its price"),
    ),
    "evs": (
        *_TIME,
        _whole("departures", "trips that began"),
        _whole("charging", "of these, trips with a fast charge on the way"),
        _whole("arrived", "of these, trips that ended"),
        _whole("stranded", "trips that could not begin: the charge point was out of reach"),
        _real("drive_min", "mean time driving of the trips that ended"),
        _real("station_min", "mean time waiting and charging of the charging trips that ended"),
        _real("wait_min", "mean wait for a charger of the charging trips that ended"),
        _real("drive_kwh", "battery energy driven away on the trips that ended"),
        _real("fast_charge_kwh", "energy fast-charged on these trips, at the grid side"),
        _real("slow_charge_kwh", "energy slow-charged before departure, at the grid side"),
        _real("paid_cny", "money paid for the fast charges of the trips that ended"),
        _real("soc_departure", "mean SOC at departure"),
    ),
    "ev_days": (
        _whole("day", "day of departure, from 1"),
        _whole("ev", "EV, from 1; those that stayed at home all day have no row"),
        _text("type", "name of its type of population.types; empty where there are none"),
        _whole("trips", "trips that ended"),
        _whole("charges", "of these, trips with a fast charge on the way"),
        _whole("stranded", "1 if its day ended where the battery could not make the next trip"),
        _real("drive_min", "time driving"),
        _real("wait_min", "time waiting for a charger"),
        _real("charge_min", "time plugged in at stations"),
        _real("length_km", "distance driven"),
        _real("drive_kwh", "battery energy driven away"),
        _real("fast_charge_kwh", "energy fast-charged, at the grid side"),
        _real("slow_charge_kwh", "energy slow-charged before departures, at the grid side"),
        _real("paid_cny", "money paid for fast charges (slow charging has no price here)"),
        _real(
            "cost_cny", "what the day's trips cost: money paid, and all time at road.value_of_time_cny_per_h"
        ),
        _real("soc_first", "SOC at the first departure"),
        _real("soc_last", "SOC at the end of the last trip"),
    ),
    "sessions": (
        *_TIME,
        _text("station", "station"),
        _whole("ev", "EV, from 1"),
        _whole("trip", "trip of its day, from 1"),
        _whole("arrival_s", "second of arrival at the station"),
        _whole("start_s", "second of plugging in"),
        _whole("end_s", "second of unplugging; -1 if still plugged in when the simulation ended"),
        _real("wait_min", "wait for a charger"),
        _real("energy_kwh", "energy delivered, at the grid side"),
        _real("price_cny_per_kwh", "mean price paid"),
        _real("paid_cny", "money paid: each kWh at the price of its period"),
        _real("soc_arrival", "SOC on arrival"),
        _real("soc_end", "SOC at unplugging"),
    ),
    "trips": (
        *_TIME,
        _whole("ev", "EV, from 1"),
        _whole("trip", "trip of its day, from 1"),
        _text("from_activity", "activity left"),
        _text("to_activity", "activity sought"),
        _text(
            "origin", "origin node: drawn from the OD table, or where the last trip ended (population.trips)"
        ),
        _text("destination", "destination node"),
        _text("user_class", "passing or charging"),
        _whole("path", "number of the path in the path set; -1 if the trip was not made"),
        _text("station", "station, where it charged"),
        _whole("departure_s", "second of departure"),
        _whole("arrival_s", "second of arrival; -1 if the EV did not arrive"),
        _real("drive_min", "time driving"),
        _real("wait_min", "time waiting for a charger"),
        _real("charge_min", "time plugged in"),
        _real("length_km", "length drawn in the diary: it sets the energy; the roads set the time"),
        _real("drive_kwh", "battery energy driven away"),
        _real("fast_charge_kwh", "energy fast-charged, at the grid side"),
        _real("slow_charge_kwh", "energy slow-charged before departure, at the grid side"),
        _real("paid_cny", "money paid for the fast charge"),
        _real("soc_departure", "SOC at departure"),
        _real("soc_arrival", "SOC at arrival"),
        _text(
            "status", "arrived; stranded: the charge point was out of reach and the EV stayed; or on_the_way"
        ),
    ),
    **GRID_TABLES,
    "convergence": (
        *_TIME,
        _whole("iteration", "iteration, from 1"),
        _real("residual", "max |q P(c(f)) - f| / max(1, q) over OD pairs and classes"),
        _real("step", "averaging step"),
    ),
    "coupling": (
        _DAY,
        _text("start", "prices the search began with: tariff, free or random"),
        _whole("iteration", "iteration of prices, traffic and dispatch, from 1"),
        _real("load_residual", "largest |L(p') - L(p)| / max(1 kW, L(p)); p' are the prices that p leads to"),
        _real("price_residual_cny_per_kwh", "largest |p' - p| of a charging price"),
        _real("flow_residual", "largest |x(p') - x(p)| / max(1 veh/h, x(p)) of a link flow"),
        _real("damping", "smallest step of a period on the way here; 1: undamped"),
        _whole("period", "period where load or price is farthest off"),
        _text("station", "station where load or price is farthest off"),
        _real("load_kw", "its load"),
        _real("load_led_to_kw", "its load at the price that this load leads to"),
        _real("price_cny_per_kwh", "its charging price"),
        _real("price_led_to_cny_per_kwh", "the charging price that this load leads to"),
    ),
    "violations": (
        *_TIME,
        _text("place", "OD pair, station, bus or feeder"),
        _text("kind", "voltage, shedding, not_converged, overload, ..."),
        _real("amount", "by how much, in the unit the sentence names"),
        _text("sentence", "what happened, and what to do"),
    ),
    "messages": (
        *_TIME,
        _whole("sent_s", "second of sending"),
        _whole("delivered_s", "second of delivery; -1 if it never arrived"),
        _text("kind", "kind of message"),
        _text("sender", "sender"),
        _text("receiver", "receiver, or group of receivers"),
        _whole("receivers", "number of receivers"),
        _whole("lost", "receivers whom it did not reach"),
        _text("content", "what it says, as JSON"),
    ),
    "real_time": (
        *_TIME,
        _FEEDER,
        _text("plan", "day_ahead, re_dispatch or perfect_foresight"),
        _text("without", "what the feeder is dispatched without; empty: it has all"),
        _text("status", "optimal, or elastic where limits had to give way in the plan"),
        _real("cost_cny", "cost of the period with the realised load"),
        _real("purchase_kw", "power bought with the realised load"),
        _real("losses_kw", "losses with the realised load"),
        _real("voltage_min_pu", "lowest voltage with the realised load"),
        _real("voltage_max_pu", "highest voltage with the realised load"),
        _whole("outside_limits", "buses whose voltage is outside its limits"),
    ),
    **COMPARISON_TABLES,
    "learning": (
        _DAY,
        _real("ev_distance", "|x - x*| / |x*| of the EVs' flows to the equilibrium, over links and periods"),
        _real(
            "ev_floor", "sampling floor: the distance expected if every trip were drawn from the equilibrium"
        ),
        _real("ev_ratio", "distance over floor"),
        _real("flow_distance", "distance of all flows, conventional cars included"),
        _real("flow_floor", "its sampling floor: only EVs are drawn"),
        _real("station_distance", "distance of the vehicles that come to the stations"),
        _real("station_floor", "its sampling floor"),
    ),
}

COLUMN_NAMES = {table: frozenset(column.name for column in columns) for table, columns in TABLES.items()}

_OTHER_KEYS: dict[str, tuple[str, ...]] = {
    "trips": ("day", "ev", "trip"),
    "ev_days": ("day", "ev"),
    "sessions": ("day", "start_s", "station", "arrival_s", "ev"),
    "convergence": ("day", "period", "iteration"),
    "coupling": ("day", "start", "iteration"),
    "real_time": ("day", "feeder", "without", "plan", "period"),
    "messages": ("sent_s",),
    "learning": ("day",),
    "bands": ("kind", "quantity", "day", "period"),
    "differences": ("pair", "kind", "quantity", "day", "period"),
    "g_tests": ("pair", "day", "period"),
    "convergence_in_n": ("evs", "replication"),
    **dict.fromkeys(("measures", "totals", "route_switchers", "causes", "settings", "verdicts"), ("pair",)),
}
KEYS = {table: _OTHER_KEYS.get(table, ("day", "period")) for table in TABLES}
"""What the rows of each table are ordered by; equal keys keep the order of writing."""

TABLES |= COMMAND_TABLES
