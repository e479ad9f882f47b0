"""Every checkable statement of Ma et al. (2024), by figure: the claim in TOML, its measure in Python."""

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.statement import Judgement, Statement, statements
from experiments.reproduce.statements import (
    balance,
    chain,
    conclusions,
    convergence,
    coupling,
    limits,
    shifting,
    storage,
    traffic,
)

CHAPTERS: dict[str, tuple[Statement, ...]] = {
    name: statements(name, measures)
    for name, measures in {
        "coupling": coupling.MEASURES,
        "chain": chain.MEASURES,
        "traffic": traffic.MEASURES,
        "convergence": convergence.MEASURES,
        "balance": balance.MEASURES,
        "shifting": shifting.MEASURES,
        "storage": storage.MEASURES,
        "limits": limits.MEASURES,
        "conclusions": conclusions.MEASURES,
    }.items()
}


def judge(case: Reproduction) -> dict[str, list[Judgement]]:
    """Return the judgements of *case* by chapter."""
    return {
        name: [judgement for statement in chapter for judgement in statement.judge(case)]
        for name, chapter in CHAPTERS.items()
    }
