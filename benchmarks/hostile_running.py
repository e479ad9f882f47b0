"""Attempts to run code."""

import json

from attempts import RUN, SWEEP, VALIDATE, Attempt, a_run, all_of, replaced, written

TRAP = "open('sprung', 'w').close()\nclass Choice:\n    def weights(self, a): return a.cost_min * 0 + 1\n"


def _by_choice() -> list[Attempt]:
    """Return those that name a choice model."""
    choice = all_of(
        written("trap.py", TRAP), replaced("[population]", '[population]\nchoice = "trap:Choice"')
    )
    commands = (
        VALIDATE,
        RUN,
        SWEEP,
        "assign toy.toml",
        "dispatch toy.toml",
        "mobility toy.toml",
        "converge toy.toml --sizes 10,20 --replications 2",
    )
    return [
        *(Attempt(f"a choice model: {command.split()[0]}", choice, command) for command in commands),
        Attempt(
            "a choice model in a run",
            a_run(
                lambda: (
                    written("trap.py", TRAP)(),
                    replaced("[population]", '[population]\nchoice = "trap:Choice"', "run/scenario.toml")(),
                )
            ),
            "why run 1",
        ),
    ]


def _by_a_net() -> list[Attempt]:
    """Return those in a net of pandapower."""
    network = all_of(
        replaced('buses = "toy/buses.csv"', 'network = "net.json"'),
        replaced('branches = "toy/branches.csv"', ""),
    )
    trap = '{"_module":"trap","_class":"T","_object":"{}"}'
    nets = {
        "an object": trap,
        "a table with an object": json.dumps(
            {
                "_module": "pandas.core.frame",
                "_class": "DataFrame",
                "_object": '{"columns":["a"],"index":[0],"data":[[' + trap + "]]}",
                "orient": "split",
            }
        ),
        "a table that Python's JSON does not read": json.dumps(
            {
                "_module": "pandas.core.frame",
                "_class": "DataFrame",
                "_object": '{"columns":["a"],"index":[0],"data":[[{"_module":"trap","_class":"T","x":"\t"}]]}',
                "orient": "split",
            }
        ),
        "lines": json.dumps(
            {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": "1\n" + trap, "lines": True}
        ),
        "a function": '{"_module":"builtins","_class":"function","_object":"eval"}',
        "a pickle": '{"_module":"pandas","_class":"read_pickle","_object":"trap.p"}',
        "a controller": '{"_module":"pandapower.control","_class":"Controller","_object":"{\\"x\\":'
        + trap.replace('"', '\\"')
        + '}"}',
    }
    return [
        *(
            Attempt(
                f"a net: {name}",
                all_of(
                    network,
                    written("trap.py", TRAP),
                    written(
                        "net.json",
                        f'{{"_module":"pandapower.auxiliary","_class":"pandapowerNet","_object":{{"user":{net}}}}}',
                    ),
                ),
            )
            for name, net in nets.items()
        ),
    ]


def _by_a_file() -> list[Attempt]:
    """Return those in other files."""
    return [
        Attempt(
            "a MATPOWER file with a call",
            all_of(
                replaced('buses = "toy/buses.csv"', 'network = "case.m"'),
                replaced('branches = "toy/branches.csv"', ""),
                written(
                    "case.m",
                    "function mpc = case\nsystem('touch sprung');\nmpc.baseMVA = eval('1');\nmpc.version='2';\n",
                ),
            ),
        ),
        Attempt(
            "a pickle as a network",
            all_of(
                replaced('buses = "toy/buses.csv"', 'network = "net.p"'),
                replaced('branches = "toy/branches.csv"', ""),
                written("net.p", b"cos\nsystem\n(S'touch sprung'\ntR."),
            ),
        ),
        Attempt(
            "modules beside the scenario",
            all_of(
                *(written(f"{name}.py", TRAP) for name in ("numpy", "simbench", "mosek", "pandas", "cosim"))
            ),
            RUN,
        ),
    ]


def running() -> list[Attempt]:
    """Return attempts to run code."""
    return [*_by_choice(), *_by_a_net(), *_by_a_file()]
