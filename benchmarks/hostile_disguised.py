"""Names that mislead, write elsewhere, or become code for a page, a table or a terminal."""

from pathlib import Path

from attempts import RUN, SWEEP, Attempt, a_run, all_of, replaced

HTML = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
RENAMED = {
    "the scenario": 'name = "toy"',
    "a station": 'name = "S"',
    "a store": 'name = "storage"',
}
WORDS = 'description = "Two paths, one station and a feeder of four buses"'


def _names() -> list[Attempt]:
    """Return names that mislead."""
    named = {
        "a path": "../../home/evil",
        "an absolute path": "/var/tmp/evil",  # noqa: S108
        "an option": "--out=x",
        "an end of line": "a\\nb",
        "a turn of the text": "a\\u202egnp",
        "an escape of the terminal": "\\u001b[2J\\u001b]0;evil\\u0007",
        "an escape of one byte": "\\u009b31mred",
    }
    return [
        *(
            Attempt(f"{what} is called {kind}", replaced(old, f'name = "{name}"'), RUN)
            for what, old in RENAMED.items()
            for kind, name in named.items()
        ),
    ]


def _texts_of_a_page() -> list[Attempt]:
    """Return texts that become elements of a page."""
    return [
        *(
            Attempt(f"{what} is HTML", replaced(old, f"name = '{HTML.replace('/', '')}'"), RUN)
            for what, old in RENAMED.items()
        ),
        Attempt("the description is HTML", replaced(WORDS, f"description = '{HTML}'"), RUN),
        Attempt(
            "what to look at is HTML", replaced('what_to_look_at = """', f'what_to_look_at = """{HTML}'), RUN
        ),
        Attempt(
            "what to look at is HTML, in a sweep",
            all_of(
                replaced('what_to_look_at = """', f'what_to_look_at = """{HTML}'),
                replaced("seed = 1", 'sweep.vary = ["road.theta_per_min=0.4,0.5"]\nseed = 1'),
            ),
            "sweep toy.toml --out out",
        ),
    ]


def _parts_of_a_page() -> list[Attempt]:
    """Return links, nodes and buses that become elements of a page."""
    return [
        Attempt("a link is HTML", all_of(replaced("\n1,", f"\n{HTML},", "toy/links.csv")), RUN),
        Attempt(
            "a link is HTML, in assign",
            all_of(replaced("\n1,", f"\n{HTML},", "toy/links.csv")),
            "assign toy.toml --out out",
        ),
        Attempt(
            "a node is HTML",
            all_of(
                *(replaced(old, old.replace("3", HTML), file) for file, old in (("toy/nodes.csv", "\n3,"),)),
                lambda: Path("toy/links.csv").write_text(
                    Path("toy/links.csv").read_text().replace(",3,", f",{HTML},")
                ),
            ),
            RUN,
        ),
        Attempt(
            "a bus is HTML",
            lambda: [
                Path(f"toy/{name}.csv").write_text(
                    Path(f"toy/{name}.csv")
                    .read_text()
                    .replace("\n2,", f"\n{HTML},")
                    .replace(",2,", f",{HTML},")
                )
                for name in ("buses", "branches")
            ],
            RUN,
        ),
    ]


def _formulas_and_escapes() -> list[Attempt]:
    """Return texts that a spreadsheet computes, or a terminal obeys."""
    return [
        Attempt(
            "a link is a formula",
            replaced("\n1,", "\n=cmd|' /C calc'!A0,", "toy/links.csv"),
            "assign toy.toml --out out",
        ),
        Attempt("a station is a formula", replaced('name = "S"', "name = \"=cmd|' \\C calc'!A0\""), SWEEP),
        Attempt(
            "the words obey the terminal",
            replaced(WORDS, 'description = "\\u001b[2Jgone\\u009b31m"'),
            "scenarios toy.toml",
        ),
        Attempt("a column obeys the terminal", replaced("period", "\x1b[2J", "toy/profiles.csv")),
        Attempt(
            "a manifest obeys the terminal",
            a_run(replaced('"name": "toy"', '"name": "\\u001b[2J"', "run/manifest.json")),
            "compare run run",
        ),
    ]


def disguised() -> list[Attempt]:
    """Return names and texts in disguise."""
    return [*_names(), *_texts_of_a_page(), *_parts_of_a_page(), *_formulas_and_escapes()]
