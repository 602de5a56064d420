"""What a tenant asks of hosts in a query, as Nova's JsonFilter hears it: ``["and", [">=", "$free_ram_mb", 1024], …]``.

It becomes a condition of the one statement that places servers. Every word is checked when it is said.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import orjson
from django.db.models import CharField, F, Field, FloatField, Q, Value
from django.db.models.expressions import Combinable, ExpressionWrapper
from django.db.models.functions import Cast
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    LessThan,
    LessThanOrEqual,
)

from cloudweb.exceptions import InvalidInput

#: A query holds at most so many terms, so deep.
MOST_TERMS, DEEPEST = 64, 8
_DISK = F("disk") - F("disk_used")
#: What of a host can be named, by Nova's names.
NUMBERS: Mapping[str, Combinable] = {
    "free_ram_mb": F("ram") - F("ram_used"),
    "total_usable_ram_mb": F("ram"),
    "free_disk_mb": _DISK * 1024,
    "total_usable_disk_gb": F("disk"),
    "disk_mb_used": F("disk_used") * 1024,
    "vcpus_total": F("vcpus"),
    "vcpus_used": F("vcpus_used") + F("pinned"),
    "num_instances": F("running_guests"),
    "hypervisor_version": F("hypervisor_version"),
}
WORDS: Mapping[str, Combinable] = {
    "host": F("name"),
    "hypervisor_hostname": F("name"),
    "nodename": F("name"),
    "hypervisor_type": F("hypervisor_type"),
}
_COMPARED: Mapping[str, tuple[type[Any], Callable[[Any, Any], bool]]] = {
    "=": (Exact, operator.eq),
    "<": (LessThan, operator.lt),
    ">": (GreaterThan, operator.gt),
    "<=": (LessThanOrEqual, operator.le),
    ">=": (GreaterThanOrEqual, operator.ge),
    "in": (Exact, operator.eq),
}
_JOINED = ("and", "or", "not")
#: Conditions that are always true, and never.
TRUE, FALSE = Q(number__gt=0), Q(number__lt=0)


class Meaningless(ValueError):
    """No query; the text says why."""


Term = str | int | float | tuple[Any, ...]


def parse_query(text: object) -> tuple[Any, ...]:
    """Return a query as tuples; raise InvalidInput for what is none."""
    try:
        found = _read(text)
        condition_of(found)
    except ValueError as error:  # of JSON's, too
        raise InvalidInput(field="query", value=str(text)[:80], reason=f"{error}.") from error
    return found


def _read(text: object) -> tuple[Any, ...]:
    if not isinstance(text, str):
        raise Meaningless("it is no JSON in a string")
    found = _frozen(orjson.loads(text), 0, [0])
    if not isinstance(found, tuple):
        raise Meaningless("it is no list")
    return found


def _frozen(said: Any, depth: int, count: list[int]) -> Term:
    count[0] += 1
    if count[0] > MOST_TERMS or depth > DEEPEST:
        raise Meaningless(f"at most {MOST_TERMS} terms, {DEEPEST} deep")
    if isinstance(said, list):
        return tuple(_frozen(one, depth + 1, count) for one in said)
    if (isinstance(said, str) and "\0" not in said) or (
        isinstance(said, int | float) and not isinstance(said, bool) and abs(said) < 2**53
    ):
        return said
    raise Meaningless("a term is a list, a word or a number")


def condition_of(query: Sequence[Any]) -> Q:
    """Return the condition of the hosts for which a query holds; raise Meaningless."""
    if not query or not isinstance(query[0], str):
        raise Meaningless("a list begins with an operator")
    name, terms = query[0], query[1:]
    if name in _COMPARED:
        if len(terms) < 2:
            raise Meaningless(f"{name} compares two terms")
        found = [_compared(name, terms[0], one) for one in terms[1:]]
        return reduce(operator.or_ if name == "in" else operator.and_, found)
    if name not in _JOINED:
        known = ", ".join([*_COMPARED, *_JOINED])
        raise Meaningless(f"there is no operator {name[:20]}; there are {known}")
    if not terms or not all(isinstance(one, tuple) for one in terms):
        raise Meaningless(f"{name} joins lists")
    if name == "not":
        return ~reduce(operator.or_, map(condition_of, terms))
    return reduce(operator.and_ if name == "and" else operator.or_, map(condition_of, terms))


def _compared(name: str, left: Term, right: Term) -> Q:
    lookup, compare = _COMPARED[name]
    if _is_named(left) or _is_named(right):
        one, other = _operand(left), _operand(right)
        if one[1] != other[1]:
            raise Meaningless(f"{left!s:.40} and {right!s:.40} are not of a kind")
        return Q(lookup(one[0], other[0]))
    if isinstance(left, tuple) or isinstance(right, tuple):
        raise Meaningless(f"{name} compares words and numbers")
    if isinstance(left, str) != isinstance(right, str):
        raise Meaningless(f"{left!s:.40} and {right!s:.40} are not of a kind")
    return TRUE if compare(left, right) else FALSE


def _is_named(term: Term) -> bool:
    return isinstance(term, str) and term.startswith("$")


def _operand(term: Term) -> tuple[Any, bool]:
    """Return a term as SQL has it, and whether it is a number."""
    if isinstance(term, tuple):
        raise Meaningless("lists are not compared")
    if not isinstance(term, str):
        return Value(float(term), output_field=FloatField()), True
    if not term.startswith("$"):
        return Value(term, output_field=CharField()), False
    name = term.removeprefix("$")
    if name in NUMBERS:
        return Cast(NUMBERS[name], FloatField()), True
    if name in WORDS:
        form: Field[Any, Any] = CharField()
        return ExpressionWrapper(WORDS[name], output_field=form), False
    known = ", ".join(f"${one}" for one in [*NUMBERS, *WORDS])
    raise Meaningless(f"nothing of a host is called {term[:40]}; there are {known}")
