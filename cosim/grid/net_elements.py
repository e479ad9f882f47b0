"""The tables and columns of a pandapower net that are understood, and those that are not, as data.

pandapower itself turns the tables into a bus-branch model (`pandapower_net`), so a column means what it means there.
This is the list of what that model, and a dispatch with it, can carry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cosim.csv_tables import ANY, NOT_NEGATIVE, POSITIVE, SHARE, Range


@dataclass(frozen=True, slots=True)
class Elements:
    """The columns of one table that are understood, for its elements in service."""

    numbers: Mapping[str, Range] = field(default_factory=dict)
    """The columns a power flow rests on, and what their cells may be."""
    optional: Mapping[str, Range] = field(default_factory=dict)
    """Columns whose cells may also be empty."""
    zero: Mapping[str, str] = field(default_factory=dict)
    """Columns that must be 0 or empty, and why an element is refused where one is not."""
    refused: str = ""
    """Why every element is refused; empty where none is."""
    told: str = ""
    """The note on every element; empty where there is none."""


_LOADING = {"max_loading_percent": POSITIVE}
_POWER = {"p_mw": ANY, "q_mvar": ANY, "scaling": ANY}
_THREE_PHASES = {
    f"{power}_{phase}_{unit}": ANY for power, unit in (("p", "mw"), ("q", "mvar")) for phase in "abc"
}
_BALANCED = "is taken as balanced: a third of its power in each phase"
_CONTROLLED = "is controlled, which the model is not"
_DIRECT = "is of direct current, which the model does not have"
_CURRENT = "draws a constant current; the model carries constant power. Set {column} to 0"
_IMPEDANCE = (
    "is a constant impedance; the model carries constant power. Set {column} to 0, or make it a shunt"
)
PLACEHOLDER_KA = 1e3
"""A line limit this high says that there is none."""

SOURCE_LIMITS = ("min_p_mw", "max_p_mw", "min_q_mvar", "max_q_mvar")
"""The columns of the limits of external grids."""

ELEMENTS: Mapping[str, Elements] = {
    "bus": Elements({"vn_kv": POSITIVE}),
    "load": Elements(
        _POWER,
        zero={f"const_i{part}_percent": _CURRENT for part in ("", "_p", "_q")}
        | {f"const_z{part}_percent": _IMPEDANCE for part in ("", "_p", "_q")},
    ),
    "sgen": Elements(_POWER),
    "storage": Elements(
        _POWER, told="is taken as fixed at the power of its table; a store to dispatch is one of --devices"
    ),
    "motor": Elements(
        {"pn_mech_mw": NOT_NEGATIVE, "loading_percent": NOT_NEGATIVE, "cos_phi": SHARE, "scaling": ANY}
    ),
    "asymmetric_load": Elements({**_THREE_PHASES, "scaling": ANY}, told=_BALANCED),
    "asymmetric_sgen": Elements({**_THREE_PHASES, "scaling": ANY}, told=_BALANCED),
    "ward": Elements({"ps_mw": ANY, "qs_mvar": ANY, "pz_mw": ANY, "qz_mvar": ANY}),
    "shunt": Elements({"p_mw": ANY, "q_mvar": ANY, "vn_kv": POSITIVE, "step": NOT_NEGATIVE}),
    "ext_grid": Elements({"vm_pu": POSITIVE}, optional=dict.fromkeys(SOURCE_LIMITS, ANY)),
    "line": Elements(
        {
            "length_km": NOT_NEGATIVE,
            "r_ohm_per_km": NOT_NEGATIVE,
            "x_ohm_per_km": ANY,
            "c_nf_per_km": ANY,
            "g_us_per_km": ANY,
            "df": POSITIVE,
            "parallel": POSITIVE,
        },
        optional=_LOADING,
    ),
    "trafo": Elements(
        {
            "sn_mva": POSITIVE,
            "vn_hv_kv": POSITIVE,
            "vn_lv_kv": POSITIVE,
            "vk_percent": POSITIVE,
            "vkr_percent": NOT_NEGATIVE,
            "pfe_kw": NOT_NEGATIVE,
            "i0_percent": ANY,
            "df": POSITIVE,
            "parallel": POSITIVE,
        },
        optional=_LOADING,
    ),
    "trafo3w": Elements(
        {
            f"{name}_{side}_{unit}": limits
            for name, unit, limits in (
                ("sn", "mva", POSITIVE),
                ("vn", "kv", POSITIVE),
                ("vk", "percent", POSITIVE),
                ("vkr", "percent", NOT_NEGATIVE),
            )
            for side in ("hv", "mv", "lv")
        },
        optional=_LOADING,
    ),
    "impedance": Elements({"rft_pu": NOT_NEGATIVE, "xft_pu": ANY, "sn_mva": POSITIVE}),
    "gen": Elements(refused="holds a voltage; make it an sgen, or an external grid of a tree of its own"),
    "xward": Elements(refused="holds a voltage; make it a ward"),
    "dcline": Elements(refused="holds voltages; make each end an sgen"),
    "svc": Elements(refused=_CONTROLLED),
    "ssc": Elements(refused=_CONTROLLED),
    "tcsc": Elements(refused=_CONTROLLED),
    "vsc": Elements(refused=_CONTROLLED),
    "vsc_stacked": Elements(refused=_CONTROLLED),
    "vsc_bipolar": Elements(refused=_CONTROLLED),
    "b2b_vsc": Elements(refused=_CONTROLLED),
    "line_dc": Elements(refused=_DIRECT),
    "load_dc": Elements(refused=_DIRECT),
    "source_dc": Elements(refused=_DIRECT),
    "bus_dc": Elements(refused=_DIRECT),
    "controller": Elements(told="does not act: taps and set-points stay as their tables say"),
}
"""Tables with a column ``in_service`` that are not listed here are told to be left out."""
LOADS = ("load", "asymmetric_load", "motor", "ward")
"""Tables whose power a profile scales."""
GENERATION = {"sgen": 1.0, "asymmetric_sgen": 1.0, "storage": -1.0}
"""Tables whose power no profile scales, with the sign of what they feed in."""
