"""Volumes that go to another pool, or become of another type: who may, what is in the way, what comes of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError, QuotaExceeded
from cloudweb.holdings import holdings_of
from identity import quotas
from operations.models import Operation
from tests.builders.compute import long_ago
from tests.builders.images import caller
from tests.builders.volumes import (
    EVERYTHING,
    attach,
    make_pool,
    make_snapshot,
    make_volume,
    make_volume_type,
)
from tests.drills.volumes import World, connect, lab, made_already
from volume import quota
from volume.exceptions import InvalidPool, InvalidVolume, InvalidVolumeInput
from volume.holdings import count_of_type
from volume.manager import AttachmentManager, VolumeManager
from volume.models import Attachment, Message, Pool, Volume, VolumeTypeEncryption
from volume.operations import HandOver, MoveVolume

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
OPERATOR = RequestContext.system()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with lab(tmp_path) as made:
        yield made


def migrate(volume: str, host: str = "h2@fake#default", **how: Any) -> None:
    VolumeManager(OPERATOR).migrate(volume, host=host, **how)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(CloudwebError) as caught:
        act()
    assert isinstance(caught.value, InvalidVolume | InvalidPool | InvalidVolumeInput)
    return caught.value.message


def test_a_locked_volume_is_in_maintenance_until_it_is_there(world: World) -> None:
    volume = made_already(world)
    migrate(volume, lock=True)
    row = Volume.objects.get()
    assert (row.status, row.migration_status) == ("maintenance", "starting")
    assert "migrated" in refusal(lambda: connect(world, volume))
    world.cloud.settle()
    row = Volume.objects.select_related("pool").get()
    assert row.pool is not None
    assert (row.status, row.migration_status, row.pool.host) == ("available", "success", "h2")
    assert row.name_id is not None
    rows = Pool.objects.order_by("host").values_list("provisioned", flat=True)
    assert list(rows) == [0, 1]


def test_what_is_being_moved_is_not_touched_otherwise(world: World) -> None:
    volume = made_already(world)
    migrate(volume)
    volumes = world.volumes
    for act in (
        lambda: connect(world, volume),
        lambda: volumes.extend(volume, size=2),
        lambda: volumes.delete(volume),
        lambda: migrate(volume),
    ):
        assert "migrat" in refusal(act)
    volumes.update(volume, name="renamed")
    world.cloud.settle()
    assert Volume.objects.get().name == "renamed"


def test_a_server_keeps_its_volume_and_lets_go_of_it_where_it_is_now(world: World) -> None:
    volume = made_already(world)
    attachment = connect(world, volume)
    world.cloud.settle()
    attachments = AttachmentManager(world.context)
    attachments.finish(attachment)
    before = Attachment.objects.get()
    migrate(volume)
    world.cloud.settle()
    row = Attachment.objects.get()
    assert (row.status, row.relay["host"], row.epoch > before.epoch) == ("attached", "h1", True)
    assert Volume.objects.get().status == "in-use"
    world.volumes.extend(volume, size=2)
    world.cloud.settle()
    grown = Volume.objects.get()
    assert (grown.size, grown.status) == (2, "in-use")
    behind = world.drivers["h1"]._volumes[volume].size
    assert behind == 2 * 1024**3, "who is behind the relay sees it, too"
    world.drivers["h1"].write(volume, "through the relay")
    attachments.disconnect(attachment)
    world.cloud.settle()
    key = str(Volume.objects.get().name_id)
    assert world.drivers["h2"].read(key) == "through the relay"
    assert [one.census() for one in world.drivers.values()] == [(), (f"volume {key}",)]
    again = connect(world, volume)
    world.cloud.settle()
    connection = attachments.connection(again)
    assert connection is not None
    assert connection.volume_id == volume  # what its guest knows it by
    assert world.drivers["h2"].exports() == {again: key}
    world.volumes.update(volume, name="x")
    attachments.disconnect(again)
    world.cloud.settle()
    world.volumes.extend(volume, size=3)
    world.cloud.settle()
    world.volumes.delete(volume)
    world.cloud.settle()
    assert [one.census() for one in world.drivers.values()] == [(), ()]


def test_whose_server_starts_again_is_reached_without_the_relay(world: World) -> None:
    volume = made_already(world)
    attachment = connect(world, volume)
    world.cloud.settle()
    attachments = AttachmentManager(world.context)
    attachments.finish(attachment)
    migrate(volume)
    world.cloud.settle()
    assert holdings_of("host", "h1") == {"relays of volumes": 1}  # its guest would lose its disk
    attachments.update(attachment, connector={"host": "h2"})
    world.cloud.settle()
    assert holdings_of("host", "h1") == {}
    assert Attachment.objects.get().relay == {}
    key = str(Volume.objects.get().name_id)
    assert [one.exports() for one in world.drivers.values()] == [{}, {attachment: key}]
    assert world.drivers["h1"].census() == ()


def test_what_cannot_be_copied_says_so_and_stays(world: World) -> None:
    volume = made_already(world)
    world.drivers["h1"].faults.fail("reading", times=20, transient=False)
    migrate(volume, lock=True)
    world.cloud.settle()
    row = Volume.objects.select_related("pool").get()
    assert row.pool is not None
    assert (row.status, row.migration_status, row.pool.host) == ("available", "error", "h1")
    assert row.fault_message
    assert Message.objects.get().text.startswith("migrate volume: ")
    assert world.drivers["h2"].census() == ()


@pytest.mark.django_db
def test_what_is_in_the_way_is_said() -> None:
    context = caller()
    here, other = make_pool("h1"), make_pool("h2")
    old = make_pool("h3", capabilities=[one for one in EVERYTHING if one != "copies_in_use"])
    idle, busy, kept, broken, shared = (
        str(make_volume(context, **{"pool": here, **more}).id)
        for more in ({}, {"pool": old}, {}, {"status": "error"}, {"multiattach": True})
    )
    attach(Volume.objects.get(id=busy))
    attach(Volume.objects.get(id=shared))
    make_snapshot(Volume.objects.get(id=kept))
    there = other.full_name
    said = {
        "nowhere": refusal(lambda: migrate(idle, "h9@file#default")),
        "here": refusal(lambda: migrate(idle, here.full_name)),
        "snapshots": refusal(lambda: migrate(kept, there)),
        "status": refusal(lambda: migrate(broken, there)),
        "several": refusal(lambda: migrate(shared, there)),
        "at rest only": refusal(lambda: migrate(busy, there)),
    }
    words = {
        "nowhere": "Invalid host: No pool",
        "here": "Invalid host: The volume is there",
        "snapshots": "no snapshots",
        "status": "must be available or in-use to migrate, but it is error",
        "several": "several servers",
        "at rest only": "Detach it",
    }
    assert {name: words[name] in text for name, text in said.items()} == dict.fromkeys(words, True)


@pytest.mark.django_db
def test_a_volume_of_a_cluster_is_taken_over_from_a_host_that_is_down() -> None:
    context, facts = caller(), {"protocol": "ceph", "storage_id": "fsid/pool", "backend": "ceph"}
    dead = make_pool("h1", last_seen_at=long_ago(), **facts)
    other, strange = make_pool("h2", **facts), make_pool("h3", **{**facts, "storage_id": "x"})
    had = make_volume(context, pool=dead, size=2)
    Pool.objects.filter(id=dead.id).update(provisioned=2)
    held = attach(had)
    migrate(str(had.id), other.full_name)
    row = Volume.objects.get(id=had.id)
    assert (row.pool, row.name_id, row.status) == (other, None, "in-use")
    assert (row.migration_status, Attachment.objects.get().epoch) == ("success", held.epoch)
    rows = Pool.objects.order_by("host").values_list("provisioned", flat=True)
    assert list(rows) == [0, 2, 0]
    told = Operation.objects.get(kind=HandOver.kind)
    assert (told.resource_id, told.args["host"]) == (str(had.id), "h1")
    assert "host is down" in refusal(lambda: migrate(str(had.id), dead.full_name))
    several = make_volume(context, pool=other, multiattach=True)
    attach(several)
    assert "several" in refusal(lambda: migrate(str(several.id), dead.full_name))
    migrate(str(make_volume(context, pool=other).id), strange.full_name)  # that one is copied
    assert MoveVolume.kind in Operation.objects.values_list("kind", flat=True)
    cut_off = AttachmentManager(OPERATOR).unexport_order(held.id)
    assert cut_off is not None
    assert cut_off.host == "h2"


def test_a_type_that_its_pool_serves_is_taken_in_place_any_other_by_a_move(world: World) -> None:
    volume = made_already(world)
    make_volume_type("same", extra_specs={"volume_backend_name": "fake"})
    world.volumes.retype(volume, new_type="same")
    row = Volume.objects.select_related("volume_type").get()
    assert (row.volume_type.name, row.status, row.name_id) == ("same", "available", None)
    Pool.objects.filter(host="h2").update(zone="z2")
    make_volume_type("far", extra_specs={"RESKEY:availability_zones": "z2"})
    assert "never" in refusal(lambda: world.volumes.retype(volume, new_type="far"))
    world.volumes.retype(volume, new_type="far", migration_policy="on-demand")
    assert Volume.objects.get().status == "retyping"
    world.cloud.settle()
    row = Volume.objects.select_related("volume_type", "pool").get()
    assert row.pool is not None
    assert (row.volume_type.name, row.status, row.zone) == ("far", "available", "z2")
    assert row.pool.host == "h2"


def test_a_type_that_no_pool_serves_leaves_the_volume_as_it_was(world: World) -> None:
    volume = made_already(world)
    make_volume_type("none", extra_specs={"volume_backend_name": "none"})
    world.volumes.retype(volume, new_type="none", migration_policy="on-demand")
    world.cloud.settle()
    row = Volume.objects.select_related("volume_type").get()
    assert (row.volume_type.name, row.status) == ("__DEFAULT__", "available")
    assert "No valid pool" in Message.objects.get().text
    assert "of another back end than none" in row.fault_message


@pytest.mark.django_db
def test_a_type_that_a_volume_cannot_become_is_refused() -> None:
    context = caller()
    make_pool("h1")
    volume = make_volume(context, pool=Pool.objects.get())
    taken = make_volume(context, pool=Pool.objects.get())
    attach(taken)
    make_volume_type("several", extra_specs={"multiattach": "<is> True"})
    make_volume_type("private", is_public=False)
    volumes = VolumeManager(context)

    def retype(name: str, which: Volume = volume) -> str:
        return refusal(lambda: volumes.retype(str(which.id), new_type=name))

    assert "no pool" in retype("several", make_volume(context))
    assert "already" in retype(volume.volume_type.name)
    assert "could not be found" in retype("private")
    assert "could not be found" in retype(str(uuid.uuid4()))
    assert "several servers" in retype("several", taken)
    volumes.retype(str(volume.id), new_type="several")
    assert Volume.objects.get(id=volume.id).multiattach


@pytest.mark.django_db
def test_the_quota_of_the_new_type_counts() -> None:
    context = caller()
    make_pool("h1")
    volume = make_volume(context, pool=Pool.objects.get())
    make_volume_type("dear")
    quotas.update(volume.project_id, "volume", {"volumes_dear": 0})
    with pytest.raises(QuotaExceeded):
        VolumeManager(context).retype(str(volume.id), new_type="dear")


def test_who_moves_to_be_of_a_type_counts_for_it_from_the_start(world: World) -> None:
    first, second = made_already(world), made_already(world)
    Pool.objects.filter(host="h2").update(zone="z2")
    far = make_volume_type("far", extra_specs={"RESKEY:availability_zones": "z2"})
    quotas.update(world.context.scoped_project_id, "volume", {"volumes_far": 1})
    volumes, project = world.volumes, world.context.scoped_project_id
    volumes.retype(first, new_type="far", migration_policy="on-demand")
    with pytest.raises(QuotaExceeded):
        volumes.retype(second, new_type="far", migration_policy="on-demand")
    used = quota.used(project)
    assert (used["volumes"], used["volumes_far"], used["volumes___DEFAULT__"]) == (2, 1, 2)
    assert count_of_type(str(far.id)) == {"volumes": 1}
    world.drivers["h1"].faults.fail("reading", times=20, transient=False)
    world.cloud.settle()
    assert "volumes_far" not in quota.used(project)
    world.drivers["h1"].faults.clear()
    volumes.retype(second, new_type="far", migration_policy="on-demand")
    world.cloud.settle()
    used = quota.used(project)
    assert (used["volumes"], used["volumes_far"], used["volumes___DEFAULT__"]) == (2, 1, 1)


@pytest.mark.django_db
def test_snapshots_become_of_the_type_of_their_volume_and_count_there() -> None:
    context = caller()
    make_pool("h1")
    volume = make_volume(context, pool=Pool.objects.get())
    make_snapshot(volume)
    make_volume_type("dear")
    quotas.update(volume.project_id, "volume", {"gigabytes_dear": volume.size})
    with pytest.raises(QuotaExceeded):
        VolumeManager(context).retype(str(volume.id), new_type="dear")


def test_a_volume_becomes_encrypted_and_plain_again_by_a_copy_with_a_new_key(world: World) -> None:
    volume = made_already(world)
    world.drivers["h1"].write(volume, "kept")
    secret = make_volume_type("secret")
    VolumeTypeEncryption.objects.create(volume_type=secret, provider="luks")
    plain = Volume.objects.get().volume_type
    assert "never" in refusal(lambda: world.volumes.retype(volume, new_type="secret"))
    Pool.objects.filter(host="h2").update(enabled=False)  # there is but the pool where it is

    def become(name: str) -> Volume:
        world.volumes.retype(volume, new_type=name, migration_policy="on-demand")
        world.cloud.settle()
        row = Volume.objects.select_related("volume_type", "pool").get()
        assert (row.status, row.migration_status, row.volume_type.name) == (
            "available",
            "success",
            name,
        )
        key = str(row.name_id)
        assert row.pool is not None
        assert world.drivers["h1"].read(key) == "kept"
        assert world.drivers["h1"].census() == (f"volume {key}",)  # what it was is gone
        assert row.pool.provisioned == row.size
        return row

    encrypted = become("secret")
    assert encrypted.encrypted
    attachment = connect(world, volume)  # its host takes the key that it was made with
    world.cloud.settle()
    AttachmentManager(world.context).finish(attachment)
    assert "detach it" in refusal(
        lambda: world.volumes.retype(volume, new_type=plain.name, migration_policy="on-demand")
    )
    AttachmentManager(world.context).disconnect(attachment)
    world.cloud.settle()
    row = become(plain.name)
    assert (row.encrypted, row.encryption_key) == (False, "")
