"""The report: one page that opens offline and shows what the run holds."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import numpy as np
import pandas as pd
import pytest

from cosim.messages import Message
from cosim.results import Run, load_run
from experiments.figures.positions import feeder_positions, road_positions
from experiments.figures.style import Figure
from experiments.run.figures.day import Day
from experiments.run.figures.sequence import KINDS, OF_EVENTS, sequence
from experiments.run.report import OF_EACH_DAY, days_shown, write_report
from experiments.run.report_words import headlines
from experiments.run.summary import flags
from tests.experiments.changed_runs import (
    copy_of,
    say_days,
    with_more_stations,
    with_second_day,
    with_second_feeder,
)

Figures = dict[str, list[Figure]]
FIGURES = {
    "networks",
    "saturation",
    "flow_agreement",
    "path_shares",
    "choice_tests",
    "stations",
    "outcomes",
    "voltages",
    "dispatch",
    "prices",
    "storage",
    "forecast_error",
    "exactness",
    "coupling",
    "real_time",
    "convergence",
}


class Page(HTMLParser):
    """What a browser would load, and the places and data of the figures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.drawn: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.drawn += [values["data-for"] or ""] if "data-for" in values else []
        addresses = [values.get(key) or "" for key in ("src", "href", "data", "srcset", "action")]
        self.loads += [f"{tag} {address}" for address in addresses if address and address[0] != "#"]


def read(run: Run) -> str:
    """Return the page of *run*."""
    return (run.directory / "report.html").read_text(encoding="utf-8")


def sections(run: Run) -> set[str]:
    """Return the names of the figures on the page of *run*."""
    return {name.rsplit("-", 1)[0] for name in Page(read(run)).drawn}


def change_manifest(run: Run, **changes: object) -> Run:
    """Return *run* with changes to its manifest."""
    path = run.directory / "manifest.json"
    path.write_text(json.dumps({**run.manifest, **changes}), encoding="utf-8")
    return load_run(run.directory)


def test_page_loads_nothing_from_elsewhere(toy_run: Run) -> None:
    text = read(toy_run)
    assert Page(text).loads == []
    assert "default-src 'none'" in text
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_page_is_small_enough_to_mail(toy_run: Run) -> None:
    assert (toy_run.directory / "report.html").stat().st_size < 5_000_000


def test_writing_again_gives_the_same_bytes(toy_run: Run, tmp_path: Path) -> None:
    again = copy_of(toy_run, tmp_path / "again")
    write_report(again)
    assert read(again) == read(toy_run)


def test_toy_run_shows_every_figure_in_a_place_of_its_own(toy_run: Run) -> None:
    page = Page(read(toy_run))
    assert sections(toy_run) == FIGURES
    assert len(page.ids) == len(set(page.ids))
    assert set(page.drawn) <= set(page.ids)


def test_every_axis_of_every_chart_has_a_title(toy_figures: Figures) -> None:
    charts = {name: drawn for name, drawn in toy_figures.items() if name != "networks"}
    for name, drawn in charts.items():
        for figure in drawn:
            titles = [axis.title.text for axis in [*figure.select_xaxes(), *figure.select_yaxes()]]
            assert any(titles), name
            assert figure.layout.xaxis.title.text or len(titles) > 2, name


def test_equilibrium_alone_has_its_own_page(toy_run: Run, tmp_path: Path) -> None:
    alone = change_manifest(copy_of(toy_run, tmp_path / "e", "agents", "comparison"), model="equilibrium")
    write_report(alone)
    assert sections(alone) == FIGURES - {"flow_agreement", "choice_tests", "real_time"}
    assert 'id="verdict"' not in read(alone)


def test_agents_alone_have_their_own_page(toy_run: Run, tmp_path: Path) -> None:
    alone = change_manifest(copy_of(toy_run, tmp_path / "a", "equilibrium", "comparison"), model="agents")
    write_report(alone)
    left_out = {"flow_agreement", "choice_tests", "path_shares", "convergence", "coupling", "real_time"}
    assert sections(alone) == FIGURES - left_out


def test_flags_are_shown_and_cannot_inject(toy_run: Run, tmp_path: Path) -> None:
    assert 'id="flags"' not in read(toy_run)
    flagged = change_manifest(copy_of(toy_run, tmp_path / "f"), flags=["bus <4>: 0.93 p.u."])
    write_report(flagged)
    assert 'id="flags"' in read(flagged)
    assert "bus &lt;4&gt;: 0.93 p.u." in read(flagged)


def test_events_have_a_section_with_what_they_did(toy_run: Run, tmp_path: Path) -> None:
    assert 'id="events"' not in read(toy_run)
    effects = {"sessions ended": 2.0, "kWh not delivered": 1234.56, "go on as they are": 0.0}
    record = {
        "kind": "station",
        "day": 1,
        "what": "station S closed, 08:00 to 09:00",
        "planned": True,
        "effects": effects,
    }
    summary = toy_run.summary | {"events": [record]}
    told = change_manifest(copy_of(toy_run, tmp_path / "e"), summary=summary)
    write_report(told)
    cells = (
        "<td>station S closed, 08:00 to 09:00</td><td>planned</td>"
        "<td>sessions ended 2; kWh not delivered 1,234.6</td>"
    )
    assert cells in read(told)


def test_run_without_a_session_or_node_positions_still_has_a_page(toy_run: Run, tmp_path: Path) -> None:
    bare = copy_of(toy_run, tmp_path / "b", "sessions.parquet", "messages.parquet", "toy_nodes.csv")
    write_report(bare)
    assert "networks" in sections(bare)


def test_bars_of_the_dispatch_add_up_to_the_load(toy_figures: Figures) -> None:
    (figure,) = toy_figures["dispatch"]
    supply = sum(np.asarray(trace.y, dtype=float) for trace in figure.data if trace.type == "bar")
    (load,) = (trace for trace in figure.data if "losses" in trace.name)
    np.testing.assert_allclose(supply, np.asarray(load.y)[::2], atol=0.05)


def test_every_period_has_a_frame_that_moves_both_networks(toy_figures: Figures) -> None:
    (figure,) = toy_figures["networks"]
    assert [frame.name for frame in figure.frames] == [str(period) for period in range(1, 9)]
    moved = {figure.data[place].xaxis for place in figure.frames[0].traces}
    assert {"x", "x2"} <= moved


def test_shares_of_each_choice_add_up_to_one(toy_figures: Figures) -> None:
    (figure,) = toy_figures["path_shares"]
    for bars in figure.data:
        assert np.sum(bars.y) == pytest.approx(100, abs=0.1)


def test_headlines_leave_out_what_a_model_does_not_have() -> None:
    shown = headlines(
        {"interval_95": {}, "evs": 1675, "ac_mismatch_max_pu": 2.27e-10, "link_flow_rmse_veh_h": None}
    )
    assert [(figure.label, figure.value) for figure in shown] == [
        ("EVs", "1,675"),
        ("dispatch against AC", "2.3 \N{MULTIPLICATION SIGN} 10⁻¹⁰"),
    ]


def branches(*pairs: tuple[str, str]) -> pd.DataFrame:
    """Return a table of branches."""
    frame = pd.DataFrame(pairs, columns=["from_bus", "to_bus"])
    return frame.assign(branch=[f"{start}-{end}" for start, end in pairs])


def test_one_line_diagram_keeps_buses_apart_and_the_trunk_straight() -> None:
    trunk = [(str(bus), str(bus + 1)) for bus in range(1, 18)]
    laterals = [
        ("2", "19"),
        ("19", "20"),
        ("20", "21"),
        ("21", "22"),
        ("3", "23"),
        ("23", "24"),
        ("24", "25"),
    ]
    laterals += [("6", "26"), *((str(bus), str(bus + 1)) for bus in range(26, 33))]
    positions = feeder_positions(branches(*trunk, *laterals))
    assert len(set(positions.values())) == 33
    assert {positions[str(bus)][1] for bus in range(1, 19)} == {0}
    for start, lateral in (("2", "19"), ("3", "23"), ("6", "26")):
        (x, y0), (_, y1) = positions[start], positions[lateral]
        crossed = {(x, float(y)) for y in np.arange(min(y0, y1) + 1, max(y0, y1))}
        assert crossed.isdisjoint(positions.values())


def test_one_line_diagram_of_a_bus_with_many_laterals_ends() -> None:
    star = branches(*(("0", str(bus)) for bus in range(1, 8)))
    assert len(set(feeder_positions(star).values())) == 8


def test_one_line_diagram_of_a_feeder_that_a_tie_feeds_later_is_that_of_its_first_period() -> None:
    as_begun = [("1", "2"), ("2", "3"), ("3", "4")]
    while_tied = [("1", "2"), ("1", "4"), ("4", "3")]
    positions = feeder_positions(branches(*as_begun, *while_tied))
    assert positions == feeder_positions(branches(*as_begun))


def test_roads_without_positions_are_laid_out_the_same_each_time() -> None:
    links = pd.DataFrame({"from_node": ["1", "1", "2", "3"], "to_node": ["2", "3", "4", "4"]})
    first, second = road_positions(links, None), road_positions(links, None)
    assert first == second
    assert len(set(first.values())) == 4


def test_two_feeders_get_a_chart_each(toy_run: Run, tmp_path: Path) -> None:
    twin = with_second_feeder(toy_run, tmp_path / "t")
    assert {"voltages-1", "voltages-2", "dispatch-2"} <= set(Page(read(twin)).drawn)
    (maps,) = OF_EACH_DAY["networks"](Day(twin))
    assert "<b>S</b> → feeder, bus 4" in {note.text for note in maps.layout.annotations}
    assert 'id="feeder"' in read(twin)
    assert 'id="feeder"' not in read(toy_run)


def test_a_flag_names_the_feeder_where_there_are_several() -> None:
    found = pd.DataFrame(
        {
            "feeder": ["west"],
            "place": ["feeder west, bus 4"],
            "kind": ["undervoltage"],
            "amount": [0.1],
            "sentence": ["period 1, bus 4: low."],
        }
    )
    assert flags({"agents": found}) == ["agents: period 1, bus 4: low."]
    assert flags({"agents": found}, several_feeders=True) == ["agents: feeder west, period 1, bus 4: low."]


def test_a_price_at_or_below_zero_is_a_note_and_no_flag() -> None:
    """It breaks no limit, so that it alone does not end a run with code 3."""
    low = {
        "feeder": [""],
        "place": ["tariff"],
        "kind": ["price"],
        "amount": [0.5],
        "sentence": ["period 3: -0.5."],
    }
    assert flags({"agents": pd.DataFrame(low)}) == []
    assert flags({"agents": pd.DataFrame(low)}, notes=True) == ["agents: period 3: -0.5."]


def test_a_station_has_one_colour_in_every_figure(toy_run: Run, tmp_path: Path) -> None:
    """On the maps, above its column, in its prices; seven stations have seven colours."""
    day = Day(with_more_stations(toy_run, tmp_path / "seven"))
    drawn = {name: OF_EACH_DAY[name](day) for name in ("networks", "stations", "prices")}
    notes = [
        note for name in ("networks", "stations") for own in drawn[name] for note in own.layout.annotations
    ]
    labels = [note for note in notes if note.bgcolor]
    for name in ("S", *(f"S{number}" for number in range(2, 8))):
        seen = {note.bgcolor for note in labels if f"<b>{name}</b>" in note.text}
        seen |= {t.line.color for t in drawn["prices"][0].data if t.name.split()[-1] == name}
        seen |= {t.fillcolor or t.line.color for t in drawn["networks"][0].data if t.name == name}
        assert seen == {day.stations[name].colour}
    assert len({look.colour for look in day.stations.values()}) == 7
    assert len({look.symbol for look in day.stations.values()}) == 7


def test_a_run_of_two_days_holds_the_figures_of_both(toy_run: Run, tmp_path: Path) -> None:
    two = with_second_day(toy_run, tmp_path / "two")
    assert days_shown(Day(two)) == [1, 2]
    assert 'id="day"' in read(two)
    assert 'id="day"' not in read(toy_run)
    first, second = (OF_EACH_DAY["voltages"](Day(two, number))[0].data[0].y for number in (1, 2))
    np.testing.assert_allclose(first - second, 0.01, atol=1e-5)


@pytest.mark.parametrize("days", [1, 2, 3, 7, 50, 365])
def test_of_many_days_the_first_and_the_last_are_shown_and_few_between(
    days: int, toy_run: Run, tmp_path: Path
) -> None:
    long = copy_of(toy_run, tmp_path / "long")
    say_days(long, days)
    shown = days_shown(Day(long))
    assert (shown[0], shown[-1]) == (1, days)
    assert shown == sorted(set(shown))
    assert len(shown) <= 6


def test_every_kind_of_message_can_be_drawn() -> None:
    """Or is left out by name, as those of what has failed."""
    kinds = {kind.__name__: kind for kind in Message.__subclasses__()}
    assert {*KINDS, *OF_EVENTS} == set(kinds)
    for kind, (_, _, form) in KINDS.items():
        names = [name or "" for _, name, _, _ in Formatter().parse(form)]
        drawn = {re.sub("_min$", "_s", name) for name in names if name}
        assert drawn <= set(kinds[kind].content_fields())


def test_a_fleet_that_reports_trips_speaks_from_the_lane_of_the_drivers(toy_run: Run, tmp_path: Path) -> None:
    batch = copy_of(toy_run, tmp_path / "batch")
    file = batch.directory / "agents" / "messages.parquet"
    messages = pd.read_parquet(file)
    busiest = messages[messages.kind == "ChargeRequest"].period.mode().iloc[0]
    report = messages.index[messages.kind == "TripReported"][0]
    changed = {"kind": "TripsReported", "sender": "fleet", "content": '{"departed_s": [0, 60]}'}
    messages.loc[report, list(changed)] = list(changed.values())
    messages.loc[report, "sent_s"] = int((busiest - 1) * Day(batch).period_min * 60)
    messages.to_parquet(file)
    drawn = sequence(Day(batch))
    assert drawn is not None
    assert drawn.lanes[0][1] in {arrow.x_from for arrow in drawn.arrows if arrow.kind == "TripsReported"}


def test_what_a_message_says_is_drawn_with_it(toy_run: Run) -> None:
    drawn = sequence(Day(toy_run))
    assert drawn is not None
    details = {arrow.kind: arrow.detail for arrow in drawn.arrows}
    request = Day(toy_run).agents("messages").query("kind == 'ChargeRequest'")
    asked = [json.loads(content)["energy_kwh"] for content in request.content]
    assert any(f"{energy:.1f} kWh" in details["ChargeRequest"] for energy in asked)
