"""Every checkable statement of Ma et al. (2024), by figure: the claim in TOML, its measure in Python."""

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.statement import Judgement, Statement, statements
from experiments.reproduce.statements import (
    balance,
    conclusions,
    convergence,
    limits,
    shifting,
    storage,
    traffic,
)

CHAPTERS: dict[str, tuple[Statement, ...]] = {
    name: statements(name, values)
    for name, values in {
        "traffic": traffic.VALUES,
        "convergence": convergence.VALUES,
        "balance": balance.VALUES,
        "shifting": shifting.VALUES,
        "storage": storage.VALUES,
        "limits": limits.VALUES,
        "conclusions": conclusions.VALUES,
    }.items()
}


def judge(case: Reproduction) -> dict[str, list[Judgement]]:
    """Return all judgements of *case*, chapter by chapter."""
    return {
        name: [judgement for statement in own for judgement in statement.judged(case)]
        for name, own in CHAPTERS.items()
    }
