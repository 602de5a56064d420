"""Backups from the manager to the store and back, with hosts that reach the API in their own thread."""

from __future__ import annotations

import base64
import io
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.encryption import encrypt
from cloudweb.exceptions import CloudwebError
from cloudweb.stores.exceptions import StoreFull
from cloudweb.stores.s3 import S3Store
from identity import quotas
from tests.builders.backups import ApiInProcess, api_in_process, make_backup
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.stores import file_settings, s3_client, s3_service, s3_settings
from tests.builders.volumes import attach, make_pool, make_snapshot, make_volume, make_volume_type
from tests.drills.volumes import World, lab, made_already
from volume.api.backup_data import Body
from volume.backup_transfers import ticket_for
from volume.backups.sealing import fresh_key
from volume.drivers.fake_records import FakeSnapshot
from volume.manager import (
    BackupManager,
    BackupScheduleManager,
    BackupWish,
    VolumeManager,
    VolumeRequest,
)
from volume.models import (
    Backup,
    BackupLineage,
    BackupSchedule,
    Snapshot,
    Volume,
    VolumeTypeEncryption,
)
from volume.states import BackupStatus, VolumeStatus

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
SYSTEM = RequestContext.system()


@pytest.fixture
def store(settings: Any, tmp_path: Path) -> Path:
    settings.IMAGE_STORES = {"one": file_settings(tmp_path / "store")}
    return tmp_path / "store" / "backups" / "data"


@pytest.fixture
def made(store: Path, tmp_path: Path) -> Iterator[World]:
    with lab(tmp_path / "cloud", hosts=1) as running, api_in_process():
        yield running


def backups(made: World) -> BackupManager:
    return BackupManager(made.context)


def written(made: World, words: str) -> str:
    volume = made_already(made)
    made.drivers["h1"].write(volume, words)
    return volume


def take(made: World, volume: str, **wanted: Any) -> Backup:
    backup = backups(made).create(BackupWish(volume_id=volume, **wanted))
    made.cloud.settle()
    backup.refresh_from_db()
    return backup


def restored(made: World, backup: Backup, **where: Any) -> str:
    volume = backups(made).restore(str(backup.id), **where)
    made.cloud.settle()
    volume.refresh_from_db()
    assert volume.status == VolumeStatus.AVAILABLE, volume.fault_message
    return made.drivers["h1"].read(str(volume.id))


def files(store: Path) -> int:
    return sum(path.is_file() for path in store.rglob("*"))


def test_full_incremental_and_encrypted_come_back_and_go_without_each_other(
    made: World, store: Path
) -> None:
    volume = written(made, "one")
    Volume.objects.filter(id=volume).update(bootable=True, image_metadata={"os": "linux"})
    full = take(made, volume, encrypted=True)
    assert (full.status, full.chunks, full.changed_bytes) == ("available", 1, 1024**2)
    assert BackupLineage.objects.get().encrypted_key
    same = take(made, volume, incremental=True)
    assert (same.chunks, same.changed_bytes, same.lineage_id) == (0, 0, full.lineage_id)
    made.drivers["h1"].write(volume, "two")
    part = take(made, volume, incremental=True)
    assert (part.chunks, part.parent_id) == (1, same.id)
    assert not any(b"one" in path.read_bytes() for path in store.rglob("*") if path.is_file())
    for gone in (full, same):
        backups(made).delete(str(gone.id))
        made.cloud.settle()
    assert not Backup.objects.filter(id__in=[full.id, same.id]).exists()
    assert restored(made, part, volume_id=volume) == "two"
    new = restored(made, part, wanted=VolumeRequest(name="again"))
    again = Volume.objects.get(name="again")
    assert (new, again.bootable, again.image_metadata) == ("two", True, {"os": "linux"})
    assert files(store) == 2
    backups(made).delete(str(part.id))
    made.cloud.settle()
    assert (files(store), BackupLineage.objects.count()) == (0, 0)


def test_a_volume_of_an_encrypted_type_is_backed_up_encrypted_and_restored_to_such_a_type(
    made: World, store: Path
) -> None:
    kind = make_volume_type("secret")
    VolumeTypeEncryption.objects.create(volume_type=kind, provider="luks")
    volume = VolumeManager(made.context).create(VolumeRequest(size=1, volume_type="secret"))
    made.cloud.settle()
    made.drivers["h1"].write(str(volume.id), "one")
    backup = take(made, str(volume.id))
    assert bool(backup.lineage.encrypted_key) is True
    assert restored(made, backup, wanted=VolumeRequest(name="again")) == "one"
    again = Volume.objects.get(name="again")
    assert (again.volume_type, again.encrypted) == (kind, True)
    assert restored(made, backup, volume_id=str(volume.id)) == "one"
    assert take(made, str(volume.id), incremental=True).chunks == 0
    BackupLineage.objects.update(encrypted_key="")
    with pytest.raises(CloudwebError, match="take a full one"):
        take(made, str(volume.id), incremental=True)
    _, url = BackupManager(SYSTEM).export_record(str(backup.id))
    assert json.loads(base64.b64decode(url))["volume_type_id"] == str(kind.id)


def test_a_volume_in_use_and_a_snapshot(made: World) -> None:
    volume = written(made, "then")
    attach(Volume.objects.get(id=volume))
    with pytest.raises(CloudwebError, match="must use the force flag"):
        backups(made).create(BackupWish(volume_id=volume))
    backup = backups(made).create(BackupWish(volume_id=volume, force=True))
    row = Volume.objects.get(id=volume)
    assert (row.status, row.previous_status) == ("backing-up", "in-use")
    made.cloud.settle()
    row.refresh_from_db()
    assert row.status == "in-use"
    snapshot = make_snapshot(row)
    known = made.drivers["h1"]._volumes[volume]
    known.snapshots[str(snapshot.id)] = FakeSnapshot(known.size, known.content)
    made.drivers["h1"].write(volume, "now")
    of_it = take(made, volume, snapshot_id=str(snapshot.id), incremental=True)
    assert (of_it.status, of_it.parent_id, of_it.chunks) == ("available", backup.id, 0)
    assert Snapshot.objects.get().status == "available"
    assert restored(made, of_it, wanted=VolumeRequest(name="x")) == "then"


def test_damage_is_found_by_a_proof_and_never_restored(made: World, store: Path) -> None:
    volume = written(made, "precious")
    backup = take(made, volume)
    BackupManager(SYSTEM).prove_backups()
    made.cloud.settle()
    backup.refresh_from_db()
    assert backup.proven_at is not None
    assert backup.proof_fault == ""
    (chunk,) = (path for path in store.rglob("*") if path.is_file() and path.name != "manifest")
    chunk.write_bytes(chunk.read_bytes()[:-1])
    Backup.objects.update(proof_tried_at=now() - timedelta(days=30))
    BackupManager(SYSTEM).prove_backups()
    made.cloud.settle()
    backup.refresh_from_db()
    assert "damaged" in backup.proof_fault or "not what was backed up" in backup.proof_fault
    target = backups(made).restore(str(backup.id), volume_id=volume)
    made.cloud.settle()
    target.refresh_from_db()
    assert target.status == "error_restoring"
    assert "backup" in target.fault_message
    backup.refresh_from_db()
    assert backup.status == "available"


def test_a_bucket_keeps_backups_and_what_is_wrong_with_them_is_said(
    settings: Any, tmp_path: Path
) -> None:
    with s3_service() as url, lab(tmp_path / "cloud", hosts=1) as made, api_in_process():
        settings.IMAGE_STORES = {"one": s3_settings(url)}
        bucket: Any = s3_client(url)
        place = {"Bucket": settings.IMAGE_STORES["one"]["bucket"]}
        volume = written(made, "one")
        full = take(made, volume, encrypted=True)
        made.drivers["h1"].write(volume, "two")
        part = take(made, volume, incremental=True)
        assert [restored(made, one, volume_id=volume) for one in (full, part)] == ["one", "two"]
        names = [one["Key"] for one in bucket.list_objects_v2(**place)["Contents"]]
        assert all(one.startswith("cloud/backups/") for one in names)
        assert sum("manifest" in one for one in names) == 2

        (chunk,) = (one for one in names if str(part.id) in one and "manifest" not in one)
        whole = bucket.get_object(**place, Key=chunk)["Body"].read()
        key, other = part.lineage.encrypted_key, encrypt(base64.b64encode(fresh_key()).decode())
        wrong: dict[str, tuple[bytes | None, str]] = {
            "changed, or its key does not fit": (whole[:-1], key),
            "cut off": (b"", key),
            "is gone": (None, key),
            "its key does not fit": (whole, other),
        }
        for words, (data, lineage_key) in wrong.items():
            if data is None:
                bucket.delete_object(**place, Key=chunk)
            else:
                bucket.put_object(**place, Key=chunk, Body=data)
            BackupLineage.objects.update(encrypted_key=lineage_key)
            target = backups(made).restore(str(part.id), volume_id=volume)
            backups_proven(made)
            target.refresh_from_db()
            part.refresh_from_db()
            assert target.status == "error_restoring", words
            assert words in target.fault_message
            assert words in part.proof_fault
        BackupLineage.objects.update(encrypted_key=key)
        assert restored(made, part, volume_id=volume) == "two"

        with patch.object(S3Store, "put", side_effect=StoreFull):
            failed = take(made, volume)
        assert (failed.status, Volume.objects.get(id=volume).status) == ("error", "available")
        assert failed.fail_reason == "The store of backups has no room left."
        for one in (full, part, failed):
            backups(made).delete(str(one.id))
        made.cloud.settle()
        assert (Backup.objects.count(), bucket.list_objects_v2(**place)["KeyCount"]) == (0, 0)


def backups_proven(made: World) -> None:
    """Let all that is under way come to its end, then prove all backups."""
    made.cloud.settle()
    Backup.objects.update(proof_tried_at=None)
    BackupManager(SYSTEM).prove_backups()
    made.cloud.settle()


def test_a_record_brings_a_backup_back_when_the_database_was_lost(made: World) -> None:
    volume = written(made, "kept")
    backup = take(made, volume, encrypted=True)
    system = BackupManager(RequestContext.system(project_id=made.context.project_id))
    service, url = system.export_record(str(backup.id))
    with pytest.raises(CloudwebError, match="here already"):
        system.import_record(service=service, url=url)
    Backup.objects.all().delete()
    BackupLineage.objects.all().delete()
    for bad in ({"service": "swift", "url": url}, {"service": service, "url": "e30="}):
        with pytest.raises(CloudwebError, match="Invalid input"):
            system.import_record(**bad)
    system.import_record(service=service, url=url)
    made.cloud.settle()
    found = Backup.objects.get()
    assert (found.id, found.status, found.size) == (backup.id, "available", 1)
    assert restored(made, found, wanted=VolumeRequest(name="x")) == "kept"


def test_what_cannot_be_done_is_refused(store: Path) -> None:
    make_volume_type()
    context = make_context(make_member("member"))
    manager = BackupManager(context)
    here, nowhere = make_pool(), make_pool("h2", capabilities=[])
    volume = make_volume(context, pool=here, size=2)
    backup = make_backup(volume)
    small = make_volume(context, pool=here, size=1)
    busy = make_volume(context, pool=here, status="extending", size=2)
    unable = make_volume(context, pool=nowhere)
    sealed = make_backup(volume, volume_type_id=uuid.uuid4())
    creating = make_backup(volume, status=BackupStatus.CREATING, parent_id=backup.id, sha256="")

    def wish(row: Volume, **wanted: Any) -> Any:
        return lambda: manager.create(BackupWish(volume_id=str(row.id), **wanted))

    cases: dict[str, Any] = {
        "Invalid volume: Volume .* status must be available or in-use": wish(busy),
        "cannot be backed up where it is": wish(unable),
        "encrypted volume is restored to an encrypted one": lambda: manager.restore(
            str(sealed.id), volume_id=str(volume.id)
        ),
        "volume is restored to an encrypted one": lambda: manager.restore(str(sealed.id)),
        "No backups available to do an incremental": wish(small, incremental=True),
        "Snapshot .* could not be found": wish(volume, snapshot_id=str(uuid.uuid4())),
        "There is no image store 'tape'": wish(volume, store="tape"),
        "take a full one": wish(volume, incremental=True, encrypted=True),
        "An incremental backup of it is being taken": lambda: manager.delete(str(backup.id)),
        "Invalid backup: Backup status must be available or error": lambda: manager.delete(
            str(creating.id)
        ),
        "Invalid backup: Backup status must be available, but": lambda: manager.restore(
            str(creating.id)
        ),
        "volume size 1 is too small to restore backup of size 2": lambda: manager.restore(
            str(backup.id), volume_id=str(small.id)
        ),
        "to restore a backup to it, but it is extending": lambda: manager.restore(
            str(backup.id), volume_id=str(busy.id)
        ),
        "Backup .* could not be found": lambda: BackupManager(
            make_context(make_member("member"))
        ).find(backup.id),
    }
    for words, call in cases.items():
        with pytest.raises(CloudwebError, match=words):
            call()
    quotas.update(str(context.project_id), "volume", {"backup_gigabytes": 4})
    with pytest.raises(CloudwebError, match=r"[Qq]uota"):
        wish(volume)()
    assert {*Volume.objects.values_list("status", flat=True)} == {"available", "extending"}


def test_backup_transfers_need_their_own_signature_and_end_with_the_transfer(
    store: Path,
) -> None:
    make_volume_type()
    context = make_context(make_member("member"))
    volume = make_volume(context, pool=make_pool())
    taken = make_backup(volume, status=BackupStatus.CREATING, ticket="t1", sha256="")
    other = make_backup(volume, status=BackupStatus.RESTORING, ticket="t2")
    api = ApiInProcess()._client
    signature = ticket_for(taken, "take").signature

    def status(backup: Backup, what: str, said: str, method: str = "GET") -> int:
        path = f"/volume/signed/backups/{backup.id}/{what}?signature={said}"
        return int(api.generic(method, path, b"").status_code)

    restoring = ticket_for(other, "restore").signature
    found = {
        "its own": status(taken, "terms", signature),
        "none": status(taken, "terms", ""),
        "another backup's": status(other, "terms", signature),
        "to read what is taken": status(taken, "manifest", signature),
        "to write what is restored": status(other, "chunks", restoring, "PUT"),
        "a chunk of another lineage": status(other, f"chunks/{taken.id}/{'0' * 64}", restoring),
        "no parent": status(taken, "parent", signature),
        "nothing to store": status(taken, "chunks", signature, "PUT"),
    }
    assert found == {
        "its own": 200,
        "none": 403,
        "another backup's": 403,
        "to read what is taken": 403,
        "to write what is restored": 403,
        "a chunk of another lineage": 404,
        "no parent": 404,
        "nothing to store": 400,
    }
    cut = api.generic(
        "PUT", f"/volume/signed/backups/{taken.id}/chunks?signature={signature}", b"\0" * 40
    )
    assert cut.status_code == 400
    lost = Body(
        io.BytesIO(b"\0" * 40).read, 41
    )  # what a server keeps back is not stored as nothing
    assert (len(lost.read(64)), lost.read(1)) == (40, b"")
    with pytest.raises(CloudwebError, match="not all there"):
        lost.check_whole()
    Backup.objects.filter(id=taken.id).update(status=BackupStatus.AVAILABLE)
    assert status(taken, "terms", signature) == 403
    Backup.objects.filter(id=taken.id).update(status=BackupStatus.CREATING, ticket="t3")
    assert status(taken, "chunks", signature, "PUT") == 403


def test_what_clients_read_of_backups_by_version(store: Path) -> None:
    make_volume_type()
    user = make_member("member")
    volume = make_volume(make_context(user), pool=make_pool())
    one, two = make_backup(volume, name="b", metadata={"k": "v"}), make_backup(volume, name="a")
    client = client_of(user)

    def ask(path: str, at: str = "3.70") -> Any:
        answer = client.send("GET", f"/volume/v3{path}", None, OpenStack_API_Version=f"volume {at}")
        return answer.json() if answer.status_code == 200 else answer.status_code

    old = ask(f"/backups/{one.id}", "3.0")["backup"]
    new = ask(f"/backups/{one.id}")["backup"]
    assert new.keys() - old.keys() == {
        "os-backup-project-attr:project_id", "metadata", "user_id", "encryption_key_id",
    }  # fmt: skip
    assert (new["container"], new["is_incremental"], new["has_dependent_backups"]) == (
        "one", False, False,
    )  # fmt: skip
    assert [row["name"] for row in ask("/backups?sort=name:asc")["backups"]] == ["a", "b"]
    assert ask("/backups?sort=name:asc", "3.36") == 400
    assert [row["id"] for row in ask("/backups/detail?limit=1")["backups"]] == [str(two.id)]
    assert ask("/backups?with_count=true&volume_id=" + str(volume.id))["count"] == 2
    assert ask("/backups?metadata=%7B%27k%27:%27v%27%7D")["backups"][0]["id"] == str(one.id)
    proofs = ask("/backup-proofs", "3.0")["backups"]
    assert {proof["proven_at"] for proof in proofs} == {None}
    put = {"backup": {"name": "new"}}
    statuses = [
        client.send(
            "PUT", f"/volume/v3/backups/{one.id}", put, OpenStack_API_Version=f"volume {at}"
        ).status_code
        for at in ("3.8", "3.9")
    ]
    assert statuses == [404, 200]


def test_a_schedule_begins_anew_where_the_last_one_failed_or_is_known_as_damaged(
    made: World,
) -> None:
    """Else it would take no further one, or none that can be restored, until a full one is due."""
    volume = written(made, "0")
    BackupScheduleManager(made.context).create(volume, {"name": "nightly", "interval": 24})
    seen = []

    def night() -> None:
        BackupSchedule.objects.update(next_at=now())
        BackupScheduleManager(SYSTEM).run_backup_schedules()
        made.cloud.settle()
        newest = Backup.objects.latest("created_at")
        seen.append((newest.status, newest.is_incremental))

    night()
    made.drivers["h1"].faults.fail("hold_point", times=-1, transient=False)
    night()
    made.drivers["h1"].faults.clear()
    night()
    night()
    Backup.objects.filter(status="available").update(proof_fault="A chunk is gone.")
    night()
    night()
    assert seen == [
        ("available", False), ("error", True), ("available", False), ("available", True),
        ("available", False), ("available", True),
    ]  # fmt: skip


def test_a_schedule_backs_up_when_due_and_keeps_what_it_says(made: World) -> None:
    volume = written(made, "0")
    attach(Volume.objects.get(id=volume))
    schedules = BackupScheduleManager(made.context)
    wanted = {"name": "nightly", "interval": 24, "full_every": 3, "keep_last": 2, "encrypted": True}
    row = schedules.create(volume, wanted)
    engine = BackupScheduleManager(SYSTEM)
    seen = []
    for night in range(4):
        made.drivers["h1"].write(volume, str(night))
        for _ in range(2):  # beat may ring twice
            engine.run_backup_schedules()
            made.cloud.settle()
        newest = Backup.objects.latest("data_at")
        seen.append((newest.status, newest.is_incremental, newest.schedule_id == row.id))
        BackupSchedule.objects.update(next_at=now())
    assert seen == [
        ("available", False, True), ("available", True, True), ("available", True, True),
        ("available", False, True),
    ]  # fmt: skip
    assert Backup.objects.count() == 4
    engine.delete_expired_backups()
    made.cloud.settle()
    left = list(Backup.objects.order_by("data_at"))
    assert [one.is_incremental for one in left] == [True, False]
    assert [restored(made, one, wanted=VolumeRequest(name="x")) for one in left] == ["2", "3"]
    Volume.objects.filter(id=volume).update(status="extending")
    engine.run_backup_schedules()
    row.refresh_from_db()
    assert "status must be available or in-use" in row.last_error
    assert row.next_at > now()
    schedules.update(str(row.id), {"enabled": False})
    BackupSchedule.objects.update(next_at=now())
    engine.run_backup_schedules()
    assert Backup.objects.count() == 2
    with pytest.raises(CloudwebError, match="could not be found"):
        BackupScheduleManager(make_context(make_member("member"))).delete(str(row.id))
    schedules.delete(str(row.id))
    assert {one.schedule_id for one in Backup.objects.all()} == {None}
