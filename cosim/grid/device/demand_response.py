"""Demand response: load that is shifted in time (Eq. 20), paid for as it is shifted out (Eq. 21)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cosim.arguments import checked
from cosim.arrays import FloatArray
from cosim.errors import Item, Problem
from cosim.grid.builder import Constraints, ModelBuilder, Parameters, Terms, earlier
from cosim.grid.device.base import Arrays, DeviceSection, Group, energy_missed, not_negative, rounded
from cosim.grid.problem import DispatchState, ProblemData
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.solution import Violation
from cosim.sections import Place, Price, Share


class DemandResponseConfig(DeviceSection):
    """``[[grid.demand_response]]``: a load that can be shifted within the day (Eq. 20)."""

    bus: Place
    """Bus whose load can be shifted."""
    share_max: Share = 0.3
    """Largest share of the bus load that can be moved in or out in one period."""
    price_cny_per_mwh: Price
    """Paid for energy moved out."""

    @property
    def label(self) -> str:
        """Name in sentences."""
        return f"demand response at bus {self.bus}"

    def device(self, profiles: Mapping[str, FloatArray]) -> "DemandResponse":  # noqa: ARG002
        """Return the demand response."""
        return DemandResponse(**self.model_dump())


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class DemandResponse:
    """A bus that shifts up to ``share_max`` of its load in time (Eq. 20); shifting out is paid for."""

    kind: ClassVar[str] = "demand_response"
    profiles: ClassVar[tuple[str, ...]] = ()
    bus: str
    share_max: float = 0.3
    price_cny_per_mwh: float = 105.0

    @property
    def name(self) -> str:
        """Its name in the tables."""
        return f"demand response {self.bus}"

    @property
    def label(self) -> Item:
        """Name in sentences."""
        return Item("demand response at bus", self.bus)

    def problems(self) -> list[Problem]:
        """Return what is wrong with its data."""
        problems = not_negative(self, "price_cny_per_mwh")
        if not 0 <= self.share_max <= 1:
            problems.append(Problem(field="share_max", value=self.share_max, allowed="0 to 1"))
        return problems

    @classmethod
    def group(cls, devices: Any) -> "DemandResponses":
        """Return the demand response of a feeder."""
        return DemandResponses(devices)


class DemandResponses(Group[DemandResponse]):
    """The demand response of a feeder."""

    kind = "demand_response"
    nonnegative = ("shift_out_kw", "shift_in_kw")
    signed = ("deferred_kwh",)
    carried = ("deferred_kwh",)
    is_load = True

    def problems(self) -> list[Problem]:
        """Return what is wrong; a bus may be listed once."""
        twice = len(set(self.buses)) < self.count
        return [*super().problems(), *([Problem("demand response: a bus is listed twice")] if twice else [])]

    def initial_state(self) -> DispatchState:
        """Return that nothing is deferred."""
        return {"deferred_kwh": np.zeros(self.count)}

    def terms(self, model: ModelBuilder) -> Terms:
        """Eq. 20 and the payment for shifting out of Eq. 21; all energy is given back by the end."""
        import cvxpy as cp

        count = self.count
        out, into = model.variable("shift_out_kw", count), model.variable("shift_in_kw", count)
        deferred = model.variable("deferred_kwh", count)
        most, before = model.parameter("shift_max", count), model.previous("deferred_kwh", count)
        rules = shift(out, into, deferred, before, most, model.period_h)
        rules += model.terminal_energy("deferred_kwh", count)
        cost = model.period_h * cp.sum(out @ self.of("price_cny_per_mwh", 1.0))
        return Terms((out - into) @ self.at(model.feeder), 0.0, cost, rules)

    def parameters(self, data: ProblemData, feeder: Feeder) -> Parameters:
        """Return the largest shift of each period, and the deferred energy before the first and at the end."""
        most = self.rating_pu(data, feeder)
        reach = data.horizon.period_h * most.sum(axis=0)
        return Parameters(
            by_period={"shift_max": most},
            before={"deferred_kwh": rounded(data.state["deferred_kwh"] / BASE_KVA, -reach, reach)},
            ends={"deferred_kwh": np.zeros(self.count)},
        )

    def injection(self, setpoints: Arrays) -> tuple[FloatArray, FloatArray | float]:
        """Return what is shifted out less what is shifted in."""
        return setpoints["shift_out_kw"] - setpoints["shift_in_kw"], 0.0

    def rating_pu(self, data: ProblemData, feeder: Feeder) -> FloatArray:
        """Return the largest shift, a share of the base load of each period."""
        base = np.maximum(data.load.base_kw / BASE_KVA, 0.0) @ self.at(feeder).T
        most: FloatArray = base * self.of("share_max", 1.0)
        return most

    def cost_cny(self, setpoints: Arrays, period_h: float) -> float:
        """Return what is paid for energy shifted out."""
        price = self.of("price_cny_per_mwh", 1.0)
        return period_h * float((setpoints["shift_out_kw"] / 1e3 @ price).sum())

    def violations(self, setpoints: Arrays, data: ProblemData) -> Iterator[Violation]:
        """Yield the buses that do not get back all they shifted out."""
        wanted = ["demand response should have got back all it shifted out"] * self.count
        yield from energy_missed(self.devices, wanted, setpoints["deferred_kwh"][-1], data.last_period)

    def columns(self, setpoints: Arrays, row: int, period: int) -> dict[str, Any]:  # noqa: ARG002
        """Return the energy deferred at the end of the period."""
        return {"stored_kwh": setpoints["deferred_kwh"][row]}


def shift(out: Any, into: Any, deferred: Any, before: Any, most: Any, period_h: float) -> Constraints:
    """Eq. 20: a load shifts at most *most* out or in; deferred is what went out and has not come back."""
    return [
        deferred - earlier(deferred, before) - period_h * (out - into) == 0,
        out >= 0,
        out <= most,
        into >= 0,
        into <= most,
    ]
