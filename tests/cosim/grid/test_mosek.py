"""The way to MOSEK without a licence: CVXPY writes MOSEK's task before it asks for one; Clarabel solves the task."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from cosim.errors import SolverError
from cosim.grid import solvers
from cosim.grid.device import Devices, Storage, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder
from cosim.grid.model import ProblemStructure
from cosim.grid.parameters import parameters
from cosim.grid.problem import Horizon, Load, ProblemData
from cosim.grid.whole_problem import solve_whole, whole_problem

mosek = pytest.importorskip("mosek")
DEVICES = Devices(
    Turbine(name="t", bus="33", cost_a_cny_per_mw2h=300, cost_b_cny_per_mwh=500), Storage(name="s", bus="18")
)
PRICE = np.array([0.35, 1.09])


def optimum_of_task(path: Path) -> float:
    """Read min or max c'x, lc <= Ax <= uc, lx <= x <= ux, Fx + g in cones with MOSEK; solve it with Clarabel."""
    import clarabel

    with mosek.Env() as env, env.Task() as task:
        task.readdata(str(path))
        assert (task.getnumqobjnz(), task.getnumcone(), task.getnumbarvar()) == (0, 0, 0)
        count, rows, total = task.getnumvar(), task.getnumcon(), task.getaccntot()
        sign = -1.0 if task.getobjsense() == mosek.objsense.maximize else 1.0
        c, constant = np.array(task.getclist(list(range(count)))), task.getcfix()
        row, column, value = task.getatrip()
        linear = sparse.csr_array((value, (row, column)), shape=(rows, count))
        row, column, value = task.getaccftrip()
        inside, shift = sparse.csr_array((value, (row, column)), shape=(total, count)), task.getaccgvector()
        bounds = [task.getconbound(i) for i in range(rows)] + [task.getvarbound(j) for j in range(count)]
        cones = range(task.getnumacc())
        sizes = [task.getaccn(k) for k in cones]
        kinds = {task.getdomaintype(task.getaccdomain(k)) for k in cones}
    assert kinds == {mosek.domaintype.quadratic_cone}
    linear = sparse.vstack([linear, sparse.eye_array(count)], format="csr")
    fixed, below, above = [], [], []
    for i, (key, _, _) in enumerate(bounds):
        fixed += [i] if key == mosek.boundkey.fx else []
        below += [i] if key in {mosek.boundkey.up, mosek.boundkey.ra} else []
        above += [i] if key in {mosek.boundkey.lo, mosek.boundkey.ra} else []
    low, high = np.array([b[1] for b in bounds]), np.array([b[2] for b in bounds])
    matrix = sparse.vstack([linear[fixed], linear[below], -linear[above], -inside], format="csc")
    right = np.concatenate([low[fixed], high[below], -low[above], shift])
    product = [clarabel.ZeroConeT(len(fixed)), clarabel.NonnegativeConeT(len(below) + len(above))]
    product += [clarabel.SecondOrderConeT(size) for size in sizes]
    options = clarabel.DefaultSettings()
    options.verbose = False
    nothing = sparse.csc_array((count, count))
    answer = clarabel.DefaultSolver(nothing, sign * c, matrix, right, product, options).solve()
    assert str(answer.status) == "Solved"
    return sign * float(answer.obj_val) + constant


def test_the_task_written_for_mosek_has_the_optimum(ieee33: Feeder, tmp_path: Path) -> None:
    structure = ProblemStructure(feeder=ieee33, devices=DEVICES, period_h=1.0, export=False, elastic=None)
    load = Load.scaled(ieee33, np.array([0.3, 0.5]))
    data = ProblemData(load=load, price_cny_per_kwh=PRICE, horizon=Horizon(), state=DEVICES.initial_state())
    problem = whole_problem(structure, parameters(structure, data)).problem
    path = tmp_path / "dispatch.ptf"
    try:
        problem.solve(solver="MOSEK", save_file=str(path))
    except mosek.Error as error:
        assert error.errno == mosek.rescode.err_missing_license_file  # noqa: PT017  licensed machines pass too
    expected = solve_dispatch(ieee33, DEVICES, load, PRICE)
    assert expected.status == "optimal"
    assert optimum_of_task(path) == pytest.approx(expected.cost_cny, rel=1e-6)


def test_a_licence_that_fails_is_an_error_of_ours(ieee33: Feeder) -> None:
    if not solvers.mosek_licence_problem():
        pytest.skip("MOSEK has a licence here")
    structure = ProblemStructure(feeder=ieee33, devices=Devices(), period_h=1.0, export=False, elastic=None)
    load = Load.scaled(ieee33, np.array([0.6]))
    data = ProblemData(
        load=load, price_cny_per_kwh=np.ones(1), horizon=Horizon(), state=Devices().initial_state()
    )
    with pytest.raises(SolverError, match="here: mosek returned a breakdown"):
        solve_whole(structure, parameters(structure, data), "mosek", "here")
