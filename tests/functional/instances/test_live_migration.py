"""Servers that go to another host while they run, over HTTP on fake drivers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compute.models import Claim
from instances.models import Instance, Migration
from network.models import Port
from tests.builders.identity import client_with
from tests.builders.instances import Lab, lab
from tests.drills.server_volumes import Pair, attach
from volume.models import Attachment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=2) as made:
        yield made


def move(made: Lab, server: str, *, version: str = "2.96", **said: Any) -> Any:
    body = {"os-migrateLive": {"host": None, "block_migration": "auto", **said}}
    path = f"/servers/{server}/action"
    return made.send("POST", path, body, version=version, client=client_with("admin"))


def host_of(server: str) -> str:
    return Instance.objects.get(id=server).host


def test_a_server_goes_to_another_host_with_its_ports_and_volumes(two: Lab) -> None:
    server = two.create()
    attach(two, Pair(server, two.make_volume()))
    two.cloud.settle()
    old = host_of(server)
    two.guests[old].write(server, "before")
    assert move(two, server).status_code == 202
    assert two.show(server)["status"] == "MIGRATING"
    two.cloud.settle()
    new = host_of(server)
    print(Migration.objects.values())
    assert new != old
    assert two.show(server)["status"] == "ACTIVE"
    assert two.guests[new].read(server) == "before"
    assert two.guests[old].census() == ()
    assert {one.host for one in Port.objects.filter(device_id=server)} == {new}
    (held,) = Attachment.objects.all()
    assert (held.host, held.status, held.exclusive) == (new, "attached", True)
    assert Claim.objects.get().host.name == new
