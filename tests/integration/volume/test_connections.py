"""Connections by actions: a volume is exported for who connects, and is his until he lets it go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from tests.builders.identity import client_with
from tests.builders.volumes import reached
from tests.drills.volumes import World, lab, made_already
from volume.drivers.fake import FakeVolumeDriver
from volume.manager import AttachmentManager, ConnectionManager
from volume.models import Attachment, Pool, Volume
from volume.objects import VolumeConnection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
SYSTEM = RequestContext.system()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    with lab(tmp_path, hosts=2) as running:
        Pool.objects.update(protocol="ceph")
        yield running


@pytest.fixture
def served(made: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Hosts work while a call waits for them, and answer as Ceph's driver does."""
    plain = FakeVolumeDriver.export

    def export(driver: FakeVolumeDriver, request: Any, *, work: Any) -> VolumeConnection:
        found = plain(driver, request, work=work)
        facts = reached(Attachment.objects.get(id=request.attachment_id)).model_dump()
        said = ("kind", "rbd_pool", "image", "monitors", "user", "secret")
        return found.model_copy(update={name: facts[name] for name in said})

    monkeypatch.setattr(FakeVolumeDriver, "export", export)
    monkeypatch.setattr(
        ConnectionManager, "pause", staticmethod(lambda _seconds: made.cloud.settle())
    )
    return made


def act(volume: str, action: str, value: Any = None) -> Any:
    path = f"/volume/v3/volumes/{volume}/action"
    return client_with("admin").send("POST", path, {action: value})


def exports(made: World) -> int:
    return sum(len(driver.exports()) for driver in made.drivers.values())


def test_the_way_of_who_connects_by_himself(served: World) -> None:
    made, volume = served, made_already(served)
    connector = {"connector": {"host": "h2", "ip": "10.0.0.2", "initiator": "iqn.x"}}
    assert act(volume, "os-reserve").status_code == 202
    for _ in range(2):  # the second time it is there already
        answer = act(volume, "os-initialize_connection", connector)
        info = answer.json()["connection_info"]
        assert (answer.status_code, info["driver_volume_type"]) == (200, "rbd")
    assert info["data"]["name"] == f"volumes/volume-{volume}"
    assert (info["data"]["hosts"], info["data"]["ports"]) == (
        ["10.0.0.1", "fd00::1"],
        ["6789", "6789"],
    )
    assert info["data"]["keyring"] == "[client.cloudweb-h2]\n\tkey = AQ==\n"
    assert (Attachment.objects.count(), exports(made)) == (1, 1)
    wanted = {"host_name": "h2", "mountpoint": "/dev/sdb"}
    assert act(volume, "os-attach", wanted).status_code == 202
    assert Volume.objects.get().status == "in-use"
    assert act(volume, "os-terminate_connection", connector).status_code == 202
    # without waiting, as Terraform does
    assert act(volume, "os-detach", {}).status_code == 202
    made.cloud.settle()
    assert (Attachment.objects.count(), exports(made)) == (0, 0)
    assert Volume.objects.get().status == "available"
    assert act(volume, "os-terminate_connection", connector).status_code == 202  # it has none


def test_what_is_cut_off_is_held_until_it_is_let_go(served: World) -> None:
    volume = made_already(served)
    owner = Volume.objects.get().project_id
    roles = frozenset({"service", "reader"})
    connections = ConnectionManager(RequestContext(user_id="u", project_id=owner, roles=roles))
    connections.initialize(volume, {"host": "h2"})
    connections.terminate(volume, {"host": "h2"})
    served.cloud.settle()
    row = Attachment.objects.get()
    assert (row.status, row.connection, exports(served)) == ("detaching", "", 0)
    with pytest.raises(CloudwebError, match="must be 'available'"):
        AttachmentManager(SYSTEM).reserve(volume, None)


def test_who_cannot_connect_is_told_so(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = made_already(made)
    monkeypatch.setattr("volume.manager.connection.PATIENCE", 0.0)
    found = {
        "no connector": act(volume, "os-initialize_connection", {}).status_code,
        "no host": act(
            volume, "os-initialize_connection", {"connector": {"ip": "::1"}}
        ).status_code,
        "no answer": act(
            volume, "os-initialize_connection", {"connector": {"host": "h2"}}
        ).status_code,
    }
    assert Attachment.objects.count() == 1
    Pool.objects.update(protocol="nbd")
    answer = act(made.create(), "os-initialize_connection", {"connector": {"host": "h2"}})
    found["a back end that no connector opens"] = answer.status_code
    assert found == {
        "no connector": 400,
        "no host": 400,
        "no answer": 503,
        "a back end that no connector opens": 400,
    }
    assert Attachment.objects.count() == 1
