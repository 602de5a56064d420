"""Volumes over HTTP: what a body may say, what an answer shows, and in which order lists come."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.encryption import decrypt
from identity import quotas
from identity.models import User
from operations.models import Operation
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.images import RAW, make_image
from tests.builders.volumes import attach, make_pool, make_snapshot, make_volume, make_volume_type
from volume.models import Volume, VolumeTypeEncryption
from volume.needs import pool_request
from volume.states import VolumeStatus

pytestmark = pytest.mark.django_db
V3 = "/volume/v3"
STATUSES = VolumeStatus.values
BARE = {
    "id", "name", "links", "description", "size", "status", "availability_zone", "created_at",
    "updated_at", "attachments", "volume_type", "bootable", "encrypted", "multiattach", "metadata",
    "snapshot_id", "source_volid", "consistencygroup_id", "replication_status", "user_id",
}  # fmt: skip
TENANT = "os-vol-tenant-attr:tenant_id"
PLACEMENT = {
    "os-vol-host-attr:host", "os-vol-mig-status-attr:migstat", "os-vol-mig-status-attr:name_id",
    "migration_status",
}  # fmt: skip


@pytest.fixture
def user() -> User:
    make_volume_type()
    return make_member("member")


def send(user: User, method: str, path: str, body: Any = None, *, at: str = "3.70") -> Any:
    return client_of(user).send(method, f"{V3}{path}", body, OpenStack_API_Version=f"volume {at}")


def ask(user: User, path: str, *, at: str = "3.70") -> Any:
    answer = send(user, "GET", path, at=at)
    assert answer.status_code == 200, answer.content
    return answer.json()


def create(user: User, *, at: str = "3.70", **body: Any) -> Any:
    return send(user, "POST", "/volumes", {"volume": body}, at=at)


def fault(answer: Any) -> str:
    ((_, found),) = answer.json().items()
    return f"{answer.status_code} {found['message']}"


def test_what_a_create_says_and_is_told(user: User) -> None:
    everything = dict.fromkeys(
        ("name", "description", "availability_zone", "volume_type", "imageRef", "snapshot_id",
         "source_volid", "backup_id", "consistencygroup_id", "metadata")
    )  # fmt: skip
    answer = create(user, **everything, size="2")
    assert answer.status_code == 202
    made = answer.json()["volume"]
    assert made.keys() == BARE | {
        "group_id", "shared_targets", "service_uuid", "volume_type_id", "consumes_quota",
    }  # fmt: skip
    assert (made["size"], made["status"], made["bootable"]) == (2, "creating", "false")
    assert made["volume_type"] == "__DEFAULT__"
    assert made["updated_at"] is None
    assert len(made["created_at"]) == len("2026-01-31T10:11:12.000000")
    assert Operation.objects.get().kind == "volume.create"


def test_what_each_version_shows(user: User) -> None:
    volume = make_volume(make_context(user), pool=make_pool())
    own, seen = {}, {}
    operator = make_member("admin")
    for version in ("3.0", "3.13", "3.48", "3.61", "3.63", "3.65"):
        own[version] = ask(user, f"/volumes/{volume.id}", at=version)["volume"].keys() - BARE
        found = ask(operator, f"/volumes/{volume.id}", at=version)["volume"].keys()
        seen[version] = found - BARE - own[version]
    targets = {"shared_targets", "service_uuid"}
    assert own == {
        "3.0": {TENANT},
        "3.13": {TENANT, "group_id"},
        "3.48": {TENANT, "group_id"} | targets,
        "3.61": {TENANT, "group_id"} | targets,
        "3.63": {TENANT, "group_id", "volume_type_id"} | targets,
        "3.65": {TENANT, "group_id", "volume_type_id", "consumes_quota"} | targets,
    }
    more = {"3.0": set(), "3.13": set(), "3.48": {"provider_id"}}
    latest = {"provider_id", "cluster_name"}
    assert seen == {version: PLACEMENT | more.get(version, latest) for version in own}
    shown = ask(operator, f"/volumes/{volume.id}")["volume"]
    assert shown["os-vol-host-attr:host"] == "h1@file#default"


def test_bad_bodies(user: User) -> None:
    context = make_context(user)
    make_pool()
    volume = make_volume(context, size=4)
    busy = make_volume(context, status="deleting")
    snapshot = make_snapshot(volume)
    raw = make_image(context=context, data=RAW, min_disk=3)
    queued = make_image(context=context)
    other = make_volume(make_context(make_member("member")))
    unknown = str(uuid.uuid4())
    bodies: dict[str, tuple[dict[str, Any], str]] = {
        "no size": ({}, "400 Invalid input received: The size of a new volume must be given."),
        "zero": ({"size": 0}, "400 Invalid input for field/attribute size. Value: 0."),
        "text": ({"size": "x"}, "400 Invalid input for field/attribute size."),
        "huge": ({"size": 10**12}, "400 Invalid input for field/attribute size."),
        "type": ({"size": 1, "volume_type": "nope"}, "404 Volume type nope could not be found."),
        "zone": (
            {"size": 1, "availability_zone": "mars"},
            "400 Invalid input received: Availability zone 'mars' is invalid.",
        ),
        "image": ({"size": 1, "imageRef": unknown}, "400 No image found"),
        "no id": ({"size": 1, "imageRef": "x"}, "400 No image found"),
        "queued": ({"size": 1, "imageRef": str(queued.id)}, "400 Image"),
        "small": (
            {"size": 2, "imageRef": str(raw.id)},
            "400 Invalid input received: Volume size 2GB cannot be smaller than the image size 3GB.",
        ),
        "snapshot": ({"snapshot_id": unknown}, f"404 Snapshot {unknown} could not be found."),
        "smaller": (
            {"size": 1, "snapshot_id": str(snapshot.id)},
            "400 Invalid input received: Volume size 1GB cannot be smaller than the snapshot size",
        ),
        "source": ({"source_volid": "x"}, "404 Volume x could not be found."),
        "another's": ({"source_volid": str(other.id)}, f"404 Volume {other.id} could not be"),
        "busy": (
            {"source_volid": str(busy.id)},
            "400 Invalid volume: Originating volume status must be available or in-use",
        ),
        "two": ({"source_volid": str(volume.id), "snapshot_id": str(snapshot.id)}, "400 A volume is"),
        "key": ({"size": 1, "colour": "red"}, "400 Invalid input for field/attribute body"),
        "name": ({"size": 1, "name": "n" * 256}, "400 Invalid input for field/attribute name."),
        "items": ({"size": 1, "metadata": {"k" * 256: "v"}}, "400 Invalid input"),
        "control": ({"size": 1, "metadata": {"k": "\n"}}, "400 Invalid input"),
        "nested": ({"size": 1, "metadata": {"k": {}}}, "400 Invalid input"),
        "backup": ({"size": 1, "backup_id": unknown}, "404 Backup "),
        "several": ({"size": 1, "multiattach": True}, "400 Invalid input for field/attribute mult"),
    }  # fmt: skip
    found = {name: fault(create(user, **body)) for name, (body, _) in bodies.items()}
    wrong = {name: text for name, text in found.items() if not text.startswith(bodies[name][1])}
    assert wrong == {}
    assert not Operation.objects.exists()
    assert create(user, at="3.52", size=1, colour="red").status_code == 202
    made = create(user, at="3.49", size=1, multiattach=True).json()["volume"]
    assert made["multiattach"] is True


def test_a_volume_is_as_large_as_its_source_and_of_its_type(user: User) -> None:
    context = make_context(user)
    gold = make_volume_type("gold", extra_specs={"multiattach": "<is> True"})
    source = make_volume(context, size=4, volume_type=gold, bootable=True)
    made = create(user, source_volid=str(source.id)).json()["volume"]
    assert (made["size"], made["volume_type"], made["bootable"]) == (4, "gold", "true")
    assert (made["source_volid"], made["multiattach"]) == (str(source.id), True)
    made = create(user, snapshot_id=str(make_snapshot(source).id), size=5).json()["volume"]
    assert (made["size"], made["volume_type"]) == (5, "gold")
    assert fault(send(user, "DELETE", f"/volumes/{source.id}")).startswith("400 Invalid volume: ")
    assert fault(send(user, "DELETE", f"/volumes/{source.id}?cascade=1")).endswith("being copied.")


def test_a_copy_has_the_key_of_its_original(user: User) -> None:
    context, pool = make_context(user), make_pool()
    secret, plain = make_volume_type("secret"), make_volume_type("plain")
    VolumeTypeEncryption.objects.create(volume_type=secret, provider="luks")
    first = create(user, size=1, volume_type="secret").json()["volume"]
    assert first["encrypted"] is True
    kept = Volume.objects.get(id=first["id"])
    assert decrypt(kept.encryption_key) != kept.encryption_key
    Volume.objects.update(status="available", pool=pool)
    copy = create(user, source_volid=first["id"]).json()["volume"]
    assert Volume.objects.get(id=copy["id"]).encryption_key == kept.encryption_key
    other = make_volume(context, pool=pool, volume_type=plain)
    found = {
        "to plain": fault(create(user, source_volid=first["id"], volume_type="plain")),
        "to secret": fault(create(user, source_volid=str(other.id), volume_type="secret")),
    }
    words = "400 Invalid input received: Volume type"
    assert found == {
        "to plain": f"{words} plain does not encrypt, unlike the volume.",
        "to secret": f"{words} secret encrypts, unlike the volume.",
    }


def test_what_people_write_and_hint(user: User) -> None:
    body = {"volume": {"size": 1, "description": "two\nlines"}}
    hints = {"OS-SCH-HNT:scheduler_hints": {"same_host": ["no id", str(uuid.uuid4())], "x": 1}}
    answer = send(user, "POST", "/volumes", body | hints)
    assert answer.json()["volume"]["description"] == "two\nlines"
    assert pool_request(Volume.objects.select_related("volume_type").get(), zone=None, hints={
        "same_host": "no id"
    }).together_with == ()  # fmt: skip


def test_what_an_image_says_goes_along(user: User) -> None:
    image = make_image(context=make_context(user), data=RAW, name="cirros", os_distro="tiny")
    made = create(user, size=1, imageRef=str(image.id)).json()["volume"]
    assert made["bootable"] == "true"
    shown = ask(user, f"/volumes/{made['id']}")["volume"]["volume_image_metadata"]
    assert shown["image_id"] == str(image.id)
    assert (shown["image_name"], shown["os_distro"], shown["size"]) == (
        "cirros", "tiny", str(len(RAW)),
    )  # fmt: skip


def test_quotas_are_413(user: User) -> None:
    project = str(user.default_project_id)
    quotas.update(project, "volume", {"volumes": 2, "gigabytes": 6, "per_volume_gigabytes": 4})
    make_volume(make_context(user), size=3, pool=make_pool())
    found = {size: fault(create(user, size=size)) for size in (4, 5)}
    assert found[4].startswith(
        "413 Quota exceeded for gigabytes: Requested 4, but already used 3 of 6"
    )
    assert found[5] == "413 Requested volume size 5G is larger than the maximum allowed, 4G."
    assert create(user, size=1).status_code == 202
    assert fault(create(user, size=1)).startswith("413 Quota exceeded for volumes")
    volume = Volume.objects.get(size=3)
    act = {"os-extend": {"new_size": 4}}
    quotas.update(project, "volume", {"gigabytes": 4})
    assert fault(send(user, "POST", f"/volumes/{volume.id}/action", act)).startswith("413 Quota")


def test_lists(user: User) -> None:
    context = make_context(user)
    for number, name in enumerate(("b", "a", "c")):
        make_volume(context, name=name, size=number + 1, metadata={"n": name}, bootable=number == 1)
    make_volume(make_context(make_member("member")), name="z")
    queries = {
        "": "cab",
        "?name=a": "a",
        "?display_name=b": "b",
        "?name=nobody": "",
        "?status=available": "cab",
        "?status=error": "",
        "?bootable=true": "a",
        "?bootable=0": "cb",
        "?size=2": "a",
        "?metadata={'n': 'c'}": "c",
        '?metadata={"n": "c"}': "c",
        "?availability_zone=nova": "cab",
        "?name~=B": "b",
        "?sort=name:asc": "abc",
        "?sort=size:desc": "cab",
        "?sort_key=name&sort_dir=desc": "cba",
        "?sort=name:asc&limit=2": "ab",
        "?sort=name:asc&limit=2&offset=1": "bc",
        "?sort=name:asc&offset=9": "",
        f"?marker={uuid.uuid4()}": "",
        "?marker=x": "",
        "?all_tenants=1": "cab",
        "?limit=0": "",
        "?created_at=gt:2099-01-01": "",
    }
    found = {}
    for query in queries:
        rows = ask(user, f"/volumes/detail{query}")["volumes"]
        found[query] = "".join(one["name"] for one in rows)
    assert found == queries
    operator = make_member("admin")
    assert len(ask(operator, "/volumes?all_tenants=1")["volumes"]) == 4
    project = user.default_project_id
    assert len(ask(operator, f"/volumes?all_tenants=1&project_id={project}")["volumes"]) == 3
    assert ask(operator, "/volumes")["volumes"] == []
    first = ask(user, "/volumes?limit=2&with_count=true&sort=name:asc")
    assert [one.keys() for one in first["volumes"]] == [{"id", "name", "links"}] * 2
    assert first["count"] == 3
    (link,) = first["volumes_links"]
    rest = client_of(user).get(link["href"].removeprefix("http://testserver")).json()
    assert [one["name"] for one in rest["volumes"]] == ["c"]
    assert "volumes_links" not in rest


def test_queries_that_are_refused(user: User) -> None:
    queries = (
        "?limit=x", "?limit=-1", "?sort=colour", "?sort=name:up", "?bootable=maybe", "?metadata=x",
        "?metadata={'a': 1}", "?colour=red", "?offset=-1", "?size=big", "?created_at=never",
    )  # fmt: skip
    found = {query: send(user, "GET", f"/volumes{query}").status_code for query in queries}
    assert found == dict.fromkeys(queries, 400)
    assert send(user, "GET", "/volumes?colour=red", at="3.30").status_code == 200


def test_sums(user: User) -> None:
    context = make_context(user)
    make_volume(context, size=3, metadata={"k": "v"})
    make_volume(context, size=4, metadata={"k": "w", "l": "m"})
    make_volume(make_context(make_member("member")), size=9)
    sums = {"total_size": 7, "total_count": 2}
    assert ask(user, "/volumes/summary", at="3.12") == {"volume-summary": sums}
    found = ask(user, "/volumes/summary")["volume-summary"]
    assert found == {**sums, "metadata": {"k": ["v", "w"], "l": ["m"]}}
    whole = ask(make_member("admin"), "/volumes/summary?all_tenants=true")["volume-summary"]
    assert whole["total_size"] == 16
    assert send(user, "GET", "/volumes/summary", at="3.11").status_code == 404


def test_metadata(user: User) -> None:
    volume = make_volume(make_context(user), metadata={"a": "1"})
    path = f"/volumes/{volume.id}/metadata"
    assert send(user, "POST", path, {"metadata": {"b": "2"}}).json()["metadata"] == {
        "a": "1",
        "b": "2",
    }
    assert ask(user, f"{path}/b") == {"meta": {"b": "2"}}
    assert send(user, "PUT", path, {"metadata": {"c": "3"}}).json() == {"metadata": {"c": "3"}}
    tag = send(user, "GET", path)["ETag"]
    assert "ETag" not in send(user, "GET", path, at="3.14")
    assert send(user, "PUT", f"{path}/d", {"meta": {"d": "4"}}).status_code == 200
    late = client_of(user).send(
        "PUT", f"{V3}{path}", {"metadata": {}}, If_Match=tag, OpenStack_API_Version="volume 3.15"
    )
    assert late.status_code == 412
    answer = send(user, "DELETE", f"{path}/d")
    assert (answer.status_code, answer.content) == (200, b"")
    refused = {
        "none": send(user, "DELETE", f"{path}/d"),
        "other key": send(user, "PUT", f"{path}/d", {"meta": {"e": "4"}}),
        "no text": send(user, "PUT", path, {"metadata": {"a": 1}}),
        "many": send(user, "PUT", path, {"metadata": {str(n): "" for n in range(129)}}),
    }
    found = {name: one.status_code for name, one in refused.items()}
    assert found == {"none": 404, "other key": 400, "no text": 400, "many": 413}
    assert ask(user, path) == {"metadata": {"c": "3"}}


def test_what_a_status_allows(user: User) -> None:
    """Contract 10.2 by hand, lest table and test be wrong together."""
    context, pool = make_context(user), make_pool()
    at_rest = {"available", "in-use"}
    allowed = {
        "extend": at_rest,
        "delete": {"available", "error", "error_restoring", "error_extending"},
        "metadata": set(STATUSES) - {"maintenance", "uploading"},
        "read_only": {"available"},
    }  # fmt: skip
    requests: dict[str, tuple[str, str, Any]] = {
        "extend": ("POST", "/action", {"os-extend": {"new_size": 2}}),
        "delete": ("DELETE", "", None),
        "metadata": ("POST", "/metadata", {"metadata": {"k": "v"}}),
        "read_only": ("POST", "/action", {"os-update_readonly_flag": {"readonly": True}}),
    }
    passed: dict[str, set[str]] = {action: set() for action in requests}
    for status in STATUSES:
        for action, (method, path, body) in requests.items():
            volume = make_volume(context, pool=pool, status=status)
            answer = send(user, method, f"/volumes/{volume.id}{path}", body)
            if answer.status_code < 300:
                passed[action].add(status)
            else:
                assert fault(answer).startswith("400 Invalid volume: "), answer.content
                assert Volume.objects.get(id=volume.id).status == status
            Volume.objects.all().delete()
    assert passed == allowed


def test_what_hangs_on_a_volume_keeps_it(user: User) -> None:
    context, pool = make_context(user), make_pool()
    held = make_volume(context, pool=pool)
    attach(held)
    kept = make_volume(context, pool=pool)
    make_snapshot(kept)
    moving = make_volume(context, pool=pool, migration_status="migrating")
    found = {
        name: send(user, "DELETE", f"/volumes/{row.id}").status_code
        for name, row in (("attached", held), ("snapshot", kept), ("moving", moving))
    }
    assert found == {"attached": 400, "snapshot": 400, "moving": 400}
    operator = make_member("admin")
    force = send(operator, "POST", f"/volumes/{held.id}/action", {"os-force_delete": {}})
    assert force.status_code == 400
    assert send(user, "DELETE", f"/volumes/{kept.id}?cascade=true").status_code == 202
    (shown,) = ask(user, f"/volumes/{held.id}")["volume"]["attachments"]
    assert (shown["volume_id"], shown["device"], shown["host_name"]) == (
        str(held.id),
        "/dev/vdb",
        None,
    )
    (shown,) = ask(operator, f"/volumes/{held.id}")["volume"]["attachments"]
    assert shown["host_name"] == "h1"


def test_growing(user: User) -> None:
    context, pool = make_context(user), make_pool()
    volume = make_volume(context, pool=pool, size=3)
    path = f"/volumes/{volume.id}/action"
    words = "400 Invalid input received: New size for extend must be greater than current size."
    assert fault(send(user, "POST", path, {"os-extend": {"new_size": 3}})) == (
        f"{words} (current: 3, extended: 3)."
    )
    used = make_volume(context, pool=pool, size=3)
    attach(used)
    at_work = f"/volumes/{used.id}/action"
    assert send(user, "POST", at_work, {"os-extend": {"new_size": 4}}, at="3.41").status_code == 400
    pool.capabilities = []
    pool.save()
    assert "in use" in fault(send(user, "POST", at_work, {"os-extend": {"new_size": 4}}))
    answer = send(user, "POST", path, {"os-extend": {"new_size": 4}})
    assert (answer.status_code, answer.content) == (202, b"")
    assert ask(user, f"/volumes/{volume.id}")["volume"]["status"] == "extending"


def test_flags_and_words_of_operators(user: User) -> None:
    volume = make_volume(make_context(user), image_metadata={"a": "b"})
    path = f"/volumes/{volume.id}/action"

    def act(action: str, value: Any = None, who: User = user) -> Any:
        return send(who, "POST", path, {action: value})

    act("os-set_bootable", {"bootable": True})
    act("os-update_readonly_flag", {"readonly": "true"})
    shown = ask(user, f"/volumes/{volume.id}")["volume"]
    assert (shown["bootable"], shown["metadata"]) == ("true", {"readonly": "True"})
    act("os-update_readonly_flag", {"readonly": False})
    assert ask(user, f"/volumes/{volume.id}")["volume"]["metadata"] == {"readonly": "False"}
    assert act("os-set_image_metadata", {"metadata": {"c": "d"}}).json() == {
        "metadata": {"a": "b", "c": "d"}
    }
    assert act("os-unset_image_metadata", {"key": "a"}).status_code == 200
    assert act("os-unset_image_metadata", {"key": "a"}).status_code == 404
    assert act("os-show_image_metadata").json() == {"metadata": {"c": "d"}}
    operator = make_member("admin")
    statuses = {
        "word": act("os-reset_status", {"status": "odd"}, operator),
        "nothing": act("os-reset_status", {}, operator),
        "attached": act("os-reset_status", {"attach_status": "attached"}, operator),
        "fine": act("os-reset_status", {"status": "error", "attach_status": "detached"}, operator),
        "unheard": act("os-dance", {}),
        "two": send(user, "POST", path, {"os-extend": {}, "os-dance": {}}),
        "list": send(user, "POST", path, []),
    }
    found = {name: answer.status_code for name, answer in statuses.items()}
    assert found == {
        "word": 400, "nothing": 400, "attached": 400, "fine": 202, "unheard": 400, "two": 400,
        "list": 400,
    }  # fmt: skip
    assert Volume.objects.get().status == "error"


def test_a_name_is_no_id(user: User) -> None:
    make_volume(make_context(user), name="data")
    assert fault(send(user, "GET", "/volumes/data")) == "404 Volume data could not be found."
