"""A volume in servers: who may have it, what its host is told, and what it shows."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import transaction

from cloudweb.context import RequestContext
from tests.builders.images import OTHER, caller
from tests.builders.threads import at_once
from tests.builders.volumes import make_pool, make_volume
from volume.exceptions import AttachmentNotFound, InvalidAttachmentMode, InvalidVolume
from volume.manager import AttachmentManager, VolumeManager
from volume.models import Attachment, Volume
from volume.objects import VolumeConnection

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SERVER = "0a3f1a4e-52b3-4a0c-8a8e-0d8c8b8fd0a1"


def manager() -> AttachmentManager:
    return AttachmentManager(RequestContext.system())


def status() -> str:
    return str(Volume.objects.get().status)


def order(attachment: Attachment, host: str = "h2", **more: Any) -> Any:
    with transaction.atomic():
        return manager().export_order(attachment.id, host, **more)


def answer(payload: Any, **overrides: Any) -> VolumeConnection:
    facts = {
        "attachment_id": payload.attachment_id, "epoch": payload.epoch,
        "volume_id": payload.volume.id, "kind": "fake", "size": 1, **overrides,
    }  # fmt: skip
    return VolumeConnection(**facts)


def test_a_life() -> None:
    volume = make_volume(caller(), pool=make_pool())
    held = manager().reserve(volume.id, SERVER)
    assert (held.status, held.mode, status()) == ("reserved", "rw", "reserved")
    told = order(held, address="10.0.0.2")
    assert (told.host, told.scope) == ("h1", f"volume:{held.id}")
    payload = told.payload
    assert (payload.to_host, payload.to_address, payload.mode, payload.shared) == (
        "h2", "10.0.0.2", "rw", False,
    )  # fmt: skip
    assert status() == "attaching"
    assert manager().connection(held.id) is None
    manager().exported(held.id, answer(payload, path="/run/s"))
    found = manager().connection(held.id)
    assert found
    assert found.path == "/run/s"
    assert "/run/s" not in Attachment.objects.get().connection  # not in clear
    manager().complete(held.id, "/dev/vdb")
    assert status() == "in-use"
    manager().begin_detaching(held.id)
    assert status() == "detaching"
    with transaction.atomic():
        cut = manager().unexport_order(held.id)
    assert cut
    assert (cut.host, cut.payload.epoch, cut.payload.to_host) == ("h1", payload.epoch, "h2")
    for _ in range(2):
        manager().delete(held.id)
    assert (status(), Attachment.objects.count()) == ("available", 0)
    with pytest.raises(AttachmentNotFound):
        manager().find(held.id)


def test_what_was_revoked_is_exported_under_a_higher_epoch() -> None:
    held = manager().reserve(make_volume(caller(), pool=make_pool()).id, SERVER)
    first = order(held).payload
    assert order(held).payload.epoch == first.epoch  # a further attempt
    elsewhere = order(held, "h3").payload
    assert elsewhere.epoch > first.epoch
    manager().exported(held.id, answer(first, path="/run/old"))  # an answer that came late
    assert manager().connection(held.id) is None
    with transaction.atomic():
        cut = manager().unexport_order(held.id)
    again = order(held, "h3").payload
    assert cut
    assert cut.payload.epoch == elsewhere.epoch < again.epoch
    manager().complete(held.id)
    assert order(held, "h3").payload.epoch == again.epoch
    assert status() == "in-use"  # a guest that comes back to what it has


def test_nothing_is_cut_off_where_nothing_was_given() -> None:
    held = manager().reserve(make_volume(caller(), pool=make_pool()).id, SERVER)
    with transaction.atomic():
        assert manager().unexport_order(held.id) is None


def test_who_may_have_it() -> None:
    wrong = {}
    for word in ("creating", "in-use", "error", "extending", "reserved"):
        volume = make_volume(caller(), status=word)
        with pytest.raises(InvalidVolume) as caught:
            manager().reserve(volume.id, SERVER)
        wrong[word] = caught.value.message
    assert all(text.endswith(f"Currently in '{word}'") for word, text in wrong.items())
    only_read = make_volume(caller(), read_only=True)
    with pytest.raises(InvalidAttachmentMode):
        manager().reserve(only_read.id, SERVER, "rw")
    assert manager().reserve(only_read.id, SERVER).mode == "ro"
    stranger = AttachmentManager(caller(project_id=OTHER))
    with pytest.raises(AttachmentNotFound):
        stranger.find(Attachment.objects.get().id)


def test_several_servers_where_the_volume_allows_it() -> None:
    volume = make_volume(caller(), pool=make_pool(), multiattach=True)
    first, second = (manager().reserve(volume.id, uuid.uuid4()) for _ in range(2))
    assert order(first).payload.shared
    manager().complete(first.id)
    assert status() == "in-use"
    with pytest.raises(InvalidVolume, match="already attached"):
        manager().reserve(volume.id, second.instance_id)
    manager().begin_detaching(first.id)
    manager().delete(first.id)
    assert status() == "reserved"
    assert [one.id for one in manager().of_instances([second.instance_id])] == [second.id]


def test_attachments_do_not_touch_a_volume_that_is_busy_otherwise() -> None:
    volume = make_volume(caller(), pool=make_pool())
    held = manager().reserve(volume.id, SERVER)
    manager().complete(held.id)
    VolumeManager(caller()).extend(str(volume.id), size=2)
    manager().begin_detaching(held.id) if status() == "in-use" else None
    manager().delete(held.id)
    found = Volume.objects.get()
    assert (found.status, found.previous_status) == ("extending", "available")


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gets_it() -> None:
    volume = make_volume(caller(), pool=make_pool())
    got = at_once([lambda: manager().reserve(volume.id, uuid.uuid4())] * 6)
    won = [one for one in got if isinstance(one, Attachment)]
    assert len(won) == 1
    assert {type(one) for one in got} == {Attachment, InvalidVolume}
    assert Attachment.objects.get() == won[0]


def test_what_a_client_writes_about_a_server_is_none_of_the_server_s() -> None:
    volume = make_volume(caller(), pool=make_pool())
    manager().create(volume.id, instance_id=SERVER)
    assert manager().of_instances([SERVER]) == []
