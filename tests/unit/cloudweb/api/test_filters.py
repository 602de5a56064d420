"""Query keys as conditions: spellings, operators, several values, times."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models import Q
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from cloudweb.api import filters
from cloudweb.exceptions import BadRequest, InvalidInput

ID = "6f1d9a52-3a0e-4b0f-8f6e-0b1f0a7b6c11"
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("made", "values", "expected"),
    [
        (filters.equal("name"), ["a", "b"], Q(name__in=["a", "b"])),
        (filters.equal("name"), ["a\0"], Q(name__in=[])),
        (filters.equal("mac", fold=True), ["FA:16"], Q(mac__in=["fa:16"])),
        (filters.equal("kind", {"any": "-"}), ["any", "?"], Q(kind__in=["-", ""])),
        (filters.flag("shared"), ["True", "1", "yes", "ON"], Q(shared__in=[True] * 4)),
        (filters.flag("shared"), ["false", "0", "No", "off"], Q(shared__in=[False] * 4)),
        (filters.flag("shared"), ["None"], Q()),
        (filters.flag("shared"), ["none", "True"], Q()),
        (filters.number("mtu"), ["1400", "0"], Q(mtu__in=[1400, 0])),
        (filters.identifier("id"), ["a name"], Q(pk__in=())),
        (filters.chosen("name"), ["in:a,b"], Q(name__in=["a", "b"])),
        (filters.chosen("name"), ['in:"a,b",c'], Q(name__in=["a,b", "c"])),
        (filters.chosen("name"), ["a", "in:b"], Q(name__in=["a", "b"])),
        (filters.chosen("name"), ["neq:a"], Q() & ~Q(name="a")),
        (filters.chosen("name"), ["x:y"], Q(name__in=["x:y"])),
        (filters.time("at"), ["gt:2026-01-01"], Q(at__gt=JANUARY)),
        (filters.time("at"), ["gte:2026-01-01T00:00:00Z"], Q(at__gte=JANUARY)),
        (filters.time("at"), ["2026-01-01T01:00:00+01:00"], Q(at=JANUARY)),
        (filters.time("at"), ["neq:2026-01-01"], Q() & ~Q(at=JANUARY)),
        (filters.time("at"), ["lt:2026-01-01", "lte:2026-01-01"],
         Q(at__lt=JANUARY) & Q(at__lte=JANUARY)),
    ],
)  # fmt: skip
def test_conditions(made: filters.Filter, values: list[str], expected: Q) -> None:
    assert made(values) == expected


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (filters.flag("f"), "perhaps"),
        (filters.flag("f"), ""),
        (filters.number("f"), "-1"),
        (filters.number("f"), "1.0"),
        (filters.number("f"), "٣"),
        (filters.number("f"), "9" * 10),
        (filters.chosen("f"), 'in:"a'),
        (filters.time("f"), "gt:yesterday"),
        (filters.time("f"), ""),
        (filters.time("f"), "0001-01-01T00:00:00+23:59"),
        (filters.time("f"), "9999-12-31T23:59:59-10:00"),
    ],
)
def test_wrong_values_are_refused(made: filters.Filter, value: str) -> None:
    with pytest.raises((InvalidInput, BadRequest)):
        made([value])


def test_identifiers_of_any_case_and_form() -> None:
    found = filters.identifier("id")([ID.upper(), ID.replace("-", ""), "x"])
    assert [str(one) for one in dict(found.children)["id__in"]] == [ID, ID]  # type: ignore[arg-type]


def test_keys_are_anded_and_repeated_ones_ored() -> None:
    query = QueryDict("a=1&a=2&b=3&unknown=4&marker=5")
    known = {"a": filters.equal("a"), "b": filters.equal("b")}
    assert filters.narrowed(query, known) == Q(a__in=["1", "2"]) & Q(b__in=["3"])
    assert filters.narrowed(QueryDict(""), known) == Q()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], {"id": 1, "name": 2, "x": 3}),
        (["id"], {"id": 1}),
        (["id", "name"], {"id": 1, "name": 2}),
        (["id,name", ""], {"id": 1, "name": 2}),
        (["nothing"], {}),
    ],
)
def test_fields(fields: list[str], expected: dict[str, Any]) -> None:
    assert filters.with_fields({"id": 1, "name": 2, "x": 3}, fields) == expected


@given(st.lists(st.text(max_size=20), max_size=4))
def test_any_values_are_a_condition_or_a_bad_request(values: list[str]) -> None:
    for make in (filters.flag, filters.number, filters.chosen, filters.time, filters.identifier):
        with contextlib.suppress(BadRequest):  # InvalidInput is one
            assert isinstance(make("f")(values), Q)
