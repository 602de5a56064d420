"""``limit=0`` asks for nothing and gets it: an empty page that leads to no other."""

from __future__ import annotations

from typing import Any

import pytest

from compute.bootstrap import ensure_default_flavors
from instances.manager import InstanceManager
from instances.models import KeyPair
from tests.builders.compute import make_host
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.images import make_image
from tests.builders.servers import make_server

pytestmark = pytest.mark.django_db
NOVA = "/compute/v2.1"


def test_every_service_gives_an_empty_page() -> None:
    ensure_default_flavors()
    user = make_member("admin")
    context = make_context(user)
    server = make_server(user)
    InstanceManager(context).stop(str(server.id))
    make_host()
    make_image(context=context)
    KeyPair.objects.create(user_id=user.pk, name="k", public_key="x", fingerprint="y")
    lists = {
        f"{NOVA}/servers": "servers",
        f"{NOVA}/servers/detail": "servers",
        f"{NOVA}/servers?name=%5Ev.*": "servers",
        f"{NOVA}/flavors/detail": "flavors",
        f"{NOVA}/os-keypairs": "keypairs",
        f"{NOVA}/os-hypervisors/detail": "hypervisors",
        f"{NOVA}/servers/{server.id}/os-instance-actions": "instanceActions",
        "/image/v2/images": "images",
        "/identity/v3/users": "users",
    }

    def ask(path: str, query: str) -> Any:
        path += f"{'&' if '?' in path else '?'}{query}" if query else ""
        at = {"OpenStack_API_Version": "compute 2.87"}
        answer = client_of(user).send("GET", path, **at)
        assert answer.status_code == 200, (path, answer.content)
        return answer.json()

    assert {path for path, key in lists.items() if not ask(path, "")[key]} == set()
    for path, key in lists.items():
        body = ask(path, "limit=0")
        assert body[key] == [], path
        assert "marker=" not in str(body), path
