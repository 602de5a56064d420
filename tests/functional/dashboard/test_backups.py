"""The pages of backups: the list, one with what it shares, restoring, trying; schedules on a volume's page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from cloudweb.database.clock import now
from dashboard.components.backups import backup_badge
from dashboard.components.schedules import kept_by
from tests.builders.backups import make_backup
from tests.builders.browsers import PASSWORD, browser_of, said, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab
from tests.builders.volumes import attach, make_pool, make_volume
from volume.models import Backup, BackupSchedule, Volume
from volume.states import BackupStatus, VolumeStatus

pytestmark = pytest.mark.django_db(transaction=True)
SCHEDULE = {
    "name": "nightly", "interval": "24", "full_every": "30", "keep_last": "7", "keep_daily": "0",
    "keep_weekly": "4", "keep_monthly": "1", "encrypted": "on",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


@pytest.fixture
def volume(home: Lab) -> Volume:
    return make_volume(home.context, name="data", size=2, pool=make_pool(provisioned=2))


def test_the_list_says_of_what_and_whether_it_was_proven(
    home: Lab, member: Client, volume: Volume
) -> None:
    first = make_backup(volume, name="monday", stored_bytes=3 * 1024**2, proven_at=now())
    make_backup(volume, name="tuesday", parent_id=first.id, proof_fault="A chunk is damaged.")
    make_backup(make_volume(home.context, name="gone"), name="ancient", status="error", sha256="")
    Volume.objects.filter(name="gone").delete()
    page = text_of(member.get("/backups"))
    assert "monday Ready data Full 3 MiB Proven" in page
    assert "tuesday Ready data Incremental 0 B Failed" in page
    assert "ancient Error a volume that is gone Full" in page
    assert "monday" not in text_of(member.get("/backups?status=error"))
    found = text_of(member.get(f"/backups?q={volume.id}"))
    assert ("monday" in found, "ancient" in found) == (True, False)


def test_one_says_what_it_holds_and_what_it_shares_blocks_with(
    member: Client, volume: Volume
) -> None:
    first = make_backup(volume, name="monday", content="c" * 64, proven_at=now())
    second = make_backup(volume, name="tuesday", lineage=first.lineage, parent_id=first.id)
    make_backup(volume, name="another full one")
    page = text_of(member.get(f"/backups/{first.id}"))
    assert "Yes: it was restored on trial" in page
    assert "c" * 64 in page
    assert "monday (this one)" in page
    assert ("tuesday" in page, "another full one" in page) == (True, False)
    assert "It was not this one" in text_of(member.get(f"/backups/{second.id}"))
    Backup.objects.filter(id=second.id).update(proof_fault="A chunk is damaged.")
    assert "and failed: A chunk is damaged." in text_of(member.get(f"/backups/{second.id}"))
    gone = member.get(
        "/backups/00000000-0000-4000-8000-000000000000", headers={"HX-Request": "true"}
    )
    assert (gone.status_code, gone.headers["HX-Redirect"]) == (204, "/backups")


def test_a_volume_is_backed_up_now_in_full_and_then_what_changed(
    home: Lab, member: Client, volume: Volume
) -> None:
    attach(volume, instance_id=home.create())
    url = f"/volumes/{volume.id}/backups/new"
    opened = member.get(url).content.decode()
    assert 'id="back_up-box"' in opened
    assert "What changed since" not in opened  # there is nothing to compare with
    for wrong in ({"name": "", "kind": "full"}, {"name": "x", "kind": "incremental"}):
        assert member.post(url, wrong).status_code == 422
    answer = member.post(url, {"name": "first", "kind": "full", "encrypted": "on"}, follow=True)
    assert said(answer) == ["first is being taken."]
    first = Backup.objects.get()
    assert (first.name, bool(first.lineage.encrypted_key), first.parent_id) == ("first", True, None)
    refused = member.post(url, {"name": "second", "kind": "full"})
    assert (refused.status_code, "status must be" in text_of(refused)) == (422, True)
    Backup.objects.update(status="available", sha256="0" * 64)
    Volume.objects.update(status=VolumeStatus.AVAILABLE)
    assert member.post(url, {"name": "second", "kind": "incremental"}).status_code == 302
    second = Backup.objects.get(name="second")
    assert (second.parent_id, second.lineage_id) == (first.id, first.lineage_id)
    page = text_of(member.get(f"/volumes/{volume.id}"))
    assert "second Incremental" in page


def test_it_is_restored_to_a_new_volume_or_over_one_that_fits(
    home: Lab, member: Client, volume: Volume
) -> None:
    backup = make_backup(volume, name="monday", size=2)
    small = make_volume(home.context, name="small", size=1)
    used = make_volume(home.context, name="used", size=9)
    attach(used, instance_id=home.create())
    url = f"/backups/{backup.id}/restore"
    opened = member.get(url).content.decode()
    offered = [f'value="{one.id}"' in opened for one in (volume, small, used)]
    assert offered == [True, False, False]
    for wrong, told in {
        "size=": "Say how many GiB.",
        "size=1": "too small to restore",
        f"volume={small.id}": "not there any more",
    }.items():
        name, _, value = wrong.partition("=")
        answer = member.post(url, {"size": "2", name: value})
        assert (answer.status_code, told in text_of(answer)) == (422, True), wrong
    answer = member.post(url, {"size": "3", "name": "again"}, follow=True)
    assert said(answer) == ["again is being restored."]
    made = Volume.objects.get(name="again")
    assert made.size == 3
    Backup.objects.update(status="available")
    answer = member.post(url, {"volume": str(volume.id), "size": "2"}, follow=True)
    assert said(answer) == ["data is being restored."]
    volume.refresh_from_db()
    assert volume.status == VolumeStatus.RESTORING_BACKUP


def test_it_is_tried_renamed_and_deleted(member: Client, volume: Volume) -> None:
    backup = make_backup(volume, name="monday")
    url = f"/backups/{backup.id}"
    answer = member.post(f"{url}/rename", {"name": "sunday", "description": "d"}, follow=True)
    assert said(answer) == ["It is called sunday now."]
    answer = member.post(f"{url}/prove", follow=True)
    assert said(answer) == ["sunday is being restored on trial."]
    again = member.post(f"{url}/prove", headers={"HX-Request": "true"})
    assert (again.status_code, "being proven already" in again.headers["HX-Trigger"]) == (400, True)
    answer = member.post("/backups", {"one": f"delete {backup.id}"}, follow=True)
    assert answer.status_code == 200
    other = make_backup(volume, name="other")
    answer = member.post(f"/backups/{other.id}/delete", follow=True)
    assert said(answer) == ["other is being deleted."]
    other.refresh_from_db()
    assert other.status == "deleting"


def test_schedules_are_made_changed_paused_and_ended_on_the_volumes_page(
    member: Client, volume: Volume
) -> None:
    url = f"/volumes/{volume.id}"
    for name, value in {"name": "", "interval": "5", "keep_last": "0", "full_every": "x"}.items():
        answer = member.post(f"{url}/schedules/new", {**SCHEDULE, name: value})
        assert (answer.status_code, BackupSchedule.objects.count()) == (422, 0), name
    answer = member.post(f"{url}/schedules/new", SCHEDULE, follow=True)
    assert said(answer) == ["nightly begins with a backup now."]
    assert "keeps the last 7, one of each of 4 weeks, one of each of 1 month" in text_of(answer)
    made = BackupSchedule.objects.get()
    assert (made.interval, made.full_every, made.encrypted) == (24, 30, True)
    there = f"{url}/schedules/{made.id}"
    BackupSchedule.objects.update(interval=5)  # as the API takes it
    opened = member.get(f"{there}/edit").content.decode()
    assert ("Every 5 hours" in opened, 'value="nightly"' in opened) == (True, True)
    assert member.post(f"{there}/edit", {**SCHEDULE, "keep_last": ""}).status_code == 422
    change = {**SCHEDULE, "name": "seldom", "interval": "168"}
    assert said(member.post(f"{there}/edit", change, follow=True)) == ["seldom is changed."]
    assert "paused" in text_of(member.post(f"{there}/pause", follow=True))
    made.refresh_from_db()
    assert (made.name, made.interval, made.enabled) == ("seldom", 168, False)
    member.post(f"{there}/resume", follow=True)
    made.refresh_from_db()
    assert made.enabled
    answer = member.post(f"{there}/delete", follow=True)
    assert said(answer) == ["The schedule is ended. Its backups stay."]
    assert not BackupSchedule.objects.exists()


def test_every_status_has_a_badge() -> None:
    texts = {status: backup_badge(Backup(status=status)).text for status in BackupStatus.values}
    assert (texts["available"], texts["error_deleting"]) == ("Ready", "Error")
    assert kept_by(BackupSchedule(keep_last=1)) == "the last 1"
