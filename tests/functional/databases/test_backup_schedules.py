"""Databases are backed up by themselves, chains go as a whole, and containers are the project's own words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.times import micros_z
from compute.bootstrap import ensure_default_flavors
from databases import conf, fake_guest, rpc
from databases.dumps import logs
from databases.manager import DatabaseBackupScheduleManager, PointInTimeManager
from databases.models import (
    Backup,
    BackupStrategy,
    DatabaseBackupSchedule,
    DatabaseInstance,
    DatastoreVersion,
    LogArchive,
    LogPiece,
)
from databases.moments import windows
from databases.operations.restoring import restore_point
from databases.states import Task
from identity.models import User
from operations.saga import StepFailed
from operations.testing import Cloud, cloud
from tests.builders.databases import make_datastores, make_fake_guest, make_instance
from tests.builders.identity import ApiClient, client_of, make_context, make_member
from tests.builders.networks import make_network, make_subnet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
V1 = "/database/v1.0"


@pytest.fixture
def user() -> User:
    return make_member("member")


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Cloud]:
    monkeypatch.setattr(conf, "GUESTS", "fake")
    settings.IMAGE_STORE = tmp_path / "images"
    with cloud(tmp_path) as found:
        yield found


@pytest.fixture
def database(user: User) -> DatabaseInstance:
    found = make_instance(user)
    make_fake_guest(found)
    return found


def sent(client: ApiClient, method: str, path: str, said: Any = None, *, status: int = 200) -> Any:
    answer = client.send(method, f"{V1}/{path}", said)
    assert answer.status_code == status, answer.content
    return answer.json() if answer.content else None


def test_a_schedule_backs_up_when_due_and_keeps_whole_chains(
    running: Cloud, user: User, database: DatabaseInstance
) -> None:
    client = client_of(user)
    said = {"instance": str(database.id), "name": "nightly", "full_every": 2, "keep_last": 2}
    for wrong in ({"interval": 0}, {"keep_last": 0}, {"name": ""}, {"encrypted": True}):
        sent(client, "POST", "backup_schedules", {"backup_schedule": said | wrong}, status=400)
    made = sent(client, "POST", "backup_schedules", {"backup_schedule": said})["backup_schedule"]
    place = f"backup_schedules/{made['id']}"
    engine = DatabaseBackupScheduleManager(RequestContext.system())
    seen = []
    for _night in range(5):
        for _ in range(2):  # beat may ring twice
            engine.run_backup_schedules()
            running.settle()
        newest = Backup.objects.latest("created_at")
        seen.append((newest.status, newest.parent_id is not None))
        DatabaseBackupSchedule.objects.update(next_at=now())
    assert seen == [("COMPLETED", one) for one in (False, True, False, True, False)]
    engine.delete_expired_backups()
    running.settle()
    left = Backup.objects.order_by("created_at")  # the full one stays for the one that adds to it
    assert [one.parent_id is not None for one in left] == [False, True, False]
    DatabaseInstance.objects.update(task=Task.REBOOT)
    engine.run_backup_schedules()
    shown = sent(client, "GET", place)["backup_schedule"]
    assert "not currently available" in shown["last_error"]
    assert DatabaseBackupSchedule.objects.get().next_at < now() + timedelta(minutes=11)
    DatabaseInstance.objects.update(task=Task.NONE)
    # what one that failed should have added to may be lost: the next one is whole
    chain = Backup.objects.create(
        name="x", project_id=database.project_id, instance_id=database.id, version=database.version,
        volume_size=1, status="FAILED", parent=left.last(), schedule_id=made["id"],
    )  # fmt: skip
    DatabaseBackupSchedule.objects.update(next_at=now())
    engine.run_backup_schedules()
    running.settle()
    latest = Backup.objects.latest("created_at")
    assert (latest.status, latest.parent_id) == ("COMPLETED", None)
    # so it is after one of which a trial found that it cannot be restored
    Backup.objects.filter(id=latest.id).update(proof_fault="A chunk is gone.")
    DatabaseBackupSchedule.objects.update(next_at=now())
    engine.run_backup_schedules()
    running.settle()
    whole = Backup.objects.latest("created_at")
    assert (whole.status, whole.parent_id) == ("COMPLETED", None)
    whole.delete()
    chain.delete()
    latest.delete()
    # another one took over: it begins with a whole one, and what stays keeps what it adds to
    other = make_instance(user, name="r", version=database.version)
    make_fake_guest(other)
    DatabaseBackupSchedule.objects.update(instance=other, next_at=now(), keep_last=3)
    engine.run_backup_schedules()
    running.settle()
    latest = Backup.objects.latest("created_at")
    assert (latest.instance_id, latest.status, latest.parent_id) == (other.id, "COMPLETED", None)
    engine.delete_expired_backups()
    running.settle()
    assert Backup.objects.count() == 4  # three are kept, and the one that one of them adds to
    latest.delete()
    DatabaseBackupSchedule.objects.update(instance=database)
    sent(client, "PUT", place, {"backup_schedule": {"enabled": False}})
    DatabaseBackupSchedule.objects.update(next_at=now())
    engine.run_backup_schedules()
    assert Backup.objects.count() == 3
    sent(client_of(make_member("member")), "GET", place, status=404)
    sent(client, "DELETE", place, status=202)
    assert {one.schedule_id for one in Backup.objects.all()} == {None}


def test_a_parent_goes_with_all_that_add_to_it_and_a_container_is_a_folder(
    running: Cloud, user: User, database: DatabaseInstance
) -> None:
    client, key = client_of(user), str(database.id)
    for name, status in (("../etc", 400), ("weekly", 200)):
        said = {"backup_strategy": {"swift_container": name}}
        sent(client, "POST", "backup_strategies", said, status=status)
    said = {"backup_strategy": {"swift_container": "mine", "instance_id": key}}
    sent(client, "POST", "backup_strategies", said)
    listed = sent(client, "GET", f"backup_strategies?instance_id={key}")["backup_strategies"]
    assert [one["swift_container"] for one in listed] == ["mine"]

    def taken(**more: Any) -> dict[str, Any]:
        said = {"backup": {"name": "b", "instance": key, "incremental": 0, **more}}
        row = sent(client, "POST", "backups", said, status=202)["backup"]
        running.settle()
        found: dict[str, Any] = sent(client, "GET", f"backups/{row['id']}")["backup"]
        return found

    full = taken()
    assert f"/{database.project_id}/mine/" in full["locationRef"]
    sent(client, "DELETE", f"backup_strategies?instance_id={key}", status=202)
    more = taken(parent_id=full["id"])
    assert f"/{database.project_id}/weekly/" in more["locationRef"]
    last = taken(incremental=1)
    assert (more["parent_id"], last["parent_id"]) == (full["id"], more["id"])
    assert taken(swift_container="once")["locationRef"].count("/once/") == 1
    sent(client, "DELETE", "backup_strategies", status=202)
    sent(client, "DELETE", "backup_strategies", status=404)
    assert not BackupStrategy.objects.exists()
    sent(client, "DELETE", f"backups/{full['id']}", status=202)
    sent(client, "DELETE", f"backups/{more['id']}", status=422)  # it goes already
    adding = {"backup": {"name": "b", "instance": key, "parent_id": last["id"]}}
    sent(client, "POST", "backups", adding, status=422)
    running.settle()
    assert Backup.objects.count() == 1


def test_one_goes_back_to_any_moment_that_the_log_holds(
    running: Cloud, user: User, database: DatabaseInstance
) -> None:
    client, key = client_of(user), str(database.id)
    engine = PointInTimeManager(RequestContext.system())
    place = f"instances/{key}/point_in_time"

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = sent(client, "GET", place)["point_in_time"]
        return found

    assert (shown()["enabled"], shown()["earliest"]) == (False, None)
    for _again in range(2):
        sent(client, "PUT", place, {"point_in_time": {"enabled": True}}, status=202)
        running.settle()
    said = {"backup": {"name": "b", "instance": key}}
    sent(client, "POST", "backups", said, status=202)
    running.settle()
    for _round in range(3):
        engine.look_after_logs()
    base = Backup.objects.get()
    point = shown()
    assert point["earliest"] == micros_z(base.taken_at)
    assert point["latest"] > point["earliest"]
    assert LogPiece.objects.count() == 3
    [one] = windows(database.id)
    first, second = LogPiece.objects.order_by("number").values_list("until", flat=True)[:2]
    middle = first + (second - first) / 2
    make_subnet(network := make_network(make_context(user)), make_context(user))
    ensure_default_flavors()
    DatastoreVersion.objects.update(image_id=uuid4())
    wanted: dict[str, Any] = {
        "name": "then",
        "flavorRef": "1",
        "volume": {"size": 1},
        "nics": [{"network_id": str(network.id)}],
    }
    early, late = one.begins - timedelta(hours=1), now() + timedelta(hours=1)
    for point_said, status in (
        ({"instance": key}, 400),
        ({"instance": key, "backupRef": str(base.id), "time": micros_z(middle)}, 400),
        ({"instance": key, "time": "yesterday"}, 400),
        ({"instance": key, "time": micros_z(late)}, 400),
        ({"instance": key, "time": micros_z(early)}, 422),
        ({"instance": str(uuid4()), "time": micros_z(middle)}, 404),
        ({"instance": key, "time": micros_z(middle)}, 200),
    ):
        body = {"instance": {**wanted, "restorePoint": point_said}}
        sent(client, "POST", "instances", body, status=status)
    made = DatabaseInstance.objects.get(name="then")
    assert (made.restored_from, made.restored_until) == (base.id, middle)
    point_of = restore_point(base, made.id, until=middle)
    assert [len(point_of.chain), len(point_of.log)] == [1, 2]
    with pytest.raises(StepFailed):
        restore_point(base, made.id, until=early)
    pieces = LogPiece.objects.order_by("number")
    pieces.filter(number=2).update(run="b0")  # a gap
    assert shown()["latest"] == micros_z(pieces[0].until) or shown()["latest"] is None
    pieces.filter(number=1).update(size=1 << 40)  # more than is kept: the oldest goes
    engine.look_after_logs()
    assert pieces[0].number == 2
    with pytest.MonkeyPatch.context() as patch:  # nor are there ever so many, however small
        patch.setattr(logs, "MOST_PIECES", 2)
        engine.look_after_logs()
        assert pieces.count() == 2
    base.delete()
    engine.look_after_logs()
    assert not pieces.exists()
    sent(client, "PUT", place, {"point_in_time": {"enabled": False}}, status=202)
    running.settle()
    engine.look_after_logs()
    assert not LogArchive.objects.exists()


def test_only_postgresql_goes_back_to_moments(running: Cloud, user: User) -> None:
    make_datastores()
    other = make_instance(user, version=DatastoreVersion.objects.get(manager="mariadb"))
    said = {"point_in_time": {"enabled": True}}
    sent(client_of(user), "PUT", f"instances/{other.id}/point_in_time", said, status=400)


def test_what_a_guest_cannot_have_sent_becomes_no_backup(
    running: Cloud, user: User, database: DatabaseInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods, client = fake_guest._METHODS, client_of(user)
    wanted = {"backup": {"name": "b", "instance": str(database.id)}}
    true = methods[rpc.BACKUP.name]
    for said in (
        {"size": 1 << 80},
        {"size": -1},
        {"position": "0" * 300},
        {"backup_type": "x" * 70},
    ):

        def lie(*asked: Any, said: dict[str, Any] = said) -> Any:
            made = true(*asked)
            assert made is not None
            return made.model_copy(update=said)

        monkeypatch.setitem(methods, rpc.BACKUP.name, lie)
        sent(client, "POST", "backups", wanted, status=202)
        running.settle()
        made = Backup.objects.latest("created_at")
        assert (made.status, "what cannot be" in made.fault_message) == ("FAILED", True)
