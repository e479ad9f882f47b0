"""Micro gas turbines: Eq. 17, and their running cost in Eq. 21."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cosim.arguments import checked
from cosim.arrays import FloatArray
from cosim.errors import Item, Problem
from cosim.grid.builder import Constraints, ModelBuilder, Parameters, Terms, earlier, rows
from cosim.grid.device.base import Arrays, DeviceSection, Group, not_negative
from cosim.grid.problem import DispatchState, ProblemData
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.sections import Name, Place, PowerKw, PowerOrZeroKw, Price, SignedPrice


class TurbineConfig(DeviceSection):
    """``[[grid.turbines]]``: a gas turbine (Eq. 17)."""

    called: ClassVar[str] = "turbine"
    name: Name
    """Unique name."""
    bus: Place
    """Bus of the feeder."""
    p_max_kw: PowerKw
    """Largest active power [kW]."""
    q_max_kvar: PowerOrZeroKw
    """Largest reactive power [kvar]."""
    ramp_kw_per_h: PowerKw
    """Largest change of active power [kW/h]."""
    cost_a_cny_per_mw2h: Price
    """a of Eq. 21: running cost a P^2 + b P, P in MW."""
    cost_b_cny_per_mwh: SignedPrice
    """b of Eq. 21."""
    q_absorption: bool = True
    """Whether reactive power may be absorbed as well as supplied."""
    initial_kw: PowerOrZeroKw | None = None
    """Output before period 1 [kW]; empty: free."""

    def device(self, profiles: Mapping[str, FloatArray]) -> "Turbine":  # noqa: ARG002
        """Return the turbine."""
        return Turbine(**self.model_dump())


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Turbine:
    """A micro gas turbine (Eq. 17) with the running cost a P^2 + b P, P in MW (Eq. 21)."""

    kind: ClassVar[str] = "turbine"
    profiles: ClassVar[tuple[str, ...]] = ()
    name: str
    bus: str
    p_max_kw: float = 500.0
    q_max_kvar: float = 300.0
    ramp_kw_per_h: float = 200.0
    cost_a_cny_per_mw2h: float = 0.024
    cost_b_cny_per_mwh: float = 85.0
    q_absorption: bool = True
    initial_kw: float | None = None
    """Output before period 1; None leaves period 1 free."""

    @property
    def label(self) -> Item:
        """Name in sentences."""
        return Item("turbine", self.name)

    def problems(self) -> list[Problem]:
        """Return what is wrong with its data."""
        return not_negative(self, "p_max_kw", "q_max_kvar", "ramp_kw_per_h", "cost_a_cny_per_mw2h")

    @classmethod
    def group(cls, devices: Any) -> "Turbines":
        """Return the turbines of a feeder."""
        return Turbines(devices)


class Turbines(Group[Turbine]):
    """The turbines of a feeder."""

    kind = "turbine"
    nonnegative = ("turbine_kw",)
    signed = ("turbine_kvar",)
    carried = ("turbine_kw",)

    def initial_state(self) -> DispatchState:
        """Return the output before the first period; NaN where the first output is free."""
        before = [np.nan if d.initial_kw is None else d.initial_kw for d in self.devices]
        return {"turbine_kw": np.array(before, dtype=np.float64)}

    def terms(self, model: ModelBuilder) -> Terms:
        """Eq. 17 and the turbine's part of Eq. 21."""
        import cvxpy as cp

        count, on = self.count, self.at(model.feeder)
        p, q = model.variable("turbine_kw", count), model.variable("turbine_kvar", count)
        p_max, q_min, q_max = (
            model.parameter(name, count) for name in ("turbine_max", "turbine_q_min", "turbine_q_max")
        )
        a, b = self.of("cost_a_cny_per_mw2h", 1.0), self.of("cost_b_cny_per_mwh", 1.0)
        limits = output_limits(p, q, p_max, q_min, q_max)
        steps = model.parameter("ramp", count), model.parameter("ramp_down", count)
        slope = ramp(p, model.previous("turbine_kw", count), *steps)
        cost = model.period_h * (cp.sum(cp.square(p) @ a) + cp.sum(p @ b))
        return Terms(p @ on, q @ on, cost, [*limits, *slope])

    def parameters(self, data: ProblemData, feeder: Feeder) -> Parameters:  # noqa: ARG002
        """Return the limits of what is in service, the largest step of each period, and the output before.

        A free first output may step anywhere, and a turbine that fails may fall to any output.
        """
        there = self.in_service(data)
        step = np.tile(self.of("ramp_kw_per_h") * data.horizon.period_h, (data.periods, 1))
        p_max, before = self.of("p_max_kw"), data.state["turbine_kw"]
        free = ~np.isfinite(before)
        step[0, free] = p_max[free]
        start = np.where(free, p_max / 2, before / BASE_KVA)
        q_max = self.of("q_max_kvar") * there
        by_period = {
            "turbine_max": p_max * there,
            "turbine_q_min": -q_max * self.of("q_absorption", 1.0),
            "turbine_q_max": q_max,
            "ramp": step,
            "ramp_down": np.where(there < 1, np.maximum(step, p_max), step),
        }
        return Parameters(by_period=by_period, before={"turbine_kw": start})

    def injection(self, setpoints: Arrays) -> tuple[FloatArray, FloatArray | float]:
        """Return active and reactive power injected."""
        return setpoints["turbine_kw"], setpoints["turbine_kvar"]

    def rating_pu(self, data: ProblemData, feeder: Feeder) -> FloatArray:  # noqa: ARG002
        """Return the apparent power at both limits."""
        return np.hypot(self.of("p_max_kw"), self.of("q_max_kvar"))

    def cost_cny(self, setpoints: Arrays, period_h: float) -> float:
        """Return a P^2 + b P."""
        p_mw = setpoints["turbine_kw"] / 1e3
        cost = p_mw**2 @ self.of("cost_a_cny_per_mw2h", 1.0) + p_mw @ self.of("cost_b_cny_per_mwh", 1.0)
        return period_h * float(cost.sum())


def output_limits(p: Any, q: Any, p_max: Any, q_min: Any, q_max: Any) -> Constraints:
    """Eq. 17: 0 <= P <= P_max and Q_min <= Q <= Q_max of each turbine."""
    return [p >= 0, p <= rows(p_max, p), q >= rows(q_min, q), q <= rows(q_max, q)]


def ramp(p: Any, before: Any, up_max: Any, down_max: Any) -> Constraints:
    """Eq. 17: P_t - P_t-1 between -*down_max* and *up_max*; *before* (1, devices) is the output before the first."""
    step = p - earlier(p, before)
    return [step <= up_max, -step <= down_max]
