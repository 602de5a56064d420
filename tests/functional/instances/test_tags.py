"""The tags of a server over HTTP."""

from __future__ import annotations

import pytest

from instances.models import Instance
from tests.builders.identity import client_of, make_member
from tests.builders.servers import make_server

pytestmark = pytest.mark.django_db


def test_tags_are_put_read_and_taken_one_by_one_and_together() -> None:
    user = make_member("member")
    server = make_server(user)
    client, at = client_of(user), f"/compute/v2.1/servers/{server.id}/tags"

    def ask(method: str, path: str = "", body: object = None, version: str = "2.26") -> int:
        answer = client.send(method, at + path, body, OpenStack_API_Version=f"compute {version}")
        if answer.status_code == 201:
            assert answer.headers["Location"].endswith(f"{at}{path}")
        return int(answer.status_code)

    found = {
        "before its version": ask("GET", version="2.25"),
        "new": ask("PUT", "/blue"),
        "again": ask("PUT", "/blue"),
        "there": ask("GET", "/blue"),
        "not there": ask("GET", "/red"),
        "with a comma": ask("PUT", "/a,b"),
        "too long": ask("PUT", "/" + "x" * 61),
        "fifty": ask("PUT", "", {"tags": [*map(str, range(50)), "0"][:50]}),
        "one more": ask("PUT", "/blue"),
        "fifty-one": ask("PUT", "", {"tags": [*map(str, range(51))]}),
        "no list": ask("PUT", "", {"tags": "a"}),
        "nothing": ask("PUT", "", {}),
        "take": ask("DELETE", "/7"),
        "take again": ask("DELETE", "/7"),
        "all": ask("GET"),
    }
    assert found == {
        "before its version": 404, "new": 201, "again": 204, "there": 204, "not there": 404,
        "with a comma": 400, "too long": 400, "fifty": 200, "one more": 400, "fifty-one": 400,
        "no list": 400, "nothing": 400, "take": 204, "take again": 404, "all": 200,
    }  # fmt: skip
    assert len(Instance.objects.get(id=server.id).tags) == 49
    assert ask("PUT", "", {"tags": ["b", "a", "b"]}) == 200
    assert Instance.objects.get(id=server.id).tags == ["b", "a"]
    assert ask("DELETE") == 204
    assert Instance.objects.get(id=server.id).tags == []
