"""The operators' pages of volumes and pools."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudweb.database.clock import now
from identity.authentication import find_user
from identity.bootstrap import bootstrap
from operations.reporting import Heard
from tests.builders.backups import make_backup
from tests.builders.browsers import text_of
from tests.builders.images import caller, make_image
from tests.builders.volumes import attach, make_pool, make_snapshot, make_volume
from volume.models import Agent, Backup, BackupLineage, BackupSchedule, Pool, Volume
from volume.objects import Held, VolumeReport
from volume.reports import note_reports

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def browser(name: str = "admin") -> Client:
    bootstrap(admin_password="p", demo_password="p")
    user = find_user(name=name)
    assert user is not None
    client = Client()
    client.force_login(user)
    return client


def act(client: Client, model: str, action: str, *rows: Any, **fields: str) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **fields}
    return client.post(f"/admin/volume/{model}/", data, follow=True).content.decode()


def test_lists_and_forms_are_for_operators_and_tell_no_secret() -> None:
    pool = make_pool(problem="no directory", frozen=True)
    volume = make_volume(caller(), pool=pool, encrypted=True, encryption_key="hidden-key")
    attach(volume, connection="hidden-connection")
    make_snapshot(volume)
    paths = [
        "/admin/volume/pool/", f"/admin/volume/pool/{pool.pk}/change/",
        "/admin/volume/volume/?q=vol", f"/admin/volume/volume/{volume.pk}/change/",
    ]  # fmt: skip
    operator, demo = browser(), browser("demo")
    pages = [operator.get(path) for path in paths]
    assert [page.status_code for page in pages] == [200] * 4
    assert "hidden-" not in "".join(page.content.decode() for page in pages)
    assert [demo.get(path).status_code for path in paths] == [302] * 4


def test_a_moved_volume_says_what_it_is_called_and_which_host_must_stay_up() -> None:
    name, moved = UUID(int=7), {"migration_status": "success", "pool": make_pool()}
    volume = make_volume(caller(), name_id=name, **moved)
    attach(volume, relay={"host": "old-host"})
    page = text_of(browser().get(f"/admin/volume/volume/{volume.pk}/change/"))
    for words in ("success", str(name), "old-host"):
        assert words in page


def test_what_operators_do_with_pools() -> None:
    pool, kept = make_pool("h1"), make_pool("h2")
    make_volume(caller(), pool=kept)
    operator = browser()
    form = {"zone": "z2", "ratio": "2.5", "disabled_reason": "repair"}
    operator.post(f"/admin/volume/pool/{pool.pk}/change/", form)
    pool.refresh_from_db()
    found = (pool.zone, pool.ratio, pool.enabled, pool.disabled_reason)
    assert found == ("z2", 2.5, False, "repair")
    operator.post(f"/admin/volume/pool/{pool.pk}/change/", {**form, "zone": "a:b"})
    act(operator, "pool", "enable", pool)
    act(operator, "pool", "freeze", pool, kept)
    assert {(one.zone, one.enabled, one.frozen) for one in Pool.objects.all()} == {
        ("z2", True, True), ("nova", True, True),
    }  # fmt: skip
    act(operator, "pool", "thaw", pool)
    page = act(operator, "pool", "delete_selected", pool, kept, post="yes")
    assert "Pool h2@file#default has volumes." in page
    assert [one.host for one in Pool.objects.all()] == ["h2"]


def test_what_operators_do_with_volumes() -> None:
    volume = make_volume(caller(), status="error_deleting")
    held = make_volume(caller())
    attach(held)
    operator = browser()
    act(operator, "volume", "set_in_error", volume)
    assert Volume.objects.get(id=volume.id).status == "error"
    page = act(operator, "volume", "force_delete", volume, held, sure="yes")
    assert "1 being deleted" in page
    assert "attached" in page
    assert Volume.objects.get(id=volume.id).status == "deleting"


def test_what_operators_see_and_do_with_backups() -> None:
    pool = make_pool()
    volume = make_volume(caller(), pool=pool)
    proven = make_backup(volume, name="proven", proven_at=now(), ticket="hidden-ticket")
    broken = make_backup(volume, name="broken", proof_fault="A chunk of the backup is gone.")
    BackupLineage.objects.update(encrypted_key="hidden-key")
    schedule = BackupSchedule.objects.create(
        project_id=volume.project_id, name="nightly", volume=volume, interval=24
    )
    operator = browser()
    listed = operator.get("/admin/volume/backup/").content.decode()
    assert "A chunk of the backup is gone." in listed
    assert f"{proven.proven_at:%Y-%m-%d %H:%M}" in listed
    shown = [
        operator.get(f"/admin/volume/backup/{proven.pk}/change/"),
        operator.get("/admin/volume/backupschedule/"),
        operator.get(f"/admin/volume/backupschedule/{schedule.pk}/change/"),
    ]
    assert [page.status_code for page in shown] == [200] * 3
    assert "hidden-" not in listed + "".join(page.content.decode() for page in shown)
    act(operator, "backup", "set_in_error", broken)
    act(operator, "backup", "prove", proven)
    proven.refresh_from_db()
    assert proven.proof_tried_at is not None
    page = act(operator, "backup", "prove", broken)
    assert "Backup status must be available, but it is error" in page
    act(operator, "backup", "force_delete", broken, sure="yes")
    assert Backup.objects.get(pk=broken.pk).status == "deleting"


def test_what_hosts_cannot_put_right_is_told_to_operators() -> None:
    volume, operator = make_volume(caller()), browser()
    snapshot = make_snapshot(volume)
    point = make_backup(volume, status="creating", sha256="")
    over = make_backup(volume)
    attached = attach(volume)
    ids = [str(one.id) for one in (snapshot, point, over)]
    held = Held(
        volumes=(str(volume.id), "not-an-id", str(UUID(int=7))),
        snapshots=tuple(ids),
        attachments=(str(attached.id), str(UUID(int=8))),
    )
    full = VolumeReport(pools=(), problems=("The disk is full.",), strays=("file: x",), held=held)
    note_reports([Heard("h1", full), Heard("h2", VolumeReport(pools=()))])
    [agent, fine] = Agent.objects.all()
    assert (fine.problems, fine.strays, fine.unknown) == ([], [], [])
    assert agent.unknown == [
        f"volume {UUID(int=7)}", "volume not-an-id", f"snapshot {over.id}", f"attachment {UUID(int=8)}",
    ]  # fmt: skip
    listed = text_of(operator.get("/admin/volume/agent/?look=yes"))
    assert ("1 problem, 5 strays" in listed, "h2" in listed) == (True, False)
    page = text_of(operator.get(f"/admin/volume/agent/{agent.pk}/change/"))
    assert all(one in page for one in ("The disk is full.", "file: x", *agent.unknown))

    note_reports([Heard("h1", VolumeReport())])  # says nothing of what it did not look at
    agent.refresh_from_db()
    assert (agent.problems, agent.strays, len(agent.unknown)) == ([], ["file: x"], 4)
    with CaptureQueriesContext(connection) as seen:
        note_reports([Heard("h1", VolumeReport())])
    assert len(seen) == 1  # nothing is written where nothing is news
    act(operator, "agent", "delete_selected", agent, post="yes")
    assert [one.host for one in Agent.objects.all()] == ["h2"]


def test_what_was_made_of_a_volume_is_on_its_page() -> None:
    volume = make_volume(caller(), name="origin", pool=make_pool())
    snapshot = make_snapshot(volume)
    make_backup(volume, name="nightly")
    make_volume(caller(), name="clone", source_volume_id=volume.pk)
    make_volume(caller(), name="of the snapshot", snapshot_id=snapshot.pk)
    make_volume(caller(), name="stranger")
    image = make_image(name="server")
    named = json.dumps([{"snapshot_id": str(snapshot.pk)}])
    image.properties.create(name="block_device_mapping", value=named)
    page = browser().get(f"/admin/volume/volume/{volume.pk}/change/")
    text = text_of(page)
    for words in (
        "backup nightly (available)",
        "volume clone (available)",
        "volume of the snapshot (available)",
        "image server (queued, needs its snapshot)",
    ):
        assert words in text
    assert "stranger" not in text
    assert f"/admin/image/image/{image.pk}/change/" in page.content.decode()


def test_an_operator_moves_a_volume_from_its_page() -> None:
    here, there, closed = make_pool("h1"), make_pool("h2"), make_pool("h3", enabled=False)
    volume = make_volume(caller(), pool=here)
    operator, at = browser(), f"/admin/volume/volume/{volume.pk}/change/"
    page = operator.get(at).content.decode()
    rows = {f"{one}-{word}_FORMS": "0" for one in ("attachments", "snapshots")
            for word in ("TOTAL", "INITIAL")}  # fmt: skip
    assert there.full_name in page
    assert closed.full_name not in page
    assert "Say which pool." in operator.post(at, {**rows, "pool": ""}).content.decode()
    operator.post(at, {**rows, "pool": str(here.pk)})
    assert Volume.objects.get().migration_status is None
    operator.post(at, {**rows, "pool": str(there.pk)})
    volume.refresh_from_db()
    assert (volume.migration_status, volume.pool) == ("starting", here)
    assert "being migrated" in text_of(
        operator.post(at, {**rows, "pool": str(there.pk)}, follow=True)
    )
