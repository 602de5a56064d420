"""The action log by its changes, and which version shows what of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operations.models import Operation, Step
from tests.builders.identity import ApiClient, client_with
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)
SERVERS = "/compute/v2.1/servers"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def get(client: ApiClient, path: str, version: str, status: int = 200) -> Any:
    answer = client.send("GET", f"{SERVERS}/{path}", OpenStack_API_Version=f"compute {version}")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_changes_since_and_before(home: Lab) -> None:
    server_id = home.create()
    assert home.act(server_id, "os-stop").status_code == 202
    home.cloud.settle()
    for kind, moment in (("create", "10:00:05.7"), ("stop", "10:00:09.2")):
        rows = Operation.objects.filter(kind=f"instances.{kind}")
        rows.update(finished_at=f"2026-05-01T{moment}Z")
        Step.objects.filter(operation__in=rows).update(ended_at=f"2026-05-01T{moment}Z")

    def actions(query: str, version: str = "2.66") -> list[str]:
        log = get(home.client, f"{server_id}/os-instance-actions?{query}", version)
        return [one["action"] for one in log["instanceActions"]]

    day = "2026-05-01T"
    found = {
        query: actions(query.replace("=", f"={day}"))
        for query in (
            "changes-since=10:00:05Z",
            "changes-since=10:00:06Z",
            "changes-since=10:00:10",
            "changes-before=10:00:05Z",
            "changes-before=10:00:04",
            "changes-since=10:00:06&changes-before=10:00:09",
        )
    }
    assert [*found.values()] == [
        ["stop", "create"],
        ["stop"],
        [],
        ["create"],
        [],
        ["stop"],
    ]
    assert actions("limit=1") == ["stop"]
    assert actions("changes-since=never&limit=1", "2.57") == ["stop", "create"]
    refused = {
        "2.58": ("changes-since=never", f"changes-before={day}10:00:05Z", "marker=req-none", "x=1"),
        "2.66": (f"changes-since={day}10:00:06&changes-before={day}10:00:05", "limit=-1"),
    }
    for version, queries in refused.items():
        for query in queries:
            get(home.client, f"{server_id}/os-instance-actions?{query}", version, 400)


def test_what_a_version_shows_of_an_event(home: Lab) -> None:
    server_id = home.create()
    (one,) = get(home.client, f"{server_id}/os-instance-actions", "2.96")["instanceActions"]
    path = f"{server_id}/os-instance-actions/{one['request_id']}"
    events = get(client_with("admin"), path, "2.62")["instanceAction"]["events"]
    assert {event["host"] for event in events} == {"", "h1"}
    always = {"event", "start_time", "finish_time", "result"}
    shown = {
        (role, version): set(get(client, path, version)["instanceAction"]["events"][0]) - always
        for role, client in (("member", home.client), ("admin", client_with("admin")))
        for version in ("2.50", "2.51", "2.61", "2.62", "2.84")
    }
    traced = {"traceback"}
    assert shown == {
        ("member", "2.50"): set(),
        ("member", "2.51"): set(),
        ("member", "2.61"): set(),
        ("member", "2.62"): {"hostId"},
        ("member", "2.84"): {"hostId", "details"},
        ("admin", "2.50"): traced,
        ("admin", "2.51"): traced,
        ("admin", "2.61"): traced,
        ("admin", "2.62"): traced | {"host", "hostId"},
        ("admin", "2.84"): traced | {"host", "hostId", "details"},
    }
