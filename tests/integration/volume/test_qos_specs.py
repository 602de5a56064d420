"""QoS specs over REST: keys beside the name, and types that refer to them by GET."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.builders.volume_types import make_qos_spec, make_volume_type, volume_client
from volume.models import QosSpec, VolumeType

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def send(method: str, path: str, body: Any = None) -> Any:
    return volume_client("admin").send(method, f"/qos-specs{path}", body)


def test_made_shown_and_changed() -> None:
    body = {"name": "gold", "consumer": "front-end", "total_iops_sec": "500", "read:x": 7}
    made = send("POST", "", {"qos_specs": body})
    assert made.status_code == 200, made.content
    shown = made.json()["qos_specs"]
    specs = {"total_iops_sec": "500", "read:x": "7"}
    assert shown == {"id": shown["id"], "name": "gold", "consumer": "front-end", "specs": specs}
    assert [one["rel"] for one in made.json()["links"]] == ["self", "bookmark"]
    assert send("GET", f"/{shown['id']}").json() == made.json()
    assert send("GET", "").json() == {"qos_specs": [shown]}
    assert send("POST", "", {"qos_specs": body}).status_code == 409
    changed = send(
        "PUT", f"/{shown['id']}", {"qos_specs": {"total_iops_sec": "9", "consumer": "both"}}
    )
    assert changed.json() == {"qos_specs": {"total_iops_sec": "9", "consumer": "both"}}
    row = QosSpec.objects.get()
    assert (row.consumer, row.specs) == ("both", {**specs, "total_iops_sec": "9"})
    removed = send("PUT", f"/{row.id}/delete_keys", {"keys": ["read:x"]})
    assert (removed.status_code, removed.content) == (202, b"")
    assert (
        send("PUT", f"/{row.id}/delete_keys", {"keys": ["total_iops_sec", "nil"]}).status_code
        == 400
    )
    assert QosSpec.objects.get().specs == {"total_iops_sec": "9"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"qos_specs": {"a": "b"}},
        {"qos_specs": {"name": ""}},
        {"qos_specs": {"name": "x", "consumer": "nobody"}},
        {"qos_specs": {"name": "x", "a/b": "c"}},
        {"qos_specs": {"name": "x", "a": {}}},
        {"qos_specs": []},
    ],
)
def test_bodies_that_are_wrong(body: Any) -> None:
    answer = send("POST", "", body)
    assert (answer.status_code, [*answer.json()]) == (400, ["badRequest"])


def test_types_come_to_refer_to_them_and_no_longer() -> None:
    spec, other = make_qos_spec("gold"), make_qos_spec("silver")
    row = make_volume_type("fast")

    def ask(verb: str, of: QosSpec = spec, type_id: object = row.id) -> int:
        return int(send("GET", f"/{of.id}/{verb}?vol_type_id={type_id}").status_code)

    assert [ask("associate"), ask("associate"), ask("associate", other)] == [202, 202, 400]
    assert send("GET", f"/{spec.id}/associations").json() == {
        "qos_associations": [{"id": str(row.id), "name": "fast", "association_type": "volume_type"}]
    }
    shown = volume_client("admin").send("GET", f"/types/{row.id}").json()["volume_type"]
    assert shown["qos_specs_id"] == str(spec.id)
    assert ask("disassociate", other) == 400
    assert [ask("disassociate"), ask("disassociate")] == [202, 202]
    assert ask("associate") == 202
    assert send("GET", f"/{spec.id}/disassociate_all").status_code == 202
    assert VolumeType.objects.get().qos_spec is None
    assert ask("associate", type_id=uuid.uuid4()) == 404
    assert ask("associate", type_id="") == 400
    assert send("GET", f"/{uuid.uuid4()}/associations").status_code == 404


def test_those_that_types_refer_to_go_by_force_alone() -> None:
    spec = make_qos_spec()
    make_volume_type(qos_spec=spec)
    assert send("DELETE", f"/{spec.id}").status_code == 400
    assert send("DELETE", f"/{spec.id}?force=False").status_code == 400
    gone = send("DELETE", f"/{spec.id}?force=True")
    assert (gone.status_code, gone.content) == (202, b"")
    assert VolumeType.objects.get().qos_spec is None
    assert send("DELETE", f"/{spec.id}").status_code == 404
