"""Quota sets, the quotas of all projects, limits: counted from rows, in all and of each type."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from cloudweb.exceptions import QuotaExceeded
from tests.builders.compute import make_context
from tests.builders.identity import make_project
from tests.builders.volume_types import make_volume_type, volume_client
from tests.builders.volumes import make_snapshot, make_volume
from volume import quota
from volume.models import VolumeType

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def admin(method: str, path: str, body: Any = None, version: str | None = None) -> Any:
    return volume_client("admin", version).send(method, path, body)


def set_quota(project: str, **limits: Any) -> Any:
    return admin("PUT", f"/os-quota-sets/{project}", {"quota_set": limits})


@pytest.fixture
def project() -> str:
    """A project with a volume of 3 GiB, a snapshot of it, and a type that it may not use."""
    found = str(make_project().pk)
    kind = make_volume_type("fast")
    make_volume_type("shut", projects=("other",))
    volume = make_volume(make_context(project_id=found), size=3, volume_type=kind)
    make_snapshot(volume)
    return found


def test_a_quota_set_with_its_types_and_with_what_is_used(project: str) -> None:
    client = volume_client(project_id=project)
    shown = client.send("GET", f"/os-quota-sets/{project}").json()["quota_set"]
    types = dict.fromkeys(("volumes_fast", "snapshots_fast", "gigabytes_fast"), -1)
    assert shown == {"id": project, **quota.DEFAULTS, **types}
    assert client.send("GET", f"/os-quota-sets/{project}/defaults").json()["quota_set"] == shown
    used = client.send("GET", f"/os-quota-sets/{project}?usage=True").json()["quota_set"]
    assert used["volumes"] == {"limit": 10, "in_use": 1, "reserved": 0}
    counts = {name: one["in_use"] for name, one in used.items() if name != "id" and one["in_use"]}
    assert counts == {
        "volumes": 1, "snapshots": 1, "gigabytes": 6,
        "volumes_fast": 1, "snapshots_fast": 1, "gigabytes_fast": 6,
    }  # fmt: skip
    assert client.send("GET", "/os-quota-sets/other").status_code == 403


def test_quotas_are_set_and_put_back(project: str) -> None:
    answer = set_quota(project, volumes=5, gigabytes="7", volumes_fast=2, force=True, backups=None)
    assert answer.status_code == 200, answer.content
    found = answer.json()["quota_set"]
    assert (found["volumes"], found["gigabytes"], found["volumes_fast"]) == (5, 7, 2)
    assert found["backups"] == quota.DEFAULTS["backups"]
    assert "id" not in found
    path = f"/os-quota-sets/{project}"
    gone = admin("DELETE", path)
    assert (gone.status_code, gone.content) == (200, b"")
    assert admin("GET", path).json()["quota_set"]["volumes"] == 10
    wrong: dict[str, Any] = {
        "no such quota": {"ghosts": 1},
        "no such type": {"volumes_none": 1},
        "too low": {"volumes": -2},
        "too high": {"volumes": 2**31},
        "no number": {"volumes": "many"},
        "a boolean": {"volumes": True},
        "a list": {"volumes": [1]},
    }
    found = {why: set_quota(project, **limits).status_code for why, limits in wrong.items()}
    assert found == dict.fromkeys(wrong, 400)
    assert set_quota("nobody", volumes=1).status_code == 400
    assert admin("PUT", path, {}).status_code == 400


def test_a_limit_below_what_is_used_is_refused_on_demand(project: str) -> None:
    low = {"quota_set": {"gigabytes_fast": 5}}
    path = f"/os-quota-sets/{project}"
    assert admin("PUT", f"{path}?skip_validation=False", low).status_code == 400
    assert admin("PUT", f"{path}?skip_validation=True", low).status_code == 200
    assert admin("PUT", path, low).status_code == 200


def test_the_quotas_of_all_projects(project: str) -> None:
    path = "/os-quota-class-sets/default"
    shown = admin("GET", path).json()["quota_class_set"]
    assert (shown["id"], shown["volumes"], shown["volumes_shut"]) == ("default", 10, -1)
    changed = admin("PUT", path, {"quota_class_set": {"volumes": 4, "volumes_fast": 1}})
    assert changed.json()["quota_class_set"]["volumes"] == 4
    found = admin("GET", f"/os-quota-sets/{project}").json()["quota_set"]
    assert (found["volumes"], found["volumes_fast"]) == (4, 1)
    assert set_quota(project, volumes=6).json()["quota_set"]["volumes"] == 6
    for method, body in (("GET", None), ("PUT", {"quota_class_set": {"volumes": 1}})):
        assert admin(method, "/os-quota-class-sets/gold", body).status_code == 404
    assert admin("PUT", path, {"quota_class_set": {"volumes_none": 4}}).status_code == 400


def test_what_is_of_one_type_is_limited_too(project: str) -> None:
    """In one sentence with what is over in all."""
    kind = VolumeType.objects.get(name="fast")
    set_quota(project, volumes_fast=1, gigabytes=6)
    with transaction.atomic(), pytest.raises(QuotaExceeded) as refused:
        quota.reserve(project, of=kind, volumes=1, gigabytes=1)
    assert refused.value.message.startswith(
        "Quota exceeded for gigabytes, volumes_fast: Requested 1, 1, but already used 6, 1 of 6, 1"
    )
    with transaction.atomic():
        quota.reserve("another", of=kind, volumes=1, gigabytes=1)


def test_limits(project: str) -> None:
    client = volume_client(project_id=project)
    limits = client.send("GET", "/limits").json()["limits"]
    assert limits == {
        "rate": [],
        "absolute": {
            "maxTotalVolumes": 10,
            "maxTotalVolumeGigabytes": 1000,
            "maxTotalSnapshots": 10,
            "maxTotalBackups": 10,
            "maxTotalBackupGigabytes": 1000,
            "totalVolumesUsed": 1,
            "totalGigabytesUsed": 6,
            "totalSnapshotsUsed": 1,
            "totalBackupsUsed": 0,
            "totalBackupGigabytesUsed": 0,
        },
    }
    asked = f"/limits?project_id={project}"
    used = {
        version: admin("GET", asked, version=version).json()["limits"]["absolute"][
            "totalVolumesUsed"
        ]
        for version in ("3.38", "3.39")
    }
    assert used == {"3.38": 0, "3.39": 1}
    stranger = volume_client(version="3.39").send("GET", asked)
    assert stranger.status_code == 403
