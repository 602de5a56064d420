"""Keyset paging: every row once, in order, at the same cost anywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from cloudweb.listing import paginate
from identity.models import Project
from tests.builders.identity import make_project

pytestmark = pytest.mark.both_databases

ORDERS = [
    ("-created_at", "-id"),
    ("created_at", "id"),
    ("name", "id"),
    ("-description", "name", "-id"),
]


@pytest.fixture
def rows() -> None:
    """Projects of which several were made at the same moment and share a description."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(11):
        project = make_project(description=f"group {number % 3}")
        moment = start + timedelta(seconds=number // 4)
        Project.objects.filter(pk=project.pk).update(created_at=moment)


@pytest.mark.django_db
@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", [1, 3, 11, 50])
def test_pages_together_are_the_list(order: tuple[str, ...], limit: int) -> None:
    """Whatever the order and size."""
    expected = list(Project.objects.order_by(*order))
    seen: list[Project] = []
    marker = None
    while True:
        page = paginate(Project.objects.all(), limit=limit, marker=marker, order=order)
        assert len(page.rows) <= limit
        seen += page.rows
        assert page.more == (len(seen) < len(expected))
        if not page.more:
            break
        marker = seen[-1]
    assert seen == expected
    assert paginate(Project.objects.all(), limit=limit, marker=seen[-1], order=order).rows == []


@pytest.mark.django_db
@pytest.mark.usefixtures("rows")
def test_rows_that_come_and_go_shift_nothing() -> None:
    """A row deleted before the marker, one made after it: no row twice, none left out."""
    order = ("created_at", "id")
    first = paginate(Project.objects.all(), limit=4, order=order)
    first.rows[0].delete()
    late = make_project()
    rest = paginate(Project.objects.all(), limit=50, marker=first.rows[-1], order=order)
    assert len(rest.rows) == 8
    assert not set(first.rows[1:]) & set(rest.rows)
    assert rest.rows[-1] == late


@pytest.mark.django_db
@pytest.mark.usefixtures("rows")
def test_a_page_is_one_statement(django_assert_num_queries: Callable[..., object]) -> None:
    """And reads one row more than it shows."""
    with django_assert_num_queries(1):
        paginate(Project.objects.all(), limit=3)
