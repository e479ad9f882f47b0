"""What a scenario refers to, and what is said where it is not there: the file, the place, what is allowed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cosim.errors import ConfigError
from cosim.scenario import load_scenario

TWO_FEEDERS = 'grid.feeders=[{name="a"},{name="b"}]'


def problems(file: Path, *settings: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_scenario(file, settings)
    return [str(problem) for problem in caught.value.problems]


def append(*rows: str) -> Callable[[str], str]:
    return lambda text: text + "\n".join(rows) + "\n"


def replace(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def edit(file: str, change: Callable[[str], str]) -> None:
    path = Path(file)
    before = path.read_text(encoding="utf-8")
    path.write_text(change(before), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != before


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            "stations.S.bus=44",
            "stations.S.bus is '44'; it must be one of the 4 buses of feeder 'feeder', 1 to 4.",
        ),
        (
            "stations.S.road_node=9",
            "stations.S.road_node is '9'; it must be one of the 4 road nodes, 1 to 4.",
        ),
        (
            "stations.S.feeder=north",
            "stations.S.feeder is 'north'; it must be one that exists; the feeders are feeder.",
        ),
        (TWO_FEEDERS, "stations.S.feeder is missing, for there are several; the feeders are a, b."),
        ("stations.S.name='1'", "stations has the name '1', which is that of a link too; names must differ."),
        (
            "grid.storage.storage.bus=9",
            "feeder feeder: storage storage: there is no bus '9'; the buses are 1, 2, 3, 4.",
        ),
        ("grid.slack_bus=x", "feeder feeder: slack bus x: there is no bus 'x'; the buses are 1, 2, 3, 4."),
        (
            "tariff.column=price",
            "toy/profiles.csv, line 2: column price is missing; needed are trip_share, load_pu, price.",
        ),
        (
            "periods=24",
            "toy/profiles.csv: periods is 24, but there are 8 rows; one row per period is needed.",
        ),
        (
            "profiles=toy/none.csv",
            (
                "toy/none.csv: there is no such file; "
                "a file with columns trip_share, load_pu, price_cny_per_kwh is needed."
            ),
        ),
        (
            "road.demand=toy",
            "toy: is a directory; a file with columns origin, dest, demand_veh_h is needed.",
        ),
        (
            'grid.feeders=[{network="case34zz"}]',
            "feeder feeder: network 'case34zz' is neither a .json or .m file nor a net in pandapower.networks.",
        ),
        ('grid.feeders=[{network="x.json"}]', "x.json: there is no such file."),
    ],
)
def test_one_wrong_reference_is_one_sentence(study: Path, setting: str, sentence: str) -> None:
    assert problems(study, setting) == [sentence]


@pytest.mark.parametrize(
    ("file", "change", "sentence"),
    [
        ("od.csv", append("4,1,5"), "toy/od.csv: OD 4-1: no path leads from origin to destination."),
        (
            "od.csv",
            append("4,4,5"),
            "toy/od.csv: 5 veh/h begin and end in one zone; they use no link and must be left out of a scenario.",
        ),
        (
            "od.csv",
            append("1,4,5"),
            "toy/od.csv, line 3: origin '1', dest '4' is given already in line 2; give it once.",
        ),
        (
            "od.csv",
            append("1,3,5"),
            "toy/od.csv: OD 1-3: no path passes a station, where class 'charging' could charge.",
        ),
        ("od.csv", replace("120", "0"), "toy/od.csv: no OD pair has any demand."),
        (
            "links.csv",
            replace(",100,", ",-1,"),
            "toy/links.csv, line 3: column capacity_veh_h is '-1'; it must be a number above 0.",
        ),
        (
            "links.csv",
            lambda text: text.replace(",", ";"),
            "toy/links.csv, line 2: the columns are separated by ';'; they must be separated by commas.",
        ),
        (
            "branches.csv",
            replace("0.5,0.4", "-1,0.4"),
            "toy/branches.csv, line 3: column r_ohm is '-1'; it must be a number, 0 or more.",
        ),
        (
            "branches.csv",
            append("4,2,1,0.1,0.1,True"),
            "feeder feeder: branches 1, 4 form a loop. A feeder is a tree: take one of them out of service.",
        ),
        (
            "buses.csv",
            append("5,1,1"),
            "feeder feeder: no branch in service connects bus 5 to the slack bus 1.",
        ),
        (
            "buses.csv",
            append("2,1,1"),
            "toy/buses.csv, line 7: bus '2' is given already in line 4; give it once.",
        ),
        (
            "profiles.csv",
            replace(",0.01,", ",much,"),
            "toy/profiles.csv, line 3: column trip_share is 'much'; it must be a number, 0 or more.",
        ),
    ],
)
def test_one_defect_of_the_data_is_one_sentence(
    study: Path, file: str, change: Callable[[str], str], sentence: str
) -> None:
    edit(f"toy/{file}", change)
    assert problems(study) == [sentence]


@pytest.mark.parametrize("file", ["links", "od", "nodes", "buses", "branches", "profiles"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a\0b\n", b"\n\n# nothing\n", b'"\n'])
def test_no_data_file_full_of_nonsense_ends_in_a_traceback(study: Path, file: str, content: bytes) -> None:
    Path(f"toy/{file}.csv").write_bytes(content)
    assert all(f"toy/{file}.csv" in problem for problem in problems(study))


@pytest.mark.parametrize("file", ["links", "od", "buses", "profiles", "nodes"])
def test_a_header_without_rows_is_one_problem_of_that_file(study: Path, file: str) -> None:
    path = Path(f"toy/{file}.csv")
    header = next(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    path.write_text(header + "\n", encoding="utf-8")
    assert problems(study) == [f"toy/{file}.csv, line 1: nothing follows the header; rows are needed."]


def test_available_power_above_the_rating_names_the_cell(study: Path) -> None:
    pv = "grid.renewables=[{name='pv',kind='pv',bus=3,s_kva=9,profile='load_pu'}]"
    edit("toy/profiles.csv", replace("3,0.7", "3,1.7"))
    said = problems(study, pv)
    assert said == ["toy/profiles.csv, line 5: column load_pu is '1.7'; it must be a number from 0 to 1."]


def test_repeated_names_are_refused(study: Path) -> None:
    text = study.read_text(encoding="utf-8")
    station = text[text.index("[[stations]]") : text.index("[population]")]
    storage = text[text.index("[[grid.storage]]") : text.index("[tariff]")]
    study.write_text(text.replace(station, 2 * station).replace(storage, 2 * storage), encoding="utf-8")
    assert problems(study) == [
        "feeder feeder: the name 'storage' is given to several devices; names must differ.",
        "stations has the name 'S' more than once; names must differ.",
    ]


def test_unnamed_feeders_are_told_to_differ(study: Path) -> None:
    said = problems(study, "grid.feeders=[{},{}]", "stations.S.feeder=feeder")
    assert said == ["grid.feeders has the name 'feeder' more than once; names must differ."]


def test_the_same_fault_of_two_feeders_is_told_of_each(study: Path) -> None:
    edit("toy/buses.csv", append("5,1,1"))
    said = problems(study, TWO_FEEDERS, "stations.S.feeder=b")
    assert [str(problem).split(":")[0] for problem in said] == ["feeder a", "feeder b"]


def test_slips_of_the_pen_and_wrong_references_are_told_together(study: Path) -> None:
    settings = (
        "stations.S.chargers=-2",
        "stations.S.bus=44",
        "seed=x",
        "grid.storage.storage.bus=33",
        "nope=1",
    )
    assert problems(study, *settings, "road.demand=toy/odd.csv", "grid.storage.storage.charge_max_kw=-5") == [
        "seed is 'x'; it must be a whole number without quotes.",
        "stations.S.chargers is -2; it must be 1 or more.",
        "grid.storage.storage.charge_max_kw is -5; it must be 0.001 or more.",
        (
            "nope is not a known key; known are extends, name, description, what_to_look_at, seed, periods, "
            "days, profiles, station_load, road, stations, population, mobility, grid, tariff, coupling, messages, "
            "learning_check, sweep, events."
        ),
        "feeder feeder: storage storage: there is no bus '33'; the buses are 1, 2, 3, 4.",
        "stations.S.bus is '44'; it must be one of the 4 buses of feeder 'feeder', 1 to 4.",
        ("toy/odd.csv: there is no such file; a file with columns origin, dest, demand_veh_h is needed."),
    ]


def test_faults_of_a_feeders_files_do_not_hide_places_that_are_not_there(study: Path) -> None:
    edit("toy/buses.csv", replace("200,100", "200,many"))
    said = problems(study, "stations.S.bus=99", "grid.storage.storage.bus=33")
    assert "column q_kvar is 'many'; it must be a number." in said[0]
    assert said[-2:] == [
        "feeder feeder: storage storage: there is no bus '33'; the buses are 1, 2, 3, 4.",
        "stations.S.bus is '99'; it must be one of the 4 buses of feeder 'feeder', 1 to 4.",
    ]


@pytest.mark.parametrize(
    "setting",
    ["periods=8.5", "grid.load_profile=3", "road.links=3", "stations.S.bus=1.5", "grid=1", "road=1"],
)
def test_what_follows_from_a_slip_is_not_told_as_well(study: Path, setting: str) -> None:
    assert len(problems(study, setting)) == 1


def test_a_scenario_is_read_the_same_from_any_directory(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, elsewhere = Path.cwd(), Path("elsewhere")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load_scenario(Path("..") / study).config == load_scenario(here / study).config
    (here / "toy/od.csv").unlink()
    assert problems(Path("..") / study)[0].startswith("../toy/od.csv: there is no such file")


def test_a_mean_price_of_zero_is_refused_only_where_drivers_compare_with_it(study: Path) -> None:
    edit("toy/profiles.csv", lambda text: re.sub(r"(?m)^(\d.*),[^,]*$", r"\1,0", text))
    assert load_scenario(study).profiles["price_cny_per_kwh"].tolist() == [0] * 8
    assert problems(study, "mobility.price_sensitivity=1") == [
        (
            "toy/profiles.csv: column price_cny_per_kwh must be above 0 on average, for drivers compare prices with "
            "the mean (mobility.price_sensitivity above 0)."
        )
    ]


def test_names_may_be_in_any_script(study: Path) -> None:
    edit("toy/buses.csv", replace("4,", "Süd 東,"))
    edit("toy/branches.csv", replace("3,4", "3,Süd 東"))
    scenario = load_scenario(study, ["stations.S.bus=Süd 東", "stations.S.name=ÄÖ 東"])
    assert (scenario.stations[0].name, scenario.stations[0].bus) == ("ÄÖ 東", "Süd 東")


def test_a_byte_order_mark_of_a_spreadsheet_is_no_fault(study: Path) -> None:
    before = load_scenario(study).profiles["load_pu"].tolist()
    edit("toy/profiles.csv", lambda text: "\ufeff" + text)
    assert load_scenario(study).profiles["load_pu"].tolist() == before


def test_a_wrong_time_hides_neither_the_place_nor_the_order_of_an_event(study: Path) -> None:
    late = 'from = "10:00"\nuntil = "09:00"\nreading = "wrong"'
    parts = (("station", "X", 'from = "25:00"'), ("meter", "Z", late))
    entries = [f'[[events]]\nkind = "{kind}"\nname = "{name}"\n{rest}\n' for kind, name, rest in parts]
    study.write_text(study.read_text(encoding="utf-8") + "".join(entries), encoding="utf-8")
    assert [text.split(";")[0] for text in problems(study)] == [
        "events.X.from is '25:00'",
        "events.Z.reading is 'wrong'",
        "table events.Z: until is 09:00",
        "events.X.name is 'X'",
        "events.Z.name is 'Z'",
    ]
