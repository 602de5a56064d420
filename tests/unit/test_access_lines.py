"""A line of an access table that could hold by itself is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders.access import (
    CALLERS,
    EVERY_TOKEN,
    EVERYBODY,
    OPERATORS,
    Line,
    access_test,
    assert_said,
    wrong_record,
)

NO_RECORD = "a call that changes nothing leaves no record"


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


def test_one_caller_who_gets_another_answer_fails_the_line_and_all_are_shown() -> None:
    line = Line("GET", "/x", passes=OPERATORS)
    right: dict[str, int | str] = {caller: line.expected(caller) for caller in CALLERS}
    assert_said(line, right)
    for wrong in (200, "403: a refusal is no success"):
        with pytest.raises(AssertionError, match=f"reader: {wrong}, not 403") as failed:
            assert_said(line, right | {"reader": wrong})
        assert "'system_admin': 200" in str(failed.value)


def test_a_record_for_each_change_and_for_nothing_else() -> None:
    write, read = Line("POST", "/x", OPERATORS, 201), Line("GET", "/x", OPERATORS)
    silent = Line("POST", "/x", OPERATORS, 201, no_record="changes nothing")
    begun = Line("POST", "/x", OPERATORS, 400, unfinished="half of it")
    kept, refused, nothing = {"success"}, {"failure"}, set[str]()
    cases = {
        "a change": (write, 201, kept, ""),
        "a change of which nothing is left": (write, 201, nothing, "a change leaves a record"),
        "a refusal": (write, 403, refused, ""),
        "a refusal that looks like a change": (write, 403, kept, "a refusal is no success"),
        "a stranger": (write, 401, nothing, ""),
        "a stranger who leaves a trace": (write, 401, refused, NO_RECORD),
        "a read": (read, 200, nothing, ""),
        "a read that leaves a record": (read, 200, refused, NO_RECORD),
        "a silent write": (silent, 201, nothing, ""),
        "a silent write that is not": (silent, 201, kept, NO_RECORD),
        "half a change": (begun, 400, refused, ""),
        "half a change that looks whole": (begun, 400, kept, "what is not finished is no success"),
    }
    found = {name: wrong_record(*case[:3]) for name, case in cases.items()}
    assert found == {name: case[3] for name, case in cases.items()}
