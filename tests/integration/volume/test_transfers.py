"""Transfers: offered under a key that is told once, taken with quota, snapshots and all."""

from __future__ import annotations

from typing import Any

import pytest

from identity import quotas
from tests.builders.compute import make_context
from tests.builders.volume_types import volume_client
from tests.builders.volumes import make_snapshot, make_volume
from volume import quota
from volume.models import Transfer, Volume
from volume.quota_names import SERVICE
from volume.states import SnapshotStatus, VolumeStatus

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
GIVER, TAKER = "giver", "taker"
NEW, OLD = "/volume-transfers", "/os-volume-transfer"


def send(method: str, path: str, body: Any = None, *, project: str = GIVER, **how: Any) -> Any:
    role, version = how.get("role", "member"), how.get("version", "3.70")
    return volume_client(role, version, project_id=project).send(method, path, body)


def volume(**facts: Any) -> Volume:
    return make_volume(make_context(project_id=GIVER), size=2, **facts)


def offer(row: Volume, *, path: str = NEW, version: str = "3.70", **said: Any) -> Any:
    body = {"transfer": {"volume_id": str(row.id), **said}}
    return send("POST", path, body, version=version)


def accept(transfer: Any, *, project: str = TAKER, key: str | None = None, path: str = NEW) -> Any:
    body = {"accept": {"auth_key": key or transfer["auth_key"]}}
    return send("POST", f"{path}/{transfer['id']}/accept", body, project=project)


def test_a_volume_passes_with_its_snapshots() -> None:
    row = volume()
    snapshot = make_snapshot(row)
    answer = offer(row, name="take it")
    assert answer.status_code == 202, answer.content
    made = answer.json()["transfer"]
    assert made == {
        "id": made["id"],
        "name": "take it",
        "volume_id": str(row.id),
        "auth_key": made["auth_key"],
        "created_at": made["created_at"],
        "links": made["links"],
        "source_project_id": GIVER,
        "destination_project_id": None,
        "accepted": False,
        "no_snapshots": False,
    }
    row.refresh_from_db()
    assert row.status == VolumeStatus.AWAITING_TRANSFER
    assert made["auth_key"] not in str(Transfer.objects.values().get())
    shown = send("GET", f"{NEW}/{made['id']}").json()["transfer"]
    assert shown == {key: value for key, value in made.items() if key != "auth_key"}
    assert send("GET", f"{NEW}/{made['id']}", project=TAKER).status_code == 404
    taken = accept(made)
    assert taken.status_code == 202, taken.content
    assert taken.json()["transfer"]["volume_id"] == str(row.id)
    row.refresh_from_db()
    snapshot.refresh_from_db()
    assert (row.project_id, row.status) == (TAKER, VolumeStatus.AVAILABLE)
    assert snapshot.project_id == TAKER
    assert quota.used(GIVER)["gigabytes"] == 0
    assert quota.used(TAKER)["gigabytes"] == 4
    assert accept(made).status_code == 404
    assert send("GET", f"/volumes/{row.id}").status_code == 404
    assert send("GET", f"/volumes/{row.id}", project=TAKER).status_code == 200


def test_schedules_of_backups_end_with_whose_they_are() -> None:
    """They would back nothing up, and count for who cannot see them."""
    row = volume()
    body = {"backup_schedule": {"volume_id": str(row.id), "name": "nightly"}}
    assert send("POST", "/backup-schedules", body).status_code == 201
    made = offer(row).json()["transfer"]
    assert accept(made, project=GIVER).status_code == 202  # it was lent to nobody
    assert len(send("GET", "/backup-schedules").json()["backup_schedules"]) == 1
    assert accept(offer(row).json()["transfer"]).status_code == 202
    assert send("GET", "/backup-schedules").json()["backup_schedules"] == []


def test_who_does_not_know_the_key_takes_nothing() -> None:
    row = volume()
    made = offer(row).json()["transfer"]
    refused = accept(made, key="0" * 32)
    assert refused.status_code == 400
    assert "invalid auth key" in refused.json()["badRequest"]["message"]
    for key in ("", 7, None, "x" * 256):
        body = {"accept": {"auth_key": key}}
        assert send("POST", f"{NEW}/{made['id']}/accept", body, project=TAKER).status_code == 400
    row.refresh_from_db()
    assert (row.project_id, row.status) == (GIVER, VolumeStatus.AWAITING_TRANSFER)


def test_the_quota_of_who_takes_counts() -> None:
    row = volume()
    make_snapshot(row)
    made = offer(row).json()["transfer"]
    for limits in ({"volumes": 0}, {"snapshots": 0}, {"gigabytes": 3}, {"per_volume_gigabytes": 1}):
        quotas.update(TAKER, SERVICE, limits, keep_others=False)
        refused = accept(made)
        assert (refused.status_code, [*refused.json()]) == (413, ["overLimit"]), limits
    row.refresh_from_db()
    assert (row.project_id, row.status) == (GIVER, VolumeStatus.AWAITING_TRANSFER)
    quotas.reset(TAKER)
    assert accept(made).status_code == 202


def test_what_may_be_offered() -> None:
    with_snapshot, unready = volume(), volume()
    make_snapshot(with_snapshot)
    make_snapshot(unready, status=SnapshotStatus.CREATING)
    answers = {
        "in use": offer(volume(status=VolumeStatus.IN_USE)),
        "on offer": offer(volume(status=VolumeStatus.AWAITING_TRANSFER)),
        "snapshots would stay": offer(with_snapshot, no_snapshots=True),
        "snapshots would stay, before 3.55": offer(with_snapshot, path=OLD, version="3.54"),
        "a snapshot is being made": offer(unready),
        "encrypted, before 3.70": offer(volume(encrypted=True), version="3.69"),
        "unknown field": offer(volume(), colour="red"),
        "no_snapshots before 3.55": offer(volume(), path=OLD, version="3.54", no_snapshots=True),
    }
    assert {why: one.status_code for why, one in answers.items()} == dict.fromkeys(answers, 400)
    foreign = make_volume(make_context(project_id="other"))
    assert offer(foreign).status_code == 404
    assert send("POST", NEW, {"transfer": {"volume_id": "x"}}).status_code == 404
    assert offer(volume(encrypted=True)).status_code == 202
    assert offer(volume(), no_snapshots=True).json()["transfer"]["no_snapshots"] is True


def test_an_offer_is_withdrawn() -> None:
    row = volume()
    made = offer(row).json()["transfer"]
    assert send("DELETE", f"{NEW}/{made['id']}", project=TAKER).status_code == 404
    gone = send("DELETE", f"{NEW}/{made['id']}")
    assert (gone.status_code, gone.content) == (202, b"")
    row.refresh_from_db()
    assert row.status == VolumeStatus.AVAILABLE
    assert accept(made).status_code == 404


def test_an_offer_counts_only_while_the_volume_waits_for_it() -> None:
    """An operator who resets the status ends it; the volume can be offered again."""
    row = volume()
    made = offer(row).json()["transfer"]
    Volume.objects.update(status=VolumeStatus.AVAILABLE)
    assert accept(made).status_code == 400
    again = offer(row).json()["transfer"]
    assert accept(made).status_code == 404
    assert accept(again).status_code == 202


def test_the_path_of_old() -> None:
    row = volume()
    made = offer(row, path=OLD, version="3.0").json()["transfer"]
    assert sorted(made) == ["auth_key", "created_at", "id", "links", "name", "volume_id"]
    assert send("GET", f"{OLD}/detail", version="3.0").json()["transfers"][0]["id"] == made["id"]
    shown = send("GET", f"{NEW}/{made['id']}", version="3.0").json()["transfer"]
    assert shown["id"] == made["id"]
    assert accept(made, path=OLD).status_code == 202


def test_lists_are_of_the_project_unless_an_operator_says_otherwise() -> None:
    made = [offer(volume(), name=name).json()["transfer"]["id"] for name in ("a", "b", "c")]

    def listed(query: str = "", **how: Any) -> list[str]:
        answer = send("GET", f"{NEW}{query}", **how)
        assert answer.status_code == 200, answer.content
        return [one["id"] for one in answer.json()["transfers"]]

    assert listed() == made[::-1]
    assert listed("?sort=name:asc&limit=2") == made[:2]
    assert listed(f"?sort=name:asc&marker={made[1]}") == made[2:]
    assert listed("?name=b") == [made[1]]
    assert listed("?name=b", version="3.58") == made[::-1]
    assert listed(project=TAKER) == listed("?all_tenants=1", project=TAKER) == []
    assert listed(project=TAKER, role="admin") == []
    assert listed("?all_tenants=1", project=TAKER, role="admin") == made[::-1]
    assert listed("/detail?name=c") == [made[2]]
