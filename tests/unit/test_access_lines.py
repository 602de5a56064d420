"""A line of an access table that could hold by itself is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders.access import CALLERS, EVERY_TOKEN, EVERYBODY, OPERATORS, Line, access_test


@pytest.mark.parametrize(
    "wrong",
    [
        {"passes": ()},
        {"passes": OPERATORS, "status": 404},
        {"passes": OPERATORS, "status": 200, "unfinished": "no need"},
        {"passes": OPERATORS, "status": 403, "unfinished": "the same as the refusal"},
        {"passes": OPERATORS, "others": {"other": 200}},
        {"passes": OPERATORS, "others": {"admin": 404}},
        {"passes": OPERATORS, "others": {"other": 403}},
        {"passes": OPERATORS, "others": {"anonymous": 404}},
        {"passes": {"somebody"}},
        {"passes": OPERATORS, "others": {"somebody": 404}},
    ],
    ids=" ".join,  # a set has no lasting order, and cases must be named the same everywhere
)
def test_lines_that_prove_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="GET /x"):
        Line("GET", "/x", **wrong)


def test_one_status_for_each_caller() -> None:
    line = Line("GET", "/x", passes=OPERATORS, others={"other": 404})
    found = {caller: line.expected(caller) for caller in CALLERS}
    assert found.pop("anonymous") == 401
    assert found.pop("other") == 404
    assert {who for who, status in found.items() if status == 200} == OPERATORS
    assert set(found.values()) == {200, 403}
    assert Line("GET", "/x", passes=EVERYBODY).expected("anonymous") == 200
    assert Line("GET", "/x", passes=EVERY_TOKEN).expected("anonymous") == 401


def test_lines_that_nobody_passes_here() -> None:
    line = Line("GET", "/x", passes={"domain_reader"})
    with pytest.raises(ValueError, match="GET /x"):
        access_test([line])
    assert access_test([line], callers=("domain_reader",)).lines == (line,)
