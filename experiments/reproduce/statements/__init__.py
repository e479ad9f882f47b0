"""Every checkable statement of the paper, in the order of its figures."""

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.statement import Judgement, Statement
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
    module.__name__.rpartition(".")[2]: module.STATEMENTS
    for module in (traffic, convergence, balance, shifting, storage, limits, conclusions)
}


def judge(case: Reproduction) -> dict[str, list[Judgement]]:
    """Return all judgements of *case*, chapter by chapter."""
    return {
        name: [judgement for statement in statements for judgement in statement.judged(case)]
        for name, statements in CHAPTERS.items()
    }
