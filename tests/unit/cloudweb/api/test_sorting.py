"""Sorting by several keys, in every service's spelling."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from cloudweb.api.sorting import parse_sort
from cloudweb.dialect import Fewer
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.listing import SortKey

A, B = SortKey("a", False), SortKey("b", False)
DOWN = SortKey("a", True), SortKey("b", True)


@pytest.mark.parametrize(
    ("query", "fewer", "expected"),
    [
        ("", "refused", []),
        ("sort_key=a", "refused", [DOWN[0]]),
        ("sort_key=a&sort_dir=asc", "refused", [A]),
        ("sort_key=a&sort_key=b&sort_dir=asc&sort_dir=desc", "refused", [A, DOWN[1]]),
        ("sort_key=a&sort_key=b", "refused", [*DOWN]),
        ("sort_key=a&sort_key=b&sort_dir=asc", "default", [A, DOWN[1]]),
        ("sort_key=a&sort_dir=asc&sort_dir=asc", "default", [A]),
        ("sort_key=a&sort_key=b&sort_dir=asc", "repeated", [A, B]),
        ("sort=a:asc,b:desc", "repeated", [A, DOWN[1]]),
        ("sort=a, b:asc", "repeated", [DOWN[0], B]),
    ],
)
def test_spellings(query: str, fewer: Fewer, expected: list[SortKey]) -> None:
    assert parse_sort(QueryDict(query), descending=True, fewer=fewer) == expected


def test_a_direction_alone_turns_the_default() -> None:
    found = parse_sort(QueryDict("sort_dir=asc"), descending=True, fewer="default", default="a")
    assert found == [A]
    assert parse_sort(QueryDict(""), descending=True, fewer="default", default="a") == [DOWN[0]]


@pytest.mark.parametrize(
    ("query", "fewer"),
    [
        ("sort_key=a&sort_dir=up", "default"),
        ("sort_key=a&sort_dir=DESC", "default"),
        ("sort_key=a&sort_dir=asc&sort_dir=up", "default"),
        ("sort_key=a&sort_key=b&sort_dir=asc", "refused"),
        ("sort_dir=asc", "refused"),
        ("sort_key=a&sort_key=b&sort_key=c&sort_dir=asc&sort_dir=asc", "repeated"),
        ("sort=a:up", "repeated"),
        ("sort=a&sort_key=a", "repeated"),
    ],
)
def test_what_makes_no_sense(query: str, fewer: Any) -> None:
    with pytest.raises((BadRequest, InvalidInput)):
        parse_sort(QueryDict(query), descending=True, fewer=fewer)
