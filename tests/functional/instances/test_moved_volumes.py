"""A volume that only its server's guest can copy goes to another back end while the server runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from compute.drivers.base import NotMirrored
from compute.models import Host
from operations.models import Operation
from tests.builders.instances import Lab, lab
from volume.manager import VolumeManager
from volume.models import Attachment, Message, Pool, Volume

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=2, stores_lack=("copies_in_use",)) as made:
        yield made


def attached(home: Lab) -> tuple[str, str]:
    """Return a server and its volume."""
    server, volume = home.create(), home.make_volume()
    path = f"/servers/{server}/os-volume_attachments"
    assert home.send("POST", path, {"volumeAttachment": {"volumeId": volume}}).status_code == 200
    home.cloud.settle()
    return server, volume


def move(volume: str) -> Pool:
    """Start moving it to where it is not; return that."""
    there = Pool.objects.exclude(volumes=volume).get()
    VolumeManager(RequestContext.system()).migrate(volume, host=there.full_name)
    return there


def left(home: Lab) -> list[int]:
    """Return how much lies in each place."""
    return sorted(len(driver.census()) for driver in home.stores.values())


def test_it_is_there_and_the_server_starts_with_it_there(home: Lab) -> None:
    server, volume = attached(home)
    there = move(volume)
    assert home.act(server, "os-stop").status_code == 409, "it is held meanwhile"
    home.cloud.settle()
    row = Volume.objects.select_related("pool").get()
    assert (row.pool, row.status, row.migration_status) == (there, "in-use", "success")
    assert (Attachment.objects.get().relay, left(home)) == ({}, [0, 2])
    store = home.stores[there.host]
    assert [*store.exports()] == [str(Attachment.objects.get().id)]
    VolumeManager(home.context).extend(volume, size=2)
    for action in ("os-stop", "os-start"):
        home.cloud.settle()
        assert home.act(server, action).status_code == 202
    home.cloud.settle()
    assert left(home) == [0, 2]
    home.send("DELETE", f"/servers/{server}/os-volume_attachments/{volume}")
    home.cloud.settle()
    assert (Volume.objects.get().status, left(home)) == ("available", [0, 1])
    assert store.exports() == {}


def test_a_guest_that_cannot_go_over_keeps_it_where_it_was(home: Lab) -> None:
    def refuse(*args: object, **said: object) -> None:
        raise NotMirrored

    server, volume = attached(home)
    here = Volume.objects.get().pool
    for driver in home.guests.values():
        driver.swap_disk = refuse  # type: ignore[method-assign]
    move(volume)
    home.cloud.settle()
    row = Volume.objects.select_related("pool").get()
    assert (row.pool, row.status, row.migration_status) == (here, "in-use", "error")
    assert "the volume is where it was" in row.fault_message
    assert "the volume is where it was" in Message.objects.get().text
    assert Operation.objects.get(kind="volume.move_with_guest").state == "UNDONE"
    assert left(home) == [0, 2]
    assert home.act(server, "os-stop").status_code == 202


def test_what_keeps_its_guest_from_copying_is_said(home: Lab) -> None:
    server, volume = attached(home)
    said = []

    def refused() -> None:
        with pytest.raises(CloudwebError) as caught:
            move(volume)
        said.append(caught.value.message)

    Attachment.objects.update(mode="ro")
    refused()
    Attachment.objects.update(mode="rw")
    able = dict(Host.objects.values_list("name", "capabilities"))
    Host.objects.update(capabilities=[])
    refused()
    for name, words in able.items():
        Host.objects.filter(name=name).update(capabilities=words)
    home.act(server, "os-stop")
    refused()
    home.cloud.settle()
    refused()
    words = (
        "that it writes to",
        "hypervisor cannot",
        "not running, or busy",
        "not running, or busy",
    )
    assert [one in text for one, text in zip(words, said, strict=True)] == [True] * 4
    assert Volume.objects.get().migration_status in (None, "")


def test_in_one_cluster_an_attachment_is_one_user_so_it_goes_to_another(home: Lab) -> None:
    _, volume = attached(home)
    for name, store in home.stores.items():
        said = store.pools()[0].model_copy(update={"storage_id": f"fsid/{name}"})
        store.pools = lambda said=said: (said,)  # type: ignore[method-assign, misc]
    home.cloud.report()
    home.cloud.pump()
    move(volume)
    home.cloud.settle()
    assert Volume.objects.get().migration_status == "error"
    assert left(home) == [0, 2]
