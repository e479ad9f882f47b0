"""Attempts to read what lies outside the folder."""

# ruff: noqa: E501  (an attempt is a line)

from attempts import LOAD, RUN, Attempt, a_pipe, a_run, all_of, linked, replaced, written


def _by_name() -> list[Attempt]:
    """Return those that name a file in a field."""
    fields = {
        "an absolute path": "../home/secret.csv",
        "dots": "toy/../../home/secret.csv",
        "a device": "/dev/zero",
        "a terminal": "/dev/tty",
        "the environment": "/proc/self/environ",
        "memory": "/proc/self/mem",
        "an address": "https://example.org/data.csv",
        "a shell": "$(cat ../home/secret.csv)",
        "a home": "~/secret.csv",
        "a wildcard": "../home/*",
        "a NUL": "a\\u0000b",
    }
    return [
        *(
            Attempt(f"station_load: {name}", replaced("seed = 1", LOAD.format(path)), RUN)
            for name, path in fields.items()
        ),
    ]


def _by_link() -> list[Attempt]:
    """Return those that put a link or a pipe in place of a file."""
    return [
        Attempt("a link in place of a file", linked("toy/od.csv", "../../home/secret.csv"), RUN),
        Attempt("a link in place of a folder", linked("toy", "../home"), RUN),
        Attempt(
            "a link to a link", all_of(linked("l", "../home"), linked("toy/od.csv", "../l/secret.csv")), RUN
        ),
        Attempt("a link to the environment", linked("toy/od.csv", "/proc/self/environ"), RUN),
        Attempt("a pipe", a_pipe("toy/od.csv")),
        Attempt("the scenario is a link", linked("toy.toml", "../home/secret.csv")),
    ]


def _by_extending() -> list[Attempt]:
    """Return those that name a file in other places of the scenario."""
    return [
        Attempt("extends outside", written("toy.toml", 'extends = "../home/other.toml"\n'), RUN),
        Attempt(
            "extends a chain",
            all_of(written("b.toml", 'extends = "toy.toml"\n'), written("toy.toml", 'extends = "b.toml"\n')),
        ),
        Attempt("extends a device", written("toy.toml", 'extends = "/dev/zero"\n')),
        Attempt("a feeder outside", replaced('buses = "toy/buses.csv"', 'buses = "../home/secret.csv"'), RUN),
        Attempt(
            "a network outside",
            all_of(
                replaced('buses = "toy/buses.csv"', 'network = "../home/net.json"'),
                replaced('branches = "toy/branches.csv"', ""),
            ),
            RUN,
        ),
        Attempt(
            "devices that name files",
            written(
                "d.toml",
                '[[feeders]]\nname = "x"\nbuses = "../home/secret.csv"\nbranches = "../home/secret.csv"\nbase_kv = 10.0\n',
            ),
            "dispatch case33bw --devices d.toml",
        ),
    ]


def _by_command() -> list[Attempt]:
    """Return those of the other commands."""
    return [
        Attempt(
            "a sweep over files",
            replaced(
                "seed = 1", "sweep.vary = [\"station_load='../home/secret.csv','/etc/passwd'\"]\nseed = 1"
            ),
            "sweep toy.toml --out out",
        ),
        Attempt(
            "roads for assign",
            replaced('demand = "toy/od.csv"', 'demand = "../home/secret.csv"'),
            "assign toy.toml --out out",
        ),
        Attempt(
            "mobility",
            replaced(
                'transitions = "mobility/activity_transitions.csv"', 'transitions = "../home/secret.csv"'
            ),
            "mobility toy.toml",
        ),
        Attempt(
            "a run with a linked table",
            a_run(linked("run/agents/links.parquet", "../../../home/links.parquet")),
            "compare run --out out",
        ),
    ]


def _bya_run() -> list[Attempt]:
    """Return those of a directory that looks like a run."""
    return [
        Attempt(
            "a run with a linked manifest",
            a_run(linked("run/manifest.json", "../../home/secret.csv")),
            "compare run",
        ),
        Attempt("a run with a linked folder", a_run(linked("run/agents", "../../home")), "compare run"),
        Attempt(
            "a run that names files",
            a_run(replaced("seed = 1", LOAD.format("../../home/secret.csv"), "run/scenario.toml")),
            "why run 1",
        ),
    ]


def reading() -> list[Attempt]:
    """Return attempts to read what lies outside."""
    return [*_by_name(), *_by_link(), *_by_extending(), *_by_command(), *_bya_run()]
