"""Every page of the project in a real Chromium: it draws, complains of nothing and asks for nothing outside.

A page is added to this test by a line in ``PAGES``: the command that writes it.
"""

import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cosim.results import Run
from experiments.figures.slider import FRAME_MS
from tests.computed_once import typed
from tests.experiments.changed_runs import with_second_day, with_second_feeder

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PAGES = {
    "assign": ("assign", "toy"),
    "compare": ("compare", "RUN"),
    "converge": ("converge", "toy", "--sizes", "50,100", "--replications", "2"),
    "dispatch": ("dispatch", "toy"),
    "mobility": ("mobility", "toy", "--evs", "500"),
    "reproduce": ("reproduce", "--out", "runs/reproduced"),
    "sweep": ("sweep", "toy", "--vary", "road.theta_per_min=0.1,0.2"),
}
"""The command that writes each page; RUN stands for a finished run of the toy scenario."""
EXPLORER = "explorer.html"
"""The page of a sweep that has sliders and no charts."""
FLAGGED = 3
DRAWN_MS = 60_000
"""What a machine that has other things to do may take to draw a page."""
STEP_MS = 100


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a running Chromium: that of the system, never a downloaded one."""
    if CHROMIUM is None:
        pytest.skip(
            "the pages were not opened: no Chromium here (apt-get install chromium, or name one in CHROMIUM)"
        )
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the pages were not opened: no playwright here"
    )
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM)
        yield running
        running.close()


@dataclass(frozen=True)
class Opened:
    """A page in the browser, all that it asked for, and all that it complained of."""

    page: Any
    requests: list[str]
    complaints: list[str]

    def state(self, chart: str, of: str) -> Any:
        """Return what plotly holds of a chart, such as ``layout.sliders[0].active``."""
        return self.page.evaluate(f"document.getElementById('{chart}').{of}")

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait until the page has *reached* a state: the page's own policy keeps playwright from doing that."""
        for _ in range(DRAWN_MS // STEP_MS):
            if reached():
                return
            self.page.wait_for_timeout(STEP_MS)
        pytest.fail(f"the page did not get there within {DRAWN_MS // 1000} s")


def opened(browser: Any, file: Path, width: int = 1400) -> Opened:
    """Open a page, wait until it is drawn; whatever it asks for beside itself is refused."""
    page = browser.new_page(viewport={"width": width, "height": 1000})
    page.set_default_timeout(DRAWN_MS)
    result = Opened(page, [], [])
    page.on("request", lambda request: result.requests.append(request.url))
    page.on("console", lambda message: result.complaints.append(message.text))
    page.on("pageerror", lambda error: result.complaints.append(str(error)))
    page.route(
        "**/*", lambda route: route.continue_() if route.request.url == file.as_uri() else route.abort()
    )
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-drawn=yes]")
    return result


@pytest.fixture(scope="module")
def report(browser: Any, toy_run: Run) -> Iterator[Opened]:
    """Return the report of the toy scenario, opened."""
    shown = opened(browser, toy_run.directory / "report.html")
    yield shown
    shown.page.close()


def check(shown: Opened, file: Path) -> None:
    """Assert that every chart is drawn, and that the page complained of nothing and stayed by itself."""
    assert shown.complaints == []
    assert shown.requests == [file.as_uri()]
    charts = shown.page.locator(".chart")
    assert charts.count() > 0
    for place in range(charts.count()):
        assert charts.nth(place).locator("svg.main-svg").count() > 0, charts.nth(place).get_attribute("id")


def test_report_draws_every_chart_and_stays_by_itself(report: Opened, toy_run: Run) -> None:
    check(report, toy_run.directory / "report.html")


@pytest.mark.parametrize("name", PAGES)
def test_page_draws_every_chart_and_stays_by_itself(
    name: str, browser: Any, toy_run: Run, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [str(toy_run.directory) if word == "RUN" else word for word in PAGES[name]]
    result = typed(shlex.join(words if "--out" in words else [*words, "--out", "out"]), store)
    assert result.exit_code in {0, FLAGGED}, result.printed
    (file,) = (page for page in tmp_path.rglob("*.html") if page.name != EXPLORER)
    shown = opened(browser, file)
    check(shown, file)
    shown.page.close()


@pytest.mark.parametrize("width", [800, 390])
def test_report_fits_a_narrow_window(width: int, browser: Any, toy_run: Run) -> None:
    shown = opened(browser, toy_run.directory / "report.html", width)
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    shown.page.close()


HIGHEST = "calcdata[0][0].y"
"""Of the chart of voltages: the highest in the first period."""
SLIDER = "layout.sliders[0].active"
MOVED = (
    SLIDER,
    "data.filter((trace) => trace.xaxis !== 'x2').map((trace) => trace.line?.color)",
    "data.filter((trace) => trace.xaxis === 'x2' && trace.marker?.color).map((trace) => trace.marker.color)",
)
"""What a move of the slider changes: its own place, colours of links, colours of buses."""


def slide_to_the_morning(report: Opened) -> None:
    chart = report.page.locator("#networks-1")
    chart.scroll_into_view_if_needed()
    rail = chart.locator(".slider-rail-touch-rect").bounding_box()
    report.page.mouse.click(rail["x"] + 0.1 * rail["width"], rail["y"] + rail["height"] / 2)
    report.wait_until(lambda: report.state("networks-1", SLIDER) <= 1)


def test_slider_moves_roads_and_feeder(report: Opened) -> None:
    chart = report.page.locator("#networks-1")
    chart.scroll_into_view_if_needed()
    before = [report.state("networks-1", of) for of in MOVED]
    picture = chart.screenshot()
    at_first = report.state("networks-1", SLIDER)
    slide_to_the_morning(report)
    assert report.state("networks-1", SLIDER) < at_first
    after = [report.state("networks-1", of) for of in MOVED]
    assert all(new != old for new, old in zip(after, before, strict=True))
    assert chart.screenshot() != picture


def test_play_runs_through_the_day_and_pause_stops_it(report: Opened) -> None:
    report.page.bring_to_front()  # a page behind another one is not animated
    play, pause = (report.page.locator("#networks-1 .updatemenu-button").nth(place) for place in (0, 1))
    slide_to_the_morning(report)
    start = report.state("networks-1", SLIDER)
    play.click()
    report.wait_until(lambda: report.state("networks-1", SLIDER) > start + 1)
    pause.click()
    stopped = report.state("networks-1", SLIDER)
    report.page.wait_for_timeout(2 * FRAME_MS)
    assert report.state("networks-1", SLIDER) == stopped


@pytest.mark.parametrize("chart", ["networks-1", "voltages-1", "saturation-1"])
def test_camera_button_saves_the_chart_as_svg(chart: str, report: Opened, tmp_path: Path) -> None:
    report.page.locator(f"#{chart}").hover()
    with report.page.expect_download() as download:
        report.page.locator(f"#{chart} .modebar-btn").first.click()
    assert download.value.suggested_filename == f"{chart}.svg"
    download.value.save_as(tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "http" not in text.replace("http://www.w3.org/", "")


def test_sequence_diagram_is_saved_as_svg(report: Opened, tmp_path: Path) -> None:
    with report.page.expect_download() as download:
        report.page.locator("button[data-saves=sequence]").click()
    download.value.save_as(tmp_path / "sequence.svg")
    text = (tmp_path / "sequence.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "ChargeRequest" in text


def test_choosing_a_day_draws_that_day(browser: Any, toy_run: Run, tmp_path: Path) -> None:
    two = with_second_day(toy_run, tmp_path / "two")
    shown = opened(browser, two.directory / "report.html")
    first = shown.state("voltages-1", HIGHEST)
    shown.page.locator("#day").select_option("2")
    shown.wait_until(lambda: bool(shown.page.evaluate("document.body.dataset.day === '2'")))
    assert shown.state("voltages-1", HIGHEST) == pytest.approx(first - 0.01, abs=1e-4)
    shown.page.locator("#day").select_option("1")
    shown.wait_until(lambda: bool(shown.page.evaluate("document.body.dataset.day === '1'")))
    assert shown.state("voltages-1", HIGHEST) == first
    check(shown, two.directory / "report.html")
    shown.page.close()


def test_choosing_a_feeder_hides_the_others(browser: Any, toy_run: Run, tmp_path: Path) -> None:
    twin = with_second_feeder(toy_run, tmp_path / "twin")
    shown = opened(browser, twin.directory / "report.html")
    both = [shown.page.locator(f"#voltages-{number}") for number in (1, 2)]
    assert [chart.is_visible() for chart in both] == [True, True]
    shown.page.locator("#feeder").select_option("second")
    assert [chart.is_visible() for chart in both] == [False, True]
    check(shown, twin.directory / "report.html")
    shown.page.close()


def test_sliders_of_the_explorer_show_another_setting_and_answer_to_keys(
    browser: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed(shlex.join([*PAGES["sweep"], "--out", "out"]), store)
    file = next(tmp_path.rglob(EXPLORER))
    shown = opened(browser, file)
    before = shown.page.locator("#figures").inner_text()
    shown.page.locator("#factor-0").focus()
    shown.page.keyboard.press("ArrowRight")
    assert shown.page.locator("#figures").inner_text() != before
    assert shown.page.locator("#which").inner_text() == "Setting 2 of 2."
    assert shown.complaints == []
    assert shown.requests == [file.as_uri()]
    shown.page.close()
