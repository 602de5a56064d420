"""Volume types over REST: bodies, filters, who sees what, extra specs, access, encryption, defaults."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity import quotas
from identity.models import Project
from tests.builders.identity import make_project
from tests.builders.volume_types import make_qos_spec, make_volume_type, volume_client
from volume import conf, quota_names
from volume.bootstrap import ensure_default_type
from volume.models import Volume, VolumeType

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def admin(version: str | None = None) -> Any:
    return volume_client("admin", version)


def create(**fields: Any) -> Any:
    return admin().send("POST", "/types", {"volume_type": {"name": "fast", **fields}})


def names(path: str, role: str = "member", **who: Any) -> list[str]:
    answer = volume_client(role, **who).send("GET", path)
    assert answer.status_code == 200, answer.content
    return [one["name"] for one in answer.json()["volume_types"]]


def hold(row: VolumeType) -> Volume:
    return Volume.objects.create(project_id="p", size=1, volume_type=row)


def message(answer: Any) -> str:
    (fault,) = answer.json().values()
    return str(fault["message"])


def test_a_type_as_its_makers_see_it() -> None:
    answer = create(description="quick", extra_specs={"a:b": "c", "n": 5})
    assert answer.status_code == 200, answer.content
    found = answer.json()["volume_type"]
    assert found == {
        "id": found["id"],
        "name": "fast",
        "description": "quick",
        "is_public": True,
        "os-volume-type-access:is_public": True,
        "extra_specs": {"a:b": "c", "n": "5"},
        "qos_specs_id": None,
    }
    assert admin().send("GET", f"/types/{found['id']}").json() == answer.json()
    assert create().status_code == 409


def test_everybody_sees_what_concerns_everybody() -> None:
    row = make_volume_type(
        "fast", extra_specs={"multiattach": "<is> True", "volume_backend_name": "b"}
    )
    shown = volume_client("reader").send("GET", f"/types/{row.id}").json()["volume_type"]
    assert shown["extra_specs"] == {"multiattach": "<is> True"}
    assert "qos_specs_id" not in shown
    specs = volume_client().send("GET", f"/types/{row.id}/extra_specs").json()
    assert specs == {"extra_specs": {"multiattach": "<is> True"}}
    hidden = f"/types/{row.id}/extra_specs/volume_backend_name"
    assert volume_client().send("GET", hidden).status_code == 404
    assert admin().send("GET", hidden).json() == {"volume_backend_name": "b"}


def test_private_types_are_there_for_those_who_have_access() -> None:
    make_volume_type("open")
    shut = make_volume_type("shut", projects=("mine",))
    assert names("/types", project_id="mine") == ["shut", "open"]
    assert names("/types", project_id="yours") == ["open"]
    asked = {
        word: sorted(names(f"/types?is_public={word}", "admin"))
        for word in ("none", "False", "True")
    }
    assert asked == {"none": ["open", "shut"], "False": ["shut"], "True": ["open"]}
    assert names("/types?is_public=none", project_id="yours") == ["open"]
    assert volume_client(project_id="yours").send("GET", f"/types/{shut.id}").status_code == 404
    assert volume_client().send("GET", "/types/open").status_code == 404


def test_pages_sorts_and_filters() -> None:
    for name in ("a", "b", "c"):
        make_volume_type(name, extra_specs={"kind:of": name, "all": "x"})
    first = admin().send("GET", "/types?limit=2&sort=name:asc").json()
    assert [one["name"] for one in first["volume_types"]] == ["a", "b"]
    (link,) = first["volume_type_links"]
    path = link["href"].removeprefix("http://testserver/volume/v3")
    assert [one["name"] for one in admin().send("GET", path).json()["volume_types"]] == ["c"]
    query = "/types?extra_specs=%7B'kind:of':'b','all':'x'%7D"
    found = volume_client("admin", "3.52").send("GET", query).json()["volume_types"]
    assert [one["name"] for one in found] == ["b"]
    assert len(volume_client("admin", "3.51").send("GET", query).json()["volume_types"]) == 3
    wrong = {
        "/types?extra_specs=b": 400,
        "/types?extra_specs={'a':1}": 400,
        "/types?sort_key=description": 400,
        "/types?is_public=perhaps": 400,
        f"/types?marker={uuid.uuid4()}": 400,
        "/types?marker=x": 400,
        "/types?limit=-1": 400,
    }
    found = {path: volume_client("admin", "3.52").send("GET", path).status_code for path in wrong}
    assert found == wrong


def test_a_list_costs_the_same_however_long(django_assert_num_queries: Any) -> None:
    client = admin()
    costs = []
    for _ in range(2):
        make_volume_type(qos_spec=make_qos_spec(), extra_specs={"a": "b"})
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.send("GET", "/types")
        costs.append(len(seen))
    assert costs == [1, 1]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"volume_type": {}},
        {"volume_type": {"name": " "}},
        {"volume_type": {"name": "x" * 256}},
        {"volume_type": {"name": 7}},
        {"volume_type": {"name": "x", "is_public": False}},
        {"volume_type": {"name": "x", "extra_specs": {"a/b": "c"}}},
        {"volume_type": {"name": "x", "extra_specs": {"a": ["c"]}}},
        {"volume_type": {"name": "x", "extra_specs": "a"}},
        {"volume_type": {"name": "x", "description": "d" * 256}},
    ],
)
def test_bodies_that_are_wrong(body: Any) -> None:
    answer = admin().send("POST", "/types", body)
    assert (answer.status_code, [*answer.json()]) == (400, ["badRequest"])


def test_a_type_changes_its_name_and_quotas_go_along() -> None:
    row, other = make_volume_type("fast"), make_volume_type("slow")
    quotas.update("p", quota_names.SERVICE, {"volumes_fast": 3})
    path = f"/types/{row.id}"
    found = admin().send("PUT", path, {"volume_type": {"name": "quick", "is_public": False}})
    assert found.status_code == 200
    assert (found.json()["volume_type"]["name"], found.json()["volume_type"]["is_public"]) == (
        "quick",
        False,
    )
    assert quotas.limits("p", quota_names.SERVICE)["volumes_quick"] == 3
    assert admin().send("PUT", path, {"volume_type": {}}).status_code == 400
    assert admin().send("PUT", path, {"volume_type": {"name": other.name}}).status_code == 409
    assert (
        admin().send("PUT", f"/types/{uuid.uuid4()}", {"volume_type": {"name": "x"}}).status_code
        == 404
    )
    assert admin().send("DELETE", path).status_code == 202
    assert "volumes_quick" not in quotas.limits("p", quota_names.SERVICE)


def test_what_volumes_are_of_means_the_same_as_long() -> None:
    row = make_volume_type("fast", extra_specs={"a": "b"})
    held = hold(row)
    encryption = {"encryption": {"provider": "luks", "control_location": "front-end"}}
    tries = (
        ("DELETE", f"/types/{row.id}", None),
        ("POST", f"/types/{row.id}/extra_specs", {"extra_specs": {"a": "c"}}),
        ("PUT", f"/types/{row.id}/extra_specs/a", {"a": "c"}),
        ("DELETE", f"/types/{row.id}/extra_specs/a", None),
        ("POST", f"/types/{row.id}/encryption", encryption),
    )
    for method, path, body in tries:
        answer = admin().send(method, path, body)
        assert answer.status_code == 400, (method, path, answer.content)
        assert "is still in use by 1 volumes" in message(answer)
    same = admin().send("POST", f"/types/{row.id}/extra_specs", {"extra_specs": {"a": "b"}})
    assert same.status_code == 200
    held.delete()
    for method, path, body in reversed(tries):
        assert admin().send(method, path, body).status_code in (200, 202), (method, path)


def test_extra_specs_one_by_one() -> None:
    row = make_volume_type(extra_specs={"a": "b"})
    path = f"/types/{row.id}/extra_specs"
    assert admin().send("POST", path, {"extra_specs": {"c:d": 1}}).json() == {
        "extra_specs": {"c:d": "1"}
    }
    assert admin().send("PUT", f"{path}/a", {"a": "e"}).json() == {"a": "e"}
    assert admin().send("GET", path).json() == {"extra_specs": {"a": "e", "c:d": "1"}}
    removed = admin().send("DELETE", f"{path}/a")
    assert (removed.status_code, removed.content) == (202, b"")
    statuses = {
        ("GET", "a"): admin().send("GET", f"{path}/a").status_code,
        ("DELETE", "a"): admin().send("DELETE", f"{path}/a").status_code,
        ("PUT", "other"): admin().send("PUT", f"{path}/a", {"b": "c"}).status_code,
        ("PUT", "two"): admin().send("PUT", f"{path}/a", {"a": "c", "b": "c"}).status_code,
    }
    assert statuses == {
        ("GET", "a"): 404,
        ("DELETE", "a"): 404,
        ("PUT", "other"): 400,
        ("PUT", "two"): 400,
    }


def test_access_to_private_types() -> None:
    project = make_project()
    row, open_to_all = make_volume_type(is_public=False), make_volume_type()
    grant = {"addProjectAccess": {"project": project.pk}}
    withdraw = {"removeProjectAccess": {"project": project.pk}}

    def act(body: Any, of: VolumeType = row) -> int:
        return int(admin().send("POST", f"/types/{of.id}/action", body).status_code)

    assert [act(grant), act(grant)] == [202, 409]
    listed = admin().send("GET", f"/types/{row.id}/os-volume-type-access").json()
    assert listed == {
        "volume_type_access": [{"volume_type_id": str(row.id), "project_id": project.pk}]
    }
    assert [act(withdraw), act(withdraw)] == [202, 404]
    assert [act(grant, open_to_all), act(withdraw, open_to_all)] == [400, 400]
    assert admin().send("GET", f"/types/{open_to_all.id}/os-volume-type-access").status_code == 404
    assert [
        act(body) for body in ({}, {"x": {}}, {**grant, **withdraw}, {"addProjectAccess": {}})
    ] == [400] * 4
    assert act({"addProjectAccess": {"project": "nobody"}}) == 400


def test_encryption_of_a_type() -> None:
    row = make_volume_type()
    path = f"/types/{row.id}/encryption"
    assert admin().send("GET", path).json() == {}
    wanted = {
        "provider": "luks",
        "cipher": "aes-xts-plain64",
        "key_size": 256,
        "control_location": "front-end",
    }
    made = admin().send("POST", path, {"encryption": wanted})
    assert made.status_code == 200, made.content
    number = made.json()["encryption"]["encryption_id"]
    assert made.json() == {
        "encryption": {**wanted, "volume_type_id": str(row.id), "encryption_id": number}
    }
    assert admin().send("POST", path, {"encryption": wanted}).status_code == 400
    assert admin().send("GET", f"{path}/cipher").json() == {"cipher": "aes-xts-plain64"}
    assert admin().send("GET", f"{path}/nonsense").status_code == 404
    changed = admin().send("PUT", f"{path}/{number}", {"encryption": {"key_size": 512}})
    assert changed.json()["encryption"]["key_size"] == 512
    assert admin().send("GET", path).json()["cipher"] == "aes-xts-plain64"
    assert admin().send("DELETE", f"{path}/{uuid.uuid4()}").status_code == 404
    assert admin().send("DELETE", f"{path}/{number}").status_code == 202
    assert admin().send("GET", path).json() == {}
    assert (
        admin()
        .send("POST", path, {"encryption": {**wanted, "control_location": "moon"}})
        .status_code
        == 400
    )


def test_the_default_type() -> None:
    assert volume_client().send("GET", "/types/default").status_code == 404
    ensure_default_type()
    ensure_default_type()
    found = volume_client().send("GET", "/types/default").json()["volume_type"]
    assert found["name"] == conf.DEFAULT_TYPE
    path = f"/types/{found['id']}"
    assert admin().send("DELETE", path).status_code == 400
    assert admin().send("PUT", path, {"volume_type": {"name": "x"}}).status_code == 400
    assert admin().send("PUT", path, {"volume_type": {"description": "x"}}).status_code == 200
    ensure_default_type()
    assert VolumeType.objects.get().description == "x"


def test_a_project_has_a_default_of_its_own() -> None:
    ensure_default_type()
    project: Project = make_project()
    row = make_volume_type("fast")
    path, client = f"/default-types/{project.pk}", admin("3.62")
    assert admin("3.61").send("GET", "/default-types").status_code == 404
    assert client.send("GET", path).status_code == 404
    for said in ("fast", str(row.id)):
        answer = client.send("PUT", path, {"default_type": {"volume_type": said}})
        assert answer.json() == {
            "default_type": {"project_id": project.pk, "volume_type_id": str(row.id)}
        }
    assert client.send("GET", "/default-types").json() == {
        "default_types": [answer.json()["default_type"]]
    }
    default = volume_client(project_id=project.pk).send("GET", "/types/default").json()
    assert default["volume_type"]["name"] == "fast"
    assert client.send("DELETE", f"/types/{row.id}").status_code == 400
    assert client.send("PUT", path, {"default_type": {"volume_type": "none"}}).status_code == 404
    nobody = client.send("PUT", "/default-types/nobody", {"default_type": {"volume_type": "fast"}})
    assert nobody.status_code == 400
    assert [client.send("DELETE", path).status_code for _ in range(2)] == [204, 404]
