"""What servers used in a time: hours, clipped to it, times what they have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from identity.models import User
from tests.builders.identity import client_of, make_member
from tests.builders.servers import make_server

pytestmark = pytest.mark.django_db
URL = "/compute/v2.1/os-simple-tenant-usage"
DAY = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = {"start": "2026-03-01T00:00:00", "end": "2026-03-02T00:00:00.000000"}


def ran(user: User, begin: float, end: float | None, **more: Any) -> str:
    """Make a server that ran from an hour of the day to another one."""
    ended = None if end is None else DAY + timedelta(hours=end)
    facts = {
        "launched_at": DAY + timedelta(hours=begin),
        "terminated_at": ended,
        "vm_state": "active" if ended is None else "deleted",
        "vcpus": 2,
        "ram": 512,
        "disk": 10,
        "ephemeral": 1,
        **more,
    }
    return str(make_server(user, **facts).id)


def ask(user: User, path: str = "", minor: int = 1, **query: str) -> Any:
    at = {"OpenStack_API_Version": f"compute 2.{minor}"}
    return client_of(user).send("GET", f"{URL}{path}?{urlencode({**WINDOW, **query})}", **at)


def sums(usage: Mapping[str, Any]) -> list[float]:
    kinds = ("hours", "vcpus_usage", "memory_mb_usage", "local_gb_usage")
    return [usage[f"total_{kind}"] for kind in kinds]


def test_hours_are_those_of_the_window() -> None:
    user = make_member("member")
    inside, before, on = ran(user, 6, 12), ran(user, -5, 1), ran(user, 23, None)
    ran(user, -9, -3)
    ran(user, 25, 26)
    make_server(user, launched_at=None)  # it never ran
    answer = ask(user, f"/{user.default_project_id}")
    usage = answer.json()["tenant_usage"]
    assert sums(usage) == [8.0, 16.0, 8.0 * 512, 88.0]
    hours = {one["instance_id"]: one["hours"] for one in usage["server_usages"]}
    assert hours == {inside: 6.0, before: 1.0, on: 1.0}
    assert (usage["start"], usage["stop"]) == (
        "2026-03-01T00:00:00.000000",
        "2026-03-02T00:00:00.000000",
    )
    (ended,) = [one for one in usage["server_usages"] if one["instance_id"] == inside]
    assert (ended["state"], ended["uptime"]) == ("terminated", 6 * 3600)
    assert ended["ended_at"] == "2026-03-01T12:00:00.000000"


def test_operators_see_all_projects_and_each_servers_part_if_they_ask() -> None:
    one, two, operator = make_member("member"), make_member("member"), make_member("admin")
    for user in (one, one, two):
        ran(user, 0, 1)
    rows = ask(operator).json()["tenant_usages"]
    found = {row["tenant_id"]: row["total_hours"] for row in rows}
    assert found == {one.default_project_id: 2.0, two.default_project_id: 1.0}
    assert all("server_usages" not in row for row in rows)
    for word in ("1", "True"):
        rows = ask(operator, detailed=word).json()["tenant_usages"]
        assert sorted(len(row["server_usages"]) for row in rows) == [1, 2]


def test_nothing_used_is_an_empty_object_and_another_project_is_forbidden() -> None:
    user, other = make_member("member"), make_member("member")
    assert ask(user, f"/{user.default_project_id}").json() == {"tenant_usage": {}}
    assert ask(other, f"/{user.default_project_id}").status_code == 403
    assert ask(user).status_code == 403


def test_pages_from_2_40() -> None:
    user = make_member("member")
    made = {ran(user, 0, 1) for _ in range(3)}
    path, found = f"/{user.default_project_id}", []
    query: dict[str, str] = {"limit": "2"}
    for _ in range(2):
        body = ask(user, path, 40, **query).json()
        found.append([one["instance_id"] for one in body["tenant_usage"]["server_usages"]])
        query["marker"] = found[-1][-1]
        assert ("tenant_usage_links" in body) is (len(found) == 1)
    assert [len(page) for page in found] == [2, 1]
    assert {one for page in found for one in page} == made
    assert len(ask(user, path, 1, limit="2").json()["tenant_usage"]["server_usages"]) == 3


def test_times_and_markers_that_are_none() -> None:
    user = make_member("member")
    path = f"/{user.default_project_id}"
    wrong: list[tuple[int, dict[str, str]]] = [
        (1, {"start": "yesterday"}),
        (1, {"end": "2026-13-01"}),
        (1, {"start": WINDOW["end"], "end": WINDOW["start"]}),
        (40, {"limit": "-1"}),
        (40, {"marker": "none"}),
        (75, {"colour": "red"}),
    ]
    assert [ask(user, path, minor, **query).status_code for minor, query in wrong] == [400] * 6
