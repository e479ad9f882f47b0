"""One dispatch to solve: all that comes in, checked, and the way to solve it, strictly or with limits that give way."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import ConfigError, Problem, SolverError
from cosim.grid.device import Devices
from cosim.grid.input_problems import shape_problems
from cosim.grid.last_resort import Clock
from cosim.grid.margins import margin_problems
from cosim.grid.model import ProblemStructure
from cosim.grid.parameters import current_scale, parameters, source_rows
from cosim.grid.polish import Step
from cosim.grid.problem import NO_MARGIN, Horizon, Load, ProblemData, Rules
from cosim.grid.radial import Feeder
from cosim.grid.reading import read_solution
from cosim.grid.solvers import available_solver, solve

MARGIN_OF_LIMITS = 0.01
"""Price of the margin where limits give way, as a share of theirs: no load is shed to keep a margin."""
NEARLY = 100.0
"""A relaxation error up to this multiple of what counts as exact may be rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One dispatch to solve, strict or elastic."""

    structure: ProblemStructure
    data: ProblemData
    rules: Rules
    solver: str
    where: str
    """The feeder and the periods."""
    clock: Clock

    @property
    def holds_margin(self) -> bool:
        """Whether a margin is held, that could give way."""
        return self.rules.margin != NO_MARGIN and not self.structure.gives_way

    @property
    def without_held_margin(self) -> "Case":
        """The case with a margin that gives way, while the limits hold: it costs what broken limits cost."""
        price_cny = self.rules.elastic.voltage_cny_per_pu2_h
        return replace(self, structure=self.structure.with_all(margin_cny=price_cny))

    @property
    def softened(self) -> "Case":
        """The case with limits that give way, and a margin that does so long before."""
        price_cny = MARGIN_OF_LIMITS * self.rules.elastic.voltage_cny_per_pu2_h
        margin_cny = None if self.rules.margin == NO_MARGIN else price_cny
        soft = self.structure.with_all(elastic=self.rules.elastic, margin_cny=margin_cny)
        return replace(self, structure=soft.with_all(source_rows=source_rows(soft, self.data)))

    def solve(
        self,
        tilt: Mapping[str, FloatArray] | None = None,
        charging: Mapping[str, BoolArray] | None = None,
    ) -> Step | None:
        """Return the solution with *tilt* in the objective and signs of stores; None where nothing is feasible.

        Where the relaxation is nearly exact, the rest may be the solver's rounding: it is asked for more digits.
        """
        data = replace(self.data, charging=charging)
        values = replace(parameters(self.structure, data), tilt=tilt or {})
        solver = "clarabel" if tilt else self.solver
        result = solve(self.structure, values, solver, self.where, self.clock)
        if result is None:
            return None
        solution = read_solution(result, self.structure, data)
        error, exact_pu = solution.relaxation_error.max(initial=0.0), self.rules.exact_pu
        if exact_pu < error <= NEARLY * exact_pu and not result.refined:
            with suppress(SolverError):
                result = solve(self.structure, values, solver, self.where, self.clock, refined=True) or result
            solution = read_solution(result, self.structure, data)
        return Step(variables=result.variables, solution=solution, solver=result.solver)


def case_of(
    feeder: Feeder, devices: Devices, load: Load, price: FloatArray, horizon: Horizon, rules: Rules
) -> Case:
    """Check everything that comes in and put it together."""
    devices.check(feeder)
    price = np.asarray(price, dtype=np.float64)
    problems: list[Problem | str] = [
        *shape_problems(feeder, devices, load, price, horizon),
        *margin_problems(feeder, rules.margin),
    ]
    if problems:
        source = f"dispatch of {feeder.name}"
        raise ConfigError(source, problems)
    structure = ProblemStructure(
        feeder=feeder,
        devices=devices,
        period_h=horizon.period_h,
        export=rules.export,
        elastic=None,
        margin=rules.margin,
        responding=() if load.response is None else load.response.buses,
    )
    data = ProblemData(
        load=load,
        price_cny_per_kwh=price,
        horizon=horizon,
        state=horizon.state or devices.initial_state(),
        loss_price_cny_per_mwh=rules.loss_price_cny_per_mwh,
    )
    where = f"feeder {feeder.name}, periods {horizon.first_period} to {data.last_period}"
    structure = _with_networks(replace(structure, current_scale=current_scale(structure, data)), data)
    return Case(
        structure=structure.with_all(source_rows=source_rows(structure, data)),
        data=data,
        rules=rules,
        solver=available_solver(rules.solver).name,
        where=where,
        clock=Clock.of(where, rules.solve_time_max_s, buses=feeder.bus_count, periods=data.periods),
    )


def _with_networks(structure: ProblemStructure, data: ProblemData) -> ProblemStructure:
    """Return the structure with those of the networks that stand in for its feeder in some periods."""
    networks = data.load.in_service.networks
    if not any(networks):
        return structure
    of_period = [network or structure.feeder for network in networks]
    own = {feeder: replace(structure, feeder=feeder) for feeder in dict.fromkeys(of_period)}
    runs = replace(structure, networks=tuple(own[feeder] for feeder in of_period)).runs(data.periods)
    scaled: dict[Feeder, ProblemStructure] = {}
    for run, each in runs:
        if each.feeder not in scaled:
            scale = current_scale(each, data.between(run.start, run.stop))
            scaled[each.feeder] = replace(each, current_scale=scale)
    return replace(structure, networks=tuple(scaled[feeder] for feeder in of_period))
