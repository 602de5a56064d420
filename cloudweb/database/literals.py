"""Values that stand in the text of a statement: SQLite takes a partial index for nothing it cannot read there."""

from __future__ import annotations

from typing import Any

from django.db.models import Value


class Literal(Value):
    """A word of ours, such as a state; never what somebody said."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Return it quoted, and no parameter."""
        word = str(self.value)
        if not word.isidentifier():
            raise ValueError(f"{word!r} is no word")
        return f"'{word}'", []
