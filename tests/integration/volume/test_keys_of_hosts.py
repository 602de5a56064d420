"""A host keeps the keys of encrypted volumes in memory: what it lost with that it asks for, and gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.encryption import decrypt
from operations.models import Operation
from tests.builders.identity import make_context, make_member
from tests.builders.volumes import attach, make_pool, make_volume
from tests.drills.volumes import World, connect, encrypt_type, lab, locked_out, made_already
from volume.manager import AttachmentManager, VolumeManager
from volume.models import Attachment, Volume
from volume.operations.unlock_volume import UnlockVolume, unlock_volumes

pytestmark = [pytest.mark.django_db(transaction=True)]


def exports(made: World) -> int:
    return sum(len(driver.exports()) for driver in made.drivers.values())


def report(made: World) -> None:
    """Let each host look at what it serves, and report."""
    for host in made.cloud.hosts.values():
        host.agents["volume"].start_guests(lambda _: None)  # type: ignore[arg-type,return-value]
    made.cloud.report()
    made.cloud.settle()


def test_a_host_that_lost_its_memory_serves_encrypted_volumes_again(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        volume = locked_out(made)
        key = decrypt(Volume.objects.get(id=volume).encryption_key)
        assert exports(made) == 0
        report(made)
        assert exports(made) == 1
        report(made)
        assert Operation.objects.filter(kind=UnlockVolume.kind).count() == 1
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert not [path for path in files if key.encode() in path.read_bytes()]


def test_a_volume_that_rests_grows_by_its_key(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        encrypt_type()
        volume = made_already(made)
        made.volumes.extend(volume, size=3)
        made.cloud.settle()
        assert Volume.objects.values_list("size", "status").get() == (3, "available")


@pytest.mark.parametrize("in_use", [False, True], ids=["at rest", "in use"])
def test_an_encrypted_volume_moves_and_its_new_host_gets_its_key(
    tmp_path: Path, in_use: bool
) -> None:
    with lab(tmp_path) as made:
        encrypt_type()
        volume = made_already(made)
        if in_use:
            connect(made, volume)
            made.cloud.settle()
            attachment = Attachment.objects.get()
            AttachmentManager(made.context).complete(attachment.id)
        before = Volume.objects.select_related("pool").get()
        assert before.pool is not None
        there = "h2" if before.pool.host == "h1" else "h1"
        operator = RequestContext.system()
        VolumeManager(operator).migrate(volume, host=f"{there}@fake#default")
        made.cloud.settle()
        row = Volume.objects.select_related("pool").get()
        assert row.pool is not None
        assert (row.migration_status, row.pool.host) == ("success", there)
        assert row.name_id is not None
        made.drivers[there].reboot()
        assert exports(made) == in_use  # that through which its guest reaches it
        report(made)
        assert exports(made) == 2 * in_use


def test_a_host_gets_the_keys_of_what_it_keeps_and_somebody_has(tmp_path: Path) -> None:
    context = make_context(make_member("member"))
    here, elsewhere = make_pool("h1"), make_pool("h2")

    def volume(**facts: Any) -> Volume:
        facts = {"pool": here, "encrypted": True, **facts}
        return make_volume(context, **facts)

    asked = [volume(), volume(), volume(pool=elsewhere), volume(encrypted=False), volume()]
    for one in asked[1:4]:
        attach(one)
    attach(asked[4], epoch=0)
    unlock_volumes("h1", ["rubbish", *(str(one.id) for one in asked)])
    started = Operation.objects.filter(kind=UnlockVolume.kind)
    assert [one.resource_id for one in started] == [str(asked[1].id)]
