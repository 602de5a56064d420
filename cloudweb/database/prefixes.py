"""Asking for the start of a text by its index, exact in case, on both databases: ``ip_address__prefixed="10.0."``."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField
from django.db.models.lookups import StartsWith


@CharField.register_lookup
class Prefixed(StartsWith):
    """The text begins so. SQLite's LIKE ignores case and thereby the index; a range of texts uses it."""

    lookup_name = "prefixed"

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        """Ask other databases as Django does; their indexes know LIKE."""
        return str(connection.operators["startswith"] % rhs)

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        """Ask for what is not before the words and before all that follows them."""
        column, params = self.process_lhs(compiler, connection)
        words = str(self.rhs)
        if not words:
            return f"{column} IS NOT NULL", params
        after = words[:-1] + chr(ord(words[-1]) + 1)
        return f"({column} >= %s AND {column} < %s)", (*params, words, *params, after)
