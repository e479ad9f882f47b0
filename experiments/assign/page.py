"""The page of an assignment: one file that opens offline."""

from collections.abc import Mapping

from cosim.arrays import Frame
from experiments.assign.figures import convergence_of_methods, network_by_saturation, path_shares
from experiments.assign.study import Assigned
from experiments.page import drawn, embedded_all, rendered


def page(assigned: Assigned, tables: Mapping[str, Frame]) -> str:
    """Return the page; the same tables give the same bytes."""
    figures = {"network": drawn(network_by_saturation, assigned.network, tables["links"])}
    if assigned.residuals.size:
        figures["convergence"] = drawn(
            convergence_of_methods, tables["convergence"], assigned.method, assigned.tolerance
        )
    if "paths" in tables:
        figures["paths"] = drawn(path_shares, tables["paths"])
    return rendered(
        "assignment.html.jinja", figures=embedded_all(figures), assigned=assigned, links=tables["links"]
    )
