"""What others left in pools, over HTTP: listed, taken, left to others; the host is asked, and may be away."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloudweb.context import RequestContext
from identity import quotas
from identity.models import User
from tests.builders.identity import client_of, make_member, make_project
from tests.builders.volumes import make_volume_type
from tests.drills.volumes import GIB, World, lab, made_already
from volume.manager import SnapshotManager, VolumeManager
from volume.models import Pool, Snapshot, Volume, VolumeTypeEncryption

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "h1@fake#default"
SYSTEM = RequestContext.system()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with lab(tmp_path) as made:
        clock = count()
        waiting = SimpleNamespace(
            sleep=lambda _: made.cloud.pump(), monotonic=lambda: float(next(clock))
        )
        monkeypatch.setattr("operations.asking.time", waiting)
        yield made


@pytest.fixture
def admin() -> User:
    return make_member("admin", project=make_project())


def send(user: User, method: str, path: str, body: Any = None, *, at: str = "3.70") -> Any:
    client = client_of(user)
    return client.send(method, f"/volume/v3{path}", body, OpenStack_API_Version=f"volume {at}")


def ask(user: User, path: str, *, at: str = "3.70") -> Any:
    answer = send(user, "GET", path, at=at)
    assert answer.status_code == 200, answer.content
    ((_, rows),) = answer.json().items()
    return rows


def fault(answer: Any) -> str:
    ((_, found),) = answer.json().items()
    return f"{answer.status_code} {found['message']}"


def manage(user: User, name: str = "theirs", **body: Any) -> Any:
    said = {"host": HERE, "ref": {"source-name": name}, **body}
    return send(user, "POST", "/manageable_volumes", {"volume": said})


def test_a_pool_is_listed_with_what_is_nobodys(world: World, admin: User) -> None:
    ours, driver = made_already(world), world.drivers["h1"]
    for name, size in (("b", GIB), ("a", 3 * GIB // 2), ("c", 5 * GIB)):
        driver.leave(name, size=size)
    path = f"/manageable_volumes?host={HERE.replace('#', '%23')}"
    rows = ask(admin, path)
    assert [one["reference"]["source-name"] for one in rows] == [f"volume-{ours}", "c", "b", "a"]
    assert rows[1] == {"reference": {"source-name": "c"}, "size": 5, "safe_to_manage": True}
    whole = ask(admin, path.replace("?", "/detail?") + "&sort=size:asc,reference:desc")
    assert [(one["size"], one["cinder_id"]) for one in whole] == [
        (1, ours), (1, None), (2, None), (5, None),
    ]  # fmt: skip
    assert whole[0]["reason_not_safe"] == "already managed"
    assert whole[0]["safe_to_manage"] is False
    assert whole[1]["extra_info"] == {"format": "qcow2"}
    old = ask(admin, path.replace("manageable_volumes", "os-volume-manage") + "&limit=1", at="3.0")
    assert len(old) == 1
    after = ask(admin, path + "&marker={'source-name': 'c'}&limit=1&offset=1")
    assert [one["reference"] for one in after] == [{"source-name": "a"}]
    refused = {
        f"{path}&marker=nothing": "400 Marker nothing could not be found.",
        f"{path}&sort=name": "400 ",
        f"{path}&limit=x": "400 ",
        "/manageable_volumes": "400 A host must be named",
        "/manageable_volumes?cluster=x": "400 There is no cluster x",
        "/manageable_volumes?host=h9@fake": "400 Invalid host: No pool",
    }
    found = {one: fault(send(admin, "GET", one))[: len(words)] for one, words in refused.items()}
    assert found == refused
    assert send(admin, "GET", path, at="3.7").status_code == 404


def test_what_is_nobodys_becomes_a_volume_and_is_left_again(world: World, admin: User) -> None:
    driver = world.drivers["h1"]
    driver.leave("theirs", size=GIB // 2, content="kept")
    answer = manage(admin, description="d", bootable=True, metadata={"k": "v"})
    assert answer.status_code == 202, answer.content
    shown = answer.json()["volume"]
    assert (shown["status"], shown["size"], shown["bootable"]) == ("creating", 1, "true")
    world.cloud.settle()
    row = Volume.objects.select_related("pool").get()
    assert (row.status, row.format, row.pool.provisioned) == ("available", "qcow2", 1)  # type: ignore[union-attr]
    assert driver.read(str(row.id)) == "kept"
    assert driver.left() == {}
    assert "already managed" in fault(manage(admin, f"volume-{row.id}"))
    act = {"os-unmanage": None}
    assert send(admin, "POST", f"/volumes/{row.id}/action", act).status_code == 202
    assert Volume.objects.get().status == "unmanaging"
    world.cloud.settle()
    assert driver.left() == {f"unmanaged-{row.id}": "kept"}
    assert not Volume.objects.exists()
    assert list(Pool.objects.values_list("provisioned", flat=True)) == [0, 0]


def test_what_is_asked_for_twice_with_one_key_is_done_once(world: World, admin: User) -> None:
    world.drivers["h1"].leave("theirs", size=GIB)
    left_out = ("name", "description", "volume_type", "availability_zone", "metadata", "bootable")
    wanted = {"host": HERE, "ref": {"source-name": "theirs"}, **dict.fromkeys(left_out)}
    body = {"volume": wanted}
    client, how = client_of(admin), {"Idempotency_Key": "k"}
    answers = [client.send("POST", "/volume/v3/os-volume-manage", body, **how) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert Volume.objects.count() == 1


def test_what_cannot_be_managed_says_why(world: World, admin: User) -> None:
    world.drivers["h1"].leave("theirs", size=3 * GIB)
    dear = make_volume_type("dear", extra_specs={"volume_backend_name": "other"})
    secret = make_volume_type("secret")
    VolumeTypeEncryption.objects.create(volume_type=secret, provider="luks")
    cases: dict[str, dict[str, Any]] = {
        "has nothing called nowhere": {"name": "nowhere"},
        "must contain the element source-name": {"ref": {"source-id": "x"}},
        "No pool is called": {"host": "h9@fake#default"},
        "A host must be named": {"host": None},
        "There is no cluster": {"cluster": "c"},
        "does not serve type dear": {"volume_type": dear.name},
        "Type secret encrypts": {"volume_type": str(secret.id)},
        "could not be found": {"volume_type": "none"},
        "not in availability zone": {"availability_zone": "moon"},
        "ref": {"ref": "theirs"},
    }
    for words, body in cases.items():
        found = fault(manage(admin, **body))
        assert found.startswith("400") and words in found, (words, found)  # noqa: PT018
    quotas.update(str(admin.default_project_id), "volume", {"gigabytes": 2})
    assert manage(admin).status_code == 413
    Pool.objects.update(capabilities=[])
    assert "has no volumes that can be managed" in fault(manage(admin))
    Pool.objects.update(capabilities=["manage"], enabled=False)
    assert "is disabled" in fault(manage(admin))
    Pool.objects.update(enabled=True)
    world.cloud.kill_host("h1")
    assert fault(manage(admin)).startswith("503")
    assert not Volume.objects.exists()


def test_of_two_who_take_the_same_one_has_it_and_the_other_loses_nothing(
    world: World, admin: User
) -> None:
    driver = world.drivers["h1"]
    driver.leave("theirs", size=GIB, content="kept")
    assert [manage(admin).status_code for _ in range(2)] == [202, 202]
    world.cloud.settle()
    rows = {one.status: one for one in Volume.objects.all()}
    assert rows.keys() == {"available", "error_managing"}
    assert driver.read(str(rows["available"].id)) == "kept"
    lost = str(rows["error_managing"].id)
    assert ask(admin, f"/volumes/{lost}")["status"] == "error"
    VolumeManager(SYSTEM).delete(lost)
    world.cloud.settle()
    assert (Volume.objects.count(), len(driver.list())) == (1, 1)


def test_whoever_is_deleted_by_force_while_it_is_managed_stays_others(
    world: World, admin: User
) -> None:
    driver = world.drivers["h1"]
    driver.leave("theirs", size=GIB, content="kept")
    driver.faults.fail("manage", times=1)
    key = manage(admin).json()["volume"]["id"]
    VolumeManager(SYSTEM).delete(key, force=True)
    world.cloud.settle()
    assert driver.left() == {"theirs": "kept"}
    assert not Volume.objects.exists()


def test_what_would_be_lost_is_not_left_to_others(world: World, admin: User) -> None:
    volume = made_already(world)
    SnapshotManager(world.context).create(volume, name="s")
    world.cloud.settle()

    def refusal() -> str:
        return fault(send(admin, "POST", f"/volumes/{volume}/action", {"os-unmanage": None}))

    assert "have snapshots" in refusal()
    Snapshot.objects.all().delete()
    Volume.objects.update(encrypted=True)
    assert "encrypted" in refusal()
    Volume.objects.update(encrypted=False, status="in-use")
    assert "status must be" in refusal()
    Volume.objects.update(status="available")
    Pool.objects.update(capabilities=[])
    assert "lets go of none" in refusal()
    Volume.objects.update(status="error_managing")
    answer = send(admin, "DELETE", f"/volumes/{volume}")
    assert "unmanage it, which loses nothing" in fault(answer)


def test_snapshots_of_others_become_ours_and_are_left_again(world: World, admin: User) -> None:
    volume, driver = made_already(world), world.drivers["h1"]
    driver.leave_snapshot(volume, "nightly")
    path = f"/manageable_snapshots/detail?host={HERE.replace('#', '%23')}"
    (found,) = ask(admin, path)
    assert found == {
        "reference": {"source-name": "nightly"},
        "source_reference": {"source-name": f"volume-{volume}"},
        "size": 1,
        "safe_to_manage": True,
        "reason_not_safe": None,
        "cinder_id": None,
        "extra_info": None,
    }
    body = {"volume_id": volume, "ref": {"source-name": "nowhere"}, "name": "mine"}
    answer = send(admin, "POST", "/manageable_snapshots", {"snapshot": body})
    assert "has no snapshot called nowhere" in fault(answer)
    body["ref"] = {"source-name": "nightly"}
    answer = send(admin, "POST", "/os-snapshot-manage", {"snapshot": body}, at="3.0")
    assert answer.status_code == 202, answer.content
    world.cloud.settle()
    row = Snapshot.objects.get()
    assert (row.status, row.name, row.project_id) == (
        "available", "mine", world.context.project_id,
    )  # fmt: skip
    assert ask(admin, path)[0]["cinder_id"] == str(row.id)
    answer = send(admin, "POST", f"/snapshots/{row.id}/action", {"os-unmanage": None})
    assert answer.status_code == 202, answer.content
    world.cloud.settle()
    assert not Snapshot.objects.exists()
    assert [one["reference"]["source-name"] for one in ask(admin, path)] == [f"unmanaged-{row.id}"]
