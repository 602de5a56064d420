"""A transaction that keeps nobody waiting before its own first write, and is one from then on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from cloudweb.database.late import late_transaction
from operations.models import EpochCounter
from tests.infrastructure import PATIENCE

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Oops(Exception):
    """What goes wrong inside."""


def add(number: int) -> None:
    EpochCounter.objects.create(id=number, value=number)


def there() -> list[int]:
    return list(
        EpochCounter.objects.filter(id__gte=100).order_by("id").values_list("id", flat=True)
    )


def elsewhere(number: int) -> None:
    """Write on another connection; it gets its turn or the test fails."""

    def write() -> None:
        try:
            add(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(write).result(PATIENCE)


def test_others_write_until_it_does() -> None:
    with late_transaction():
        elsewhere(100)
        assert there() == [100]
        add(101)
    assert there() == [100, 101]


@pytest.mark.parametrize("inner", [False, True])
def test_all_of_it_is_taken_back_together(inner: bool) -> None:
    told: list[str] = []

    def work() -> None:
        with late_transaction():
            transaction.on_commit(lambda: told.append("committed"))
            add(100)
            if inner:
                with transaction.atomic():
                    add(101)
            raise Oops

    with pytest.raises(Oops):
        work()
    assert (there(), told) == ([], [])


def test_an_inner_one_that_fails_takes_back_its_own_alone() -> None:
    told: list[str] = []

    def fail() -> None:
        with transaction.atomic():
            add(100)
            raise Oops

    with late_transaction():
        with pytest.raises(Oops):
            fail()
        with transaction.atomic():
            transaction.on_commit(lambda: told.append("committed"))
            add(101)
        assert told == []
    assert (there(), told) == ([101], ["committed"])


def test_it_leaves_nothing_behind() -> None:
    with late_transaction():
        there()
    with pytest.raises(Oops), late_transaction():
        raise Oops
    with transaction.atomic():
        assert getattr(connection, "queue_held", True)  # this one begins at once, as all others
        add(100)
    elsewhere(101)
    assert there() == [100, 101]
