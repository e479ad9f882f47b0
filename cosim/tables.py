"""The dictionary of columns (``tables.toml``): type, meaning and unit of every column of the result tables."""

from collections.abc import Mapping

from cosim.columns import Column
from cosim.files import packaged_text, parsed_toml

OUTLASTING = (
    *("links", "paths", "evs", "stations", "prices", "dispatch", "buses", "branches", "devices"),
    *("trips", "sessions", "ev_days"),
)
"""Tables of the agents' days: what outlasts the last day is in a table of its own, so that sums are those of days."""
AFTER_MIDNIGHT = "_after_midnight"
"""End of its name: ``dispatch_after_midnight``."""


def _read_tables() -> dict[str, tuple[Column, ...]]:
    dictionary = parsed_toml(packaged_text("cosim", "tables.toml"))
    tables = {
        table: tuple(Column.of_type(name, *kind_and_meaning) for name, kind_and_meaning in columns.items())
        for table, columns in dictionary.items()
    }
    return tables | {f"{table}{AFTER_MIDNIGHT}": tables[table] for table in OUTLASTING}


TABLES = _read_tables()
"""Columns of each table in their order; tables of commands other than run and dispatch are named command/table."""

COLUMN_NAMES = {table: frozenset(column.name for column in columns) for table, columns in TABLES.items()}

_OTHER_SORT_COLUMNS: dict[str, tuple[str, ...]] = {
    "trips": ("day", "ev", "trip"),
    "ev_days": ("day", "ev"),
    "sessions": ("day", "start_s", "station", "arrival_s", "ev"),
    "convergence": ("day", "period", "iteration"),
    "coupling": ("day", "start", "iteration"),
    "real_time_values": ("replication",),
    "real_time": ("day", "feeder", "without", "plan", "period"),
    "messages": ("sent_s",),
    "mail": ("day", "kind", "sender"),
    "learning": ("day",),
    "learning_check": ("links",),
    "learning_check_days": ("links", "day"),
    "events": ("day", "event"),
    "bands": ("kind", "quantity", "day", "period"),
    "differences": ("pair", "kind", "quantity", "day", "period"),
    "g_tests": ("pair", "day", "period"),
    "day_tests": ("pair", "family", "kind"),
    "convergence_in_n": ("evs", "replication"),
    **dict.fromkeys(("measures", "totals", "route_switchers", "causes", "settings", "verdicts"), ("pair",)),
}
SORT_COLUMNS = {
    table: _OTHER_SORT_COLUMNS.get(table.removesuffix(AFTER_MIDNIGHT), ("day", "period")) for table in TABLES
}
"""Columns by which the rows of each table are sorted; rows that are equal in them keep the order of writing."""


def tables_page(tables: Mapping[str, tuple[Column, ...]] = TABLES) -> str:
    """Return *tables* as Markdown (docs/tables.md), with the type and the meaning of each column."""
    parts = []
    for table, columns in tables.items():
        if table.endswith(AFTER_MIDNIGHT):
            continue
        rows = [f"| `{c.name}` | {c.kind} | {c.meaning.replace('|', chr(92) + '|')} |" for c in columns]
        parts.append("\n".join([f"## `{table}`\n", "| column | type | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"
