"""Measurements as a table on a terminal; elsewhere the same rows as JSON lines."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

Column = tuple[str, str]  # heading, dotted path into the row


def show(rows: Iterable[dict[str, Any]], columns: Sequence[Column], title: str) -> None:
    """Print each row as a JSON line at once, or on a terminal all rows as a table at the end."""
    if not sys.stdout.isatty():
        for row in rows:
            print(json.dumps(row), flush=True)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for number, (heading, _) in enumerate(columns):
        table.add_column(heading, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        if "error" in row:
            table.add_row(*(_text(row, path) for _, path in columns[:1]), f"[red]{row['error']}[/red]")
        else:
            table.add_row(*(_text(row, path) for _, path in columns))
    Console().print(table)


def _text(row: dict[str, Any], path: str) -> str:
    value: Any = row
    for key in path.split("."):
        value = value.get(key, "") if isinstance(value, dict) else ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
