"""MATPOWER case files: what their statements and cells say is the feeder; the rest is refused or told."""

from pathlib import Path

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.grid.device import Devices
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, feeder_from_pandapower
from cosim.grid.problem import Load
from cosim.grid.sweep import sweep_power_flow

COLUMN_NAMES = """
[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD, GS, BS, BUS_AREA, VM, VA, BASE_KV] = idx_bus;
[F_BUS, T_BUS, BR_R, BR_X, BR_B] = idx_brch;
"""
TWO_BUSES = """
1 3 0 0 0 0 1 1 0 12 1 1 1;
2 1 2 1 0 0 1 1 0 12 1 1.1 0.9;
"""
THREE_BUSES = TWO_BUSES + "3 1 1 0.5 0 0 1 1 0 12 1 1.1 0.9;\n"
ONE_BRANCH = "1 2 0.05 0.05 0 0 0 0 0 0 1 -360 360;\n"
TWO_BRANCHES = ONE_BRANCH + "2 3 0.05 0.05 0 0 0 0 0 0 1 -360 360;\n"
SLACK = "1 0 0 9 -9 1 10 1 9 0"


def case(
    bus: str = TWO_BUSES, branch: str = ONE_BRANCH, *, gen: str = SLACK, base: str = "10", more: str = ""
) -> str:
    return (
        f"function mpc = small\n{COLUMN_NAMES}mpc.version = '2';\nmpc.baseMVA = {base};\n"
        f"mpc.bus = [{bus}];\nmpc.gen = [{gen}];\nmpc.branch = [\n{branch}];\n{more}\n"
    )


def read(folder: Path, text: str | bytes) -> Feeder:
    file = folder / "small.m"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return feeder_from_pandapower(file)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as error:
        read(folder, text)
    return str(error.value)


def purchase_kw(feeder: Feeder) -> float:
    return float(sweep_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar).slack_kw)


@pytest.mark.parametrize(
    ("text", "kw"),
    [
        pytest.param(case(), 2025.780, id="as it stands"),
        pytest.param(case(base="50/5"), 2025.780, id="base power as a fraction"),
        pytest.param(case(more="k = 2; mpc.bus(k, 3) = 0.5; mpc.bus(k, 4) = 0;"), 501.256, id="cells set"),
        pytest.param(case(THREE_BUSES, TWO_BRANCHES), 3065.914, id="three buses"),
        pytest.param(
            case(THREE_BUSES.replace(" 12 ", " 0 "), TWO_BRANCHES), 3065.914, id="per unit needs no kV"
        ),
        pytest.param(case(THREE_BUSES.replace("1 2 1", "1 6/3 1"), TWO_BRANCHES), 3065.914, id="a fraction"),
        pytest.param(
            case(
                THREE_BUSES,
                TWO_BRANCHES,
                more="Vbase = 24e3;\nSbase = mpc.baseMVA * 1e6;\n"
                "mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);",
            ),
            3001.086,
            id="the file's own base voltage",
        ),
        pytest.param(
            case(
                TWO_BUSES.replace("2 1 2 1 0", "2 1 2 0 0"),
                more="pf = 0.8;\nmpc.bus(:, QD) = mpc.bus(:, PD) * sin(acos(pf));\n"
                "mpc.bus(:, PD) = mpc.bus(:, PD) * pf;",
            ),
            1620.581,
            id="kVA and a power factor, as in case141",
        ),
    ],
)
def test_the_statements_of_a_file_are_carried_out(tmp_path: Path, text: str, kw: float) -> None:
    """The values are MATPOWER's own power flow of the same files."""
    assert purchase_kw(read(tmp_path, text)) == pytest.approx(kw, abs=1e-3)


def test_ohms_and_kilowatts_become_per_unit_and_megawatts_as_in_matpowers_distribution_cases(
    tmp_path: Path,
) -> None:
    limits = "1 1 0 12.66 1 1.1 0.9"
    bus = f"1 3 0 0 0 0 {limits}; 2 1 100 60 0 0 {limits}; 5 1 90 40 0 0.1 {limits}"
    branch = "1 2 0.0922 0.0470 0 0 0 0 0 0 1;\n2 5 0.4930 0.2511 0 0 0 0 0 0 1;\n1 5 0.4930 0.2511 0 0 0 0 0 0 0;\n"
    conversion = """
        Vbase = mpc.bus(1, BASE_KV) * 1e3;      %% in Volts
        Sbase = mpc.baseMVA * 1e6;              %% in VA
        mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);
        mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
    """
    feeder = read(tmp_path, case(bus, branch, gen=SLACK.replace("-9 1 10", "-9 1.02 10"), more=conversion))
    assert feeder.bus_names == ("1", "2", "5")
    assert feeder.r_pu == pytest.approx(np.array([0.0922, 0.493]) / 12.66**2)
    assert feeder.load_kw == pytest.approx([0, 100, 90])
    assert feeder.shunt_pu.imag == pytest.approx([0, 0, 0.1])
    assert feeder.slack_voltages_pu == pytest.approx([1.02])


def test_a_statement_that_is_not_understood_is_refused_with_its_line(tmp_path: Path) -> None:
    said = refused(tmp_path, case(more="mpc = scale_load(0.5, mpc);"))
    assert "small.m, line 15: cannot run 'mpc = scale_load(0.5, mpc)'" in said
    assert "write it with savecase" in said


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (case().replace("mpc.gen", "mpc.other"), ["there is no table mpc.gen"]),
        (case(gen=""), ["table mpc.gen has no rows"]),
        (case(branch="1 2 0.1;\n"), ["table mpc.branch has 3 columns; it must have fbus, tbus, r, x, b"]),
        (case(branch="1 NaN" + ONE_BRANCH[3:]), ["line 13: table mpc.branch: column tbus is nan"]),
        (case(branch="1 7" + ONE_BRANCH[3:]), ["line 13: mpc.branch names bus 7; mpc.bus has none"]),
        (case(branch=ONE_BRANCH.replace("0.05", "-0.05", 1)), ["column r is -0.05; it must be a number, 0"]),
        (case(TWO_BUSES + TWO_BUSES), ["line 11: mpc.bus has bus 1 twice", "has bus 2 twice"]),
        (case(base="0"), ["mpc.baseMVA is 0.0; it must be a number above 0"]),
        (
            case(TWO_BUSES.replace("\n2 1", "\n2 2"), gen=f"{SLACK}; 2{SLACK[1:]}"),
            ["bus 2: its generator holds"],
        ),
        (case(TWO_BUSES.replace("1 3", "1 1", 1)), ["no bus is a reference (type 3)"]),
    ],
)
def test_cells_that_cannot_be_are_refused_by_place(tmp_path: Path, text: str, sentences: list[str]) -> None:
    said = refused(tmp_path, text)
    assert [sentence for sentence in sentences if sentence not in said] == []


def test_hundreds_of_faults_of_one_kind_are_a_few_lines(tmp_path: Path) -> None:
    rows = "".join(f"{number} 1 NaN 0 0 0 1 1 0 12 1 1.1 0.9;\n" for number in range(2, 302))
    said = refused(tmp_path, case("1 3 0 0 0 0 1 1 0 12 1 1 1;\n" + rows)).splitlines()
    assert len(said) == 7
    assert said[-1].strip() == "- ... and 295 more like these."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-32"])
def test_a_file_is_read_in_the_encoding_it_is_in(tmp_path: Path, encoding: str) -> None:
    text = "% Réseau de José, 2019\n" + case()
    assert purchase_kw(read(tmp_path, text.encode(encoding))) == pytest.approx(2025.780, abs=1e-3)


def test_taps_shunts_charging_and_status_are_as_in_matpowers_admittances(tmp_path: Path) -> None:
    """Y of a branch: [[(y + jb/2) / t^2, -y / t], [-y / t, y + jb/2]]; the loop is open at the last branch."""
    bus = "1 3 0 0 0 0 1 1 0 110 1 1 1; 2 1 0 0 0 0 1 1 0 20 1 1.1 0.9; 3 1 1 0.5 0.2 0.3 1 1 0 20 1 1.1 0.9"
    branch = (
        "2 1 0.01 0.1 0.02 0 0 0 0.95 30 1;\n2 3 0.02 0.03 0.01 0 0 0 0 0 1;\n1 3 0.1 0.1 0 0 0 0 0 0 0;\n"
    )
    feeder = read(tmp_path, case(bus, branch))
    flow = sweep_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar)
    admittance = np.zeros((3, 3), dtype=complex)
    for near, far, z, b, t in ((1, 0, 0.01 + 0.1j, 0.02, 0.95), (1, 2, 0.02 + 0.03j, 0.01, 1.0)):
        y = 1 / z
        own = np.array([[(y + 0.5j * b) / t**2, -y / t], [-y / t, y + 0.5j * b]])
        admittance[np.ix_([near, far], [near, far])] += own
    admittance[2, 2] += (0.2 + 0.3j) / 10
    voltage = np.ones(3, dtype=complex)
    for _ in range(200):
        current = np.conj(np.array([0, -(1 + 0.5j) / 10]) / voltage[1:])
        voltage[1:] = np.linalg.solve(admittance[1:, 1:], current - admittance[1:, 0])
    np.testing.assert_allclose(flow.voltage_pu, np.abs(voltage), atol=1e-10)
    sent = voltage[0] * np.conj(admittance[0] @ voltage) * 1e4
    assert complex(flow.slack_kw, flow.slack_kvar) == pytest.approx(sent, abs=1e-5)


def test_the_limits_of_a_file_are_those_of_each_bus_and_branch(tmp_path: Path) -> None:
    bus = THREE_BUSES.replace("1.1 0.9;\n3", "1.05 0.94;\n3")
    feeder = read(tmp_path, case(bus, TWO_BRANCHES.replace("0 0 0 0 0 0 1", "0 3 0 0 0 0 1", 1)))
    low, high = feeder.voltage_limits_pu
    np.testing.assert_allclose(low[1:], [0.94, 0.9])
    np.testing.assert_allclose(high[1:], [1.05, 1.1])
    np.testing.assert_allclose(feeder.current_max_pu, [3.0, np.inf])


def test_crossed_limits_of_a_bus_are_refused_by_name(tmp_path: Path) -> None:
    said = refused(tmp_path, case(THREE_BUSES.replace("1.1 0.9", "0.9 1.1", 1), TWO_BRANCHES))
    assert "bus 2: the voltage limits 1.1 to 0.9 p.u. are crossed or not positive" in said


def test_several_reference_buses_are_several_trees(tmp_path: Path) -> None:
    bus = TWO_BUSES + TWO_BUSES.replace("\n1 ", "\n11 ").replace("\n2 ", "\n12 ")
    feeder = read(
        tmp_path, case(bus, ONE_BRANCH + "1" + ONE_BRANCH.replace(" 2", " 12", 1), gen=f"{SLACK};\n1{SLACK}")
    )
    assert [feeder.bus_names[k] for k in feeder.slack_buses] == ["1", "11"]
    assert purchase_kw(feeder) == pytest.approx(2 * 2025.780, abs=2e-3)


def test_a_generator_at_a_load_bus_feeds_in_what_it_says(tmp_path: Path) -> None:
    feeder = read(tmp_path, case(gen=f"{SLACK};\n2 0.5 0.25 9 -9 1 10 1 9 0;\n2 9 0 9 -9 1 10 0 9 0"))
    assert feeder.load_kw == pytest.approx([0, 1500])
    assert feeder.load_kvar == pytest.approx([0, 750])


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    bus = TWO_BUSES.replace(" 12 ", " 0 ") + "9 4 0.3 0 0 0 1 1 0 12 1 1.1 0.9;\n"
    text = case(
        bus, ONE_BRANCH.replace("-360 360", "-30 30"), more="mpc.dcline = [1 2 1];\nmpc.areas = [1 1];"
    )
    assert read(tmp_path, text).notes == (
        "mpc.dcline is not used.",
        "bus 9 is isolated (type 4): its load of 0.3 MW is left out.",
        "baseKV is 0 at bus 1 and 1 more: amperes are those of 1 kV.",
        "branch 1-2: the limits of its angle difference are not kept.",
    )


def test_what_is_out_of_service_is_told(tmp_path: Path) -> None:
    idle = ONE_BRANCH + ";\n1 2 0.01 0.01 0 0 0 0 0 0 0 -360 360"
    notes = read(tmp_path, case(branch=idle, gen=f"{SLACK};\n2 0.5 0 9 -9 1 10 0 9 0")).notes
    assert notes[0] == (
        "branch 1-2, the generator at bus 2: each is out of service, or at a bus that is, and left out."
    )


def test_a_bus_is_held_within_its_own_limits_and_no_others(tmp_path: Path) -> None:
    """Bus 3 falls to 0.94: allowed there, though bus 2 has to keep 0.95."""
    bus = (
        THREE_BUSES.replace("2 1 2 1", "2 1 1 0.5")
        .replace("3 1 1 0.5", "3 1 3.2 1.6")
        .replace("1.1 0.9;\n3", "1.1 0.95;\n3")
    )
    feeder = read(tmp_path, case(bus, TWO_BRANCHES))
    price = np.array([0.68])
    dispatch = solve_dispatch(feeder, Devices(), Load.scaled(feeder, np.ones(1)), price)
    assert (dispatch.status, dispatch.certified) == ("optimal", True)
    assert 0.9 < dispatch.voltage_pu[0, 2] < 0.95 < dispatch.voltage_pu[0, 1]


def test_large_bus_numbers_keep_all_their_digits(tmp_path: Path) -> None:
    bus = TWO_BUSES.replace("1 3 0", "1234567 3 0").replace("2 1 2", "1234568 1 2")
    text = case(
        bus, ONE_BRANCH.replace("1 2 0", "1234567 1234568 0"), gen=SLACK.replace("1 0 0", "1234567 0 0")
    )
    feeder = read(tmp_path, text)
    assert feeder.bus_names == ("1234567", "1234568")
    assert purchase_kw(feeder) == pytest.approx(2025.780, abs=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("1 2 0.05", "1 2 Inf", "mpc.branch: column r is inf"),
        ("0 0 1 -360", "Inf 0 1 -360", "mpc.branch: column ratio is inf"),
        ("0 0 1 -360", "0 0 NaN -360", "mpc.branch: column status is nan"),
        ("12 1 1.1", "Inf 1 1.1", "mpc.bus: column baseKV is inf"),
    ],
)
def test_a_cell_that_is_no_finite_number_is_refused(
    old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    assert sentence in refused(tmp_path, case().replace(old, new))


def test_a_limit_may_be_written_as_infinite(tmp_path: Path) -> None:
    feeder = read(tmp_path, case(branch="1 2 0.05 0.05 0 Inf 0 0 0 0 1 -360 360;\n"))
    assert np.isinf(feeder.current_max_pu).all()


def test_a_voltage_limit_of_0_or_2_is_none_and_the_default_is_told(tmp_path: Path) -> None:
    feeder = read(tmp_path, case(TWO_BUSES.replace("1.1 0.9", "2 0")))
    assert (
        "bus 2: a voltage limit of 0 or 2 p.u. is none; the default holds there, 0.95 to 1.05 p.u."
        in feeder.notes
    )


def test_feed_in_of_one_tree_is_not_set_against_the_draw_of_another(tmp_path: Path) -> None:
    """Tree 1 feeds in 0.5 MW, tree 3 draws more: with no export allowed tree 1 has to give up."""
    bus = TWO_BUSES.replace("2 1 2 1", "2 1 -0.5 0") + TWO_BUSES.replace("1 3 0", "3 3 0").replace(
        "2 1 2 1", "4 1 0.8 0"
    )
    branch = ONE_BRANCH + ONE_BRANCH.replace("1 2 0", "3 4 0")
    feeder = read(tmp_path, case(bus, branch, gen=f"{SLACK}; {SLACK.replace('1 0 0', '3 0 0', 1)}"))
    dispatch = solve_dispatch(feeder, Devices(), Load.scaled(feeder, np.ones(1)), np.array([0.68]))
    (broken,) = dispatch.violations
    assert "kW have to leave the feeder, and grid.export is false" in broken.sentence
