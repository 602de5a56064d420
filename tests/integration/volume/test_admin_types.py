"""The operators' pages of volume types and QoS specs: what they change goes through the managers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.compute import make_context
from tests.builders.identity import make_member, make_project
from tests.builders.volume_types import make_qos_spec, make_volume_type
from tests.builders.volumes import make_volume
from volume.models import QosSpec, VolumeType

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
TYPES, SPECS = "/admin/volume/volumetype/", "/admin/volume/qosspec/"
TYPE = {"name": "fast", "description": "", "qos_spec": "", "specs": "a = b\nc=d=e", "projects": ""}


@pytest.fixture
def operator() -> Client:
    return browser_of(make_member("admin", password=PASSWORD))


def post(operator: Client, path: str, body: dict[str, Any]) -> str:
    answer = operator.post(path, body, follow=True)
    assert answer.status_code == 200
    return text_of(answer)


def test_lists_are_for_operators_and_count_what_hangs_on_them(operator: Client) -> None:
    spec = make_qos_spec("gold", total_iops_sec="500")
    row = make_volume_type("fast", extra_specs={"multiattach": "<is> True"}, qos_spec=spec)
    make_volume(make_context(), volume_type=row)
    paths = [TYPES, f"{TYPES}{row.pk}/change/", SPECS, f"{SPECS}{spec.pk}/change/"]
    assert [operator.get(path).status_code for path in paths] == [200] * 4
    member = browser_of(make_member("member", password=PASSWORD))
    assert [member.get(path).status_code for path in paths] == [302] * 4
    assert "multiattach=&lt;is&gt; True" in text_of(operator.get(TYPES))
    assert "total_iops_sec=500" in text_of(operator.get(SPECS))


def test_a_type_is_offered_changed_and_withdrawn(operator: Client) -> None:
    project, gold, silver = make_project(), make_qos_spec("gold"), make_qos_spec("silver")
    post(operator, f"{TYPES}add/", {**TYPE, "projects": project.pk, "qos_spec": gold.pk})
    row = VolumeType.objects.get()
    assert row.extra_specs == {"a": "b", "c": "d=e"}
    assert [one.project_id for one in row.access.all()] == [project.pk]
    assert row.qos_spec == gold
    change = f"{TYPES}{row.pk}/change/"
    changed = {**TYPE, "name": "quick", "specs": "c=f", "is_public": "", "qos_spec": silver.pk}
    post(operator, change, changed)
    row.refresh_from_db()
    assert (row.name, row.extra_specs, row.qos_spec) == ("quick", {"c": "f"}, silver)
    assert not row.access.exists()
    make_volume(make_context(), volume_type=row)
    assert "is still in use by 1 volumes" in post(operator, change, {**changed, "specs": "c=g"})
    assert "Not key=value" in post(operator, change, {**changed, "specs": "nonsense"})
    post(operator, f"{TYPES}{row.pk}/delete/", {"post": "yes"})
    assert VolumeType.objects.exists()
    row.volumes.all().delete()
    post(operator, f"{TYPES}{row.pk}/delete/", {"post": "yes"})
    assert not VolumeType.objects.exists()


def test_qos_specs_are_made_changed_and_removed(operator: Client) -> None:
    body = {"name": "gold", "consumer": "both", "keys": "total_iops_sec=5\nread_iops_sec=3"}
    post(operator, f"{SPECS}add/", body)
    row = QosSpec.objects.get()
    assert (row.consumer, row.specs) == ("both", {"total_iops_sec": "5", "read_iops_sec": "3"})
    post(
        operator, f"{SPECS}{row.pk}/change/", {"consumer": "front-end", "keys": "total_iops_sec=6"}
    )
    row.refresh_from_db()
    assert (row.name, row.consumer, row.specs) == ("gold", "front-end", {"total_iops_sec": "6"})
    held = make_volume_type(qos_spec=row)
    post(operator, f"{SPECS}{row.pk}/delete/", {"post": "yes"})
    assert QosSpec.objects.exists()
    held.delete()
    post(operator, f"{SPECS}{row.pk}/delete/", {"post": "yes"})
    assert not QosSpec.objects.exists()
