"""UUIDs as clients write them, by the database: a list of thousands makes no object for each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db.models import BooleanField, Func, TextField

_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


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


class Among(Func):
    """The condition that a UUID column is one of many: one parameter, of which Django looks at no part.

    ``id__in`` of a thousand costs 10 ms, most of it for putting each into its form by itself. What is no
    UUID is no row's, on any database.
    """

    output_field = BooleanField()

    def __init__(self, column: str, ids: Iterable[str | UUID]) -> None:
        super().__init__(column)
        self._ids = [text.lower() for text in map(str, ids) if _UUID.fullmatch(text)]

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Compare digits."""
        column, params = self._column(compiler)
        digits = json.dumps([one.replace("-", "") for one in self._ids])
        return f"{column} IN (SELECT value FROM json_each(%s))", (*params, digits)  # noqa: S608 - a column

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Compare UUIDs."""
        column, params = self._column(compiler)
        return f"{column} = ANY(%s::uuid[])", (*params, self._ids)

    def _column(self, compiler: Any) -> Any:
        if not self._ids:
            raise EmptyResultSet  # as of an empty list: nothing is asked
        return compiler.compile(self.source_expressions[0])
