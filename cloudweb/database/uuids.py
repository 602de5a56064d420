"""UUIDs as clients write them, by the database: a list of thousands makes no object for each."""

from __future__ import annotations

from typing import Any

from django.db.models import Func, TextField


class Dashed(Func):
    """A UUID column as text with dashes; SQLite keeps 32 digits, PostgreSQL a type of its own."""

    template = "CAST(%(expressions)s AS text)"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Put the dashes in."""
        column, params = compiler.compile(self.source_expressions[0])
        parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        sql = " || '-' || ".join(f"substr({column}, {start}, {size})" for start, size in parts)
        return f"({sql})", (*params,) * len(parts)
