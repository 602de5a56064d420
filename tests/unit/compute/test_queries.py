"""What a query may say; what it finds is in tests/integration/compute/test_scheduler.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudweb.exceptions import InvalidInput
from compute.scheduler import parse_query
from compute.scheduler.queries import FALSE, TRUE, condition_of


def test_lists_become_tuples() -> None:
    said = ["and", [">=", "$free_ram_mb", 1024], ["not", ["in", "$host", "a", "b"]]]
    assert parse_query(json.dumps(said)) == (
        "and",
        (">=", "$free_ram_mb", 1024),
        ("not", ("in", "$host", "a", "b")),
    )
    assert condition_of(("<", 1, 2)) == TRUE
    assert condition_of(("=", "a", "b")) == FALSE


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "no JSON in a string"),
        ("{", "unexpected end"),
        ("1", "it is no list"),
        ('["x"]', "no operator x; there are =, <"),
        ("[]", "begins with an operator"),
        ('["=", "$host"]', "= compares two terms"),
        ('["=", "$host", 1]', "not of a kind"),
        ('["=", 1, "a"]', "not of a kind"),
        ('["=", ["a"], 1]', "compares words and numbers"),
        ('["=", "$host", ["a"]]', "lists are not compared"),
        ('["=", "$password", "a"]', r"nothing of a host is called \$password; there are \$free_ram_mb"),
        ('["and", 1]', "and joins lists"),
        ('["not"]', "not joins lists"),
        ('["=", 1, true]', "a list, a word or a number"),
        (json.dumps(["=", "$host", "\0"]), "a list, a word or a number"),
        ('["=", 1, 1e300]', "a list, a word or a number"),
        (json.dumps(["in", *range(99)]), "at most 64 terms"),
        ("[" * 20 + "]" * 20, "at most 64 terms, 8 deep"),
        ("[" * 4000, "."),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(said: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_query(said)
