"""The columns of MATPOWER's tables, and of pandapower's model after them, counted from 0 (manual, appendix B)."""

BUS_I, BUS_TYPE, PD, QD, GS, BS, BASE_KV, VM_MAX, VM_MIN = 0, 1, 2, 3, 4, 5, 9, 11, 12
F_BUS, T_BUS, BR_R, BR_X, BR_B, RATE_A, TAP, SHIFT, BR_STATUS = 0, 1, 2, 3, 4, 5, 8, 9, 10
GEN_BUS, PG, QG, VG, GEN_STATUS = 0, 1, 2, 5, 7
PMAX, PMIN, QMAX, QMIN = 8, 9, 3, 4
ISOLATED = 4
"""The type of a bus that takes no part."""


def bus_label(number: float) -> str:
    """Return the name of a bus: its number in the file, all of its digits."""
    return str(int(number))
