"""Regular expressions that users may feed: they run in time that grows with the text alone.

The engine is RE2, on every database: it knows no back-references and no look-around, and refuses
what would need much memory. What is plain text, perhaps anchored, is left to the database.
"""

from __future__ import annotations

from typing import Any

import re2
from django.db.models import Q

import cloudweb.database.prefixes  # noqa: F401 - conditions ask by it
from cloudweb.exceptions import InvalidInput

MAX_LENGTH = 255
_MEMORY = 1 << 20
_SPECIAL = frozenset("^$.*+?()[]{}|\\")
_LOOKUPS = {
    (True, True): "exact",
    (True, False): "startswith",
    (False, True): "endswith",
    (False, False): "contains",
}


class Pattern:
    """A pattern that is searched for, anywhere unless it says otherwise."""

    def __init__(self, text: str, *, field: str) -> None:
        """Read a pattern; raise InvalidInput naming the field for what is none or too large."""
        self._plain = _plain(text)
        self._expression: Any = expression(text, field=field) if self._plain is None else None

    def condition(self, column: str, *, exact_case: bool = False) -> Q | None:
        """Return what a database may be asked; None where only ``matches`` can tell.

        With ``exact_case`` a start is looked up by the column's index, on SQLite too.
        """
        if self._plain is None:
            return None
        start, words, end = self._plain
        lookup = "prefixed" if exact_case and start and not end else _LOOKUPS[start, end]
        return Q(**{f"{column}__{lookup}": words})

    def matches(self, text: str) -> bool:
        """Tell whether the pattern is found in a text, for one that has no ``condition``."""
        return self._expression.search(text) is not None


def expression(text: str, *, field: str, longest: int = MAX_LENGTH) -> Any:
    """Return a compiled expression (search, match, fullmatch as in ``re``).

    Raises InvalidInput naming the field for what is none, too large, or beyond RE2.
    """
    if len(text) > longest:
        reason = f"A pattern has at most {longest} characters."
        raise InvalidInput(field=field, value=text, reason=reason)
    options = re2.Options()
    options.max_mem = _MEMORY
    options.never_capture = True
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        said = error.args[0]
        said = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        reason = f"It is no regular expression (RE2): {said}."
        raise InvalidInput(field=field, value=text, reason=reason) from error


def _plain(text: str) -> tuple[bool, str, bool] | None:
    """Return anchored at the start, text, anchored at the end; None for a real expression."""
    start = text.startswith("^")
    words: list[str] = []
    rest = iter(text.removeprefix("^"))
    for char in rest:
        if char == "\\":
            char = next(rest, "")
            if char not in _SPECIAL:  # ``\d``, or nothing at all
                return None
        elif char in _SPECIAL:
            return (start, "".join(words), True) if char == "$" and not next(rest, "") else None
        words.append(char)
    return start, "".join(words), False
