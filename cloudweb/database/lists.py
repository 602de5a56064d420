"""Asking for an element of a JSON list on both databases: ``tags__lists="web"``."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import JSONField, Lookup


@JSONField.register_lookup
class Lists(Lookup):
    """The list in the column has this text; false for anything but a list."""

    lookup_name = "lists"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: Any) -> Any:
        """Keep the text as it is: it is no JSON of a client's."""
        return "%s", [value]

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        """Look through the elements."""
        column, params = self.process_lhs(compiler, connection)
        sql = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE json_each.value = %s)"  # noqa: S608
        return sql, (*params, self.rhs)

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Let PostgreSQL compare documents."""
        column, params = self.process_lhs(compiler, connection)
        return f"{column} @> %s::jsonb", (*params, json.dumps([self.rhs]))
