"""An AC power flow as a record, whichever method solved it."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.radial import Feeder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerFlow:
    """One AC power flow, or one per row; branch powers are those entering at the sending end."""

    voltage_pu: FloatArray
    branch_current_pu: FloatArray
    """p.u. of 1 MVA, as in a `Dispatch`."""
    branch_kw: FloatArray
    branch_kvar: FloatArray
    losses_kw: FloatArray
    slack_kw: FloatArray
    """Power that the slack bus takes from the upstream grid; ``slack_kvar`` likewise."""
    slack_kvar: FloatArray


def no_power_flow(feeder: Feeder) -> PowerFlow:
    """Return a flow of NaN, for an injection without a solution, so that a day can go on."""
    buses, branches = np.full(feeder.bus_count, np.nan), np.full(feeder.branch_count, np.nan)
    nan = np.array(np.nan)
    return PowerFlow(
        voltage_pu=buses,
        branch_current_pu=branches,
        branch_kw=branches,
        branch_kvar=branches,
        losses_kw=nan,
        slack_kw=nan,
        slack_kvar=nan,
    )
