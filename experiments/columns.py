"""The command ``cosim columns``: the dictionary of columns."""

from typing import Annotated

import typer

from cosim.errors import ConfigError
from experiments.options import AsJson
from experiments.say import hanging


def columns_command(
    table: Annotated[
        str | None, typer.Argument(help="A table of cosim run, or of another command: assign/links.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a page: docs/tables.md.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the meaning and the unit of every column of a table; without TABLE, of all tables."""
    from cosim.tables import TABLES, tables_page
    from experiments.study import CommandResult, emit

    if table is not None and table not in TABLES:
        raise ConfigError(table, [f"there is no such table; there are: {', '.join(TABLES)}"])
    selected = TABLES if table is None else {table: TABLES[table]}
    facts = {
        name: [{"column": c.name, "type": c.kind, "meaning": c.meaning} for c in columns]
        for name, columns in selected.items()
    }
    lines = []
    for name, columns in selected.items():
        width = max(len(column.name) for column in columns) + 4
        lines += [name] if table is None else []
        lines += [hanging(f"  {column.name:{width - 2}}{column.meaning}", width) for column in columns]
    lines = [tables_page(selected).rstrip()] if markdown else lines
    emit(CommandResult(command="columns", facts=facts, lines=lines), as_json=as_json)
