"""One thing done to many: who was refused and why, and when the rest is left alone."""

from __future__ import annotations

from django.db import OperationalError

from cloudweb.bulk import each
from cloudweb.exceptions import CloudwebError, Conflict, NotFound


def test_a_refusal_stops_nobody_else() -> None:
    tried = []

    def effect(number: int) -> None:
        tried.append(number)
        if number % 2:
            raise Conflict("Odd.") if number < 5 else NotFound()

    outcome = each(range(6), effect)
    assert tried == [0, 1, 2, 3, 4, 5]
    assert outcome.done == [0, 2, 4]
    say = outcome.by_reason(lambda error: error.message)
    assert say == {"Odd.": [1, 3], NotFound.default_message: [5]}


def test_a_database_that_went_away_is_not_asked_again() -> None:
    tried = []

    def effect(number: int) -> None:
        tried.append(number)
        if number == 1:
            raise OperationalError("secret")

    outcome = each(iter(range(4)), effect)
    assert (tried, outcome.done) == ([0, 1], [0])
    assert [number for number, _ in outcome.refused] == [1, 2, 3]
    errors: set[CloudwebError] = {error for _, error in outcome.refused}
    assert [(error.status, "secret" in error.message) for error in errors] == [(503, False)]
