"""How an extra spec of a flavor is compared with what a host says, in Nova's operators.

``=`` or ``>=`` is "at least", ``==``, ``!=``, ``<=`` and the like compare numbers, ``s==``, ``s!=``, ``s<``
and the like texts, ``<in>`` is "contains", ``<all-in>`` "contains each", ``<or>`` "is one of"; without an
operator it is equal.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

Compare = Callable[[Any, Any], bool]
NUMBERS: Mapping[str, Compare] = {
    "=": operator.ge,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
TEXTS: Mapping[str, Compare] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s>=": operator.ge,
    "s>": operator.gt,
    "s<=": operator.le,
    "s<": operator.lt,
}


def matches(value: str, wanted: str) -> bool:
    """Tell whether a value is what is wanted; one that is no number is not, where numbers are compared."""
    word, _, rest = wanted.strip().partition(" ")
    rest = rest.strip()
    if word in NUMBERS and rest:
        with suppress(ValueError):
            return NUMBERS[word](float(value), float(rest))
        return False
    if word in TEXTS and rest:
        return TEXTS[word](value, rest)
    if word == "<in>" and rest:
        return rest in value
    if word == "<all-in>" and rest:
        return all(part in value for part in rest.split())
    if word == "<or>":
        return value in [part.strip() for part in wanted.split("<or>") if part.strip()]
    return value == wanted
