"""Load of stations that moves from bus to bus with the nodal price, within the dispatch.

It is no device of a feeder: the coupling gives it with the load (`Load.response`), period by period.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.builder import ModelBuilder, Parameters, Terms
from cosim.grid.device.base import Arrays, Group
from cosim.grid.problem import LoadResponse, ProblemData
from cosim.grid.radial import BASE_KVA, Feeder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriceResponse:
    """Load that goes where energy is cheaper, to first order: L(p) = load - slope (p - price), nowhere below 0.

    It moves from bus to bus and is none the less for it: each row of the slope sums to 0.
    """

    buses: tuple[str, ...]
    load_kw: FloatArray
    """Load drawn at the price below, (periods, buses); a part of the load of stations."""
    price_cny_per_kwh: FloatArray
    slope_root: FloatArray
    """R with R R' = slope [kW per CNY/kWh], symmetric and positive semidefinite: (periods, buses, buses)."""

    def between(self, start: int, stop: int) -> "PriceResponse":
        """Return the response in the periods from *start* up to *stop*, counted from 0."""
        return PriceResponse(
            buses=self.buses,
            load_kw=self.load_kw[start:stop],
            price_cny_per_kwh=self.price_cny_per_kwh[start:stop],
            slope_root=self.slope_root[start:stop],
        )


class PriceResponses(Group[Any]):
    """The buses whose load answers the price: it moves by R z along its slope R R'."""

    kind = "price_response"
    signed = ("response_kw",)
    is_load = True

    def __init__(self, buses: tuple[str, ...]) -> None:
        """Take the buses; what is drawn there comes with the data."""
        super().__init__(())
        self.buses = buses

    def terms(self, model: ModelBuilder) -> Terms:
        """Move load by R z, at what that is worth to its users, price (R z) - z z / 2.

        At the optimum the price at the buses is the expected one less R^-1 z: the one at which so much load moves.
        """
        import cvxpy as cp

        count = self.count
        z = model.variable("response", count)
        moved = sum(model.times(f"response_root_{k}", "response", np.full(count, k)) for k in range(count))
        worth = cp.sum(model.times("response_worth", "response")) - cp.sum_squares(z) / 2
        rules = [model.parameter("response_load", count) + moved >= 0]
        return Terms(-moved @ self.at(model.feeder), 0.0, -model.period_h * worth, rules)

    def parameters(self, data: ProblemData, feeder: Feeder) -> Parameters:  # noqa: ARG002
        """Return the columns of R, the expected price along them, and the load that can move."""
        response = self._response(data)
        root = response.slope_root
        columns = {f"response_root_{k}": root[:, :, k] / BASE_KVA for k in range(root.shape[2])}
        worth = np.einsum("tb,tbk->tk", response.price_cny_per_kwh, root)
        load = response.load_kw / BASE_KVA
        return Parameters(by_period={**columns, "response_worth": worth, "response_load": load})

    def read(self, variables: Arrays, data: ProblemData) -> dict[str, FloatArray]:
        """Return R z, by how much the load has moved."""
        moved: FloatArray = np.einsum("tbk,tk->tb", self._response(data).slope_root, variables["response"])
        return {"response_kw": moved}

    def objective_cny(self, variables: Arrays, data: ProblemData) -> float:
        """Return z z / 2 - price (R z) over the horizon."""
        saved = self._response(data).price_cny_per_kwh * self.read(variables, data)["response_kw"]
        return data.horizon.period_h * float(np.sum(variables["response"] ** 2) / 2 - saved.sum())

    def injection(self, setpoints: Arrays) -> tuple[FloatArray, FloatArray | float]:
        """Return the load that moved away."""
        return -setpoints["response_kw"], 0.0

    def rating_pu(self, data: ProblemData, feeder: Feeder) -> FloatArray:  # noqa: ARG002
        """Return 0: what moves is counted by `movable_kw`."""
        return np.zeros(self.count)

    def movable_kw(self, data: ProblemData) -> FloatArray | float:
        """Return all load that moves: it may meet at one bus."""
        movable: FloatArray = self._response(data).load_kw.sum(axis=1, keepdims=True)
        return movable

    @staticmethod
    def _response(data: ProblemData) -> LoadResponse:
        assert data.load.response is not None  # noqa: S101  (the problem was compiled for its buses)
        return data.load.response
