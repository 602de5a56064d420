"""One statement for many rows, each with values of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model

#: Rows of one statement: SQLite allows 32,766 values.
ROWS = 500


def update_each(
    model: type[Model], rows: Sequence[Mapping[str, Any]], *, key: str, only_if: str = ""
) -> set[Any]:
    """Write each row's values where ``key`` is the row's; return the keys of those that were changed.

    ``only_if`` is a condition in SQL that must hold too: ``old.seq < {seq}`` compares what is there with
    what is new. No two rows have the same key; all name the same fields.
    """
    changed: set[Any] = set()
    for start in range(0, len(rows), ROWS):
        changed |= _update(model, rows[start : start + ROWS], key, only_if)
    return changed


def _update(
    model: type[Model], rows: Sequence[Mapping[str, Any]], key: str, only_if: str
) -> set[Any]:
    names = [key, *(name for name in rows[0] if name != key)]
    fields: list[Field[Any, Any]] = [model._meta.get_field(name) for name in names]  # type: ignore[misc]
    columns = [connection.ops.quote_name(str(field.column)) for field in fields]
    # Both databases name the columns of a list of values so.
    given = {name: f"given.column{place}" for place, name in enumerate(names, 1)}
    sql = (
        f"UPDATE {connection.ops.quote_name(model._meta.db_table)} AS old SET "  # noqa: S608 - names of ours
        + ", ".join(f"{columns[at]} = {given[names[at]]}" for at in range(1, len(names)))
        + f" FROM (VALUES {_places(fields, len(rows))}) AS given"
        + f" WHERE old.{columns[0]} = given.column1"
        + (f" AND ({only_if.format_map(given)})" if only_if else "")
        + f" RETURNING {columns[0]}"
    )
    values = [
        field.get_db_prep_save(row[name], connection)
        for row in rows
        for name, field in zip(names, fields, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return {row[0] for row in cursor.fetchall()}


def _places(fields: Sequence[Field[Any, Any]], count: int) -> str:
    """Return the placeholders; PostgreSQL learns the types from the first row."""
    plain = f"({', '.join(['%s'] * len(fields))})"
    first = plain
    if connection.vendor == "postgresql":
        casts = [f"CAST(%s AS {field.cast_db_type(connection)})" for field in fields]
        first = f"({', '.join(casts)})"
    return ", ".join([first, *[plain] * (count - 1)])
