"""Messages: who reads them, in which versions, how long they are kept."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from tests.builders.volume_types import volume_client
from volume.manager import MessageManager
from volume.models import Message

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def make_message(project_id: str = "p", **facts: Any) -> Message:
    moment = now()
    told = {
        "resource_type": "VOLUME",
        "resource_id": uuid.uuid4(),
        "event_id": "VOLUME_VOLUME_001_003",
        "text": "schedule allocate volume: No pool has room.",
        "expires_at": moment + timedelta(days=1),
    }
    return Message.objects.create(project_id=project_id, request_id="req-1", **{**told, **facts})


def test_a_message_as_its_project_reads_it() -> None:
    row = make_message()
    client = volume_client(version="3.3", project_id="p")
    found = client.send("GET", f"/messages/{row.id}").json()["message"]
    assert found == {
        "id": str(row.id),
        "event_id": "VOLUME_VOLUME_001_003",
        "user_message": "schedule allocate volume: No pool has room.",
        "message_level": "ERROR",
        "resource_type": "VOLUME",
        "resource_uuid": str(row.resource_id),
        "request_id": "req-1",
        "created_at": found["created_at"],
        "guaranteed_until": found["guaranteed_until"],
        "links": found["links"],
    }
    assert client.send("GET", "/messages").json() == {"messages": [found]}
    for other in (volume_client(version="3.3"), volume_client(version="3.2", project_id="p")):
        assert other.send("GET", f"/messages/{row.id}").status_code == 404
    assert volume_client(version="3.3").send("DELETE", f"/messages/{row.id}").status_code == 404
    assert client.send("DELETE", f"/messages/{row.id}").status_code == 204
    assert client.send("GET", "/messages").json() == {"messages": []}


def test_pages_sorts_and_filters_from_3_5_on() -> None:
    rows = [make_message(event_id=f"VOLUME_VOLUME_00{number}_001") for number in (1, 2, 3)]
    make_message("other")

    def events(query: str, version: str = "3.5") -> list[str]:
        answer = volume_client(version=version, project_id="p").send("GET", f"/messages{query}")
        assert answer.status_code == 200, answer.content
        return [one["event_id"][14:17] for one in answer.json()["messages"]]

    asked = {
        "": ["003", "002", "001"],
        "?limit=2": ["003", "002"],
        f"?marker={rows[1].id}": ["001"],
        "?sort=event_id:asc": ["001", "002", "003"],
        f"?resource_uuid={rows[0].resource_id}": ["001"],
        "?resource_type=VOLUME_BACKUP": [],
        "?event_id=VOLUME_VOLUME_002_001": ["002"],
    }
    assert {query: events(query) for query in asked} == asked
    assert events("?limit=1&event_id=x", "3.4") == ["003", "002", "001"]


def test_they_go_after_their_time() -> None:
    make_message(expires_at=now() - timedelta(seconds=1))
    kept = make_message()
    client = volume_client(version="3.3", project_id="p")
    assert [one["id"] for one in client.send("GET", "/messages").json()["messages"]] == [
        str(kept.id)
    ]
    assert MessageManager(RequestContext.system()).expire() == 1
    assert Message.objects.get() == kept
