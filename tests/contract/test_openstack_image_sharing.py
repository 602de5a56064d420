"""The real openstack command: sharing an image, filters of lists, metadata definitions, tasks."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from identity.models import Project
from operations.models import Operation
from tests.builders.images import make_image
from tests.builders.openstack import Command

pytestmark = [
    pytest.mark.openstack,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),  # a dozen commands of seconds each
]
DEMO, ADMIN = "cloudweb", "cloudweb-admin"


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Any) -> None:
    settings.IMAGE_STORE = tmp_path / "images"


def names(command: Command, *words: str, cloud: str = DEMO) -> list[str]:
    found = command.json("image", "list", *words, cloud=cloud)
    return sorted(image["Name"] for image in found)


def record(project: str, name: str, **attributes: Any) -> None:
    """Record an image; the command would send data too, which this server does not take."""
    context = RequestContext.system(project_id=Project.objects.get(name=project).pk)
    make_image(context=context, name=name, **attributes)


def test_an_image_is_shared_and_accepted(openstack: Command) -> None:
    friend = Project.objects.get(name="demo").pk
    record("admin", "ours", colour="red")
    # An operator sees every image, so the tenant is the one who shows what sharing does.
    assert names(openstack) == []
    openstack.text("image", "add", "project", "ours", friend)
    members = openstack.json("image", "member", "list", "ours")
    assert [(one["Member ID"], one["Status"]) for one in members] == [(friend, "pending")]
    assert names(openstack, "--shared", "--member-status", "pending") == ["ours"]
    image_id = openstack.json("image", "show", "ours")["id"]
    openstack.text("image", "set", "--accept", image_id, cloud=DEMO)
    assert names(openstack) == names(openstack, "--property", "colour=red") == ["ours"]
    assert names(openstack, "--property", "colour=blue") == []
    openstack.text("image", "set", "--reject", image_id, cloud=DEMO)
    assert names(openstack) == []
    assert "403" in openstack.refusal("image", "set", "--name", "x", image_id, cloud=DEMO)
    openstack.text("image", "remove", "project", "ours", friend)
    assert openstack.json("image", "member", "list", "ours") == []
    assert "No Image found" in openstack.refusal("image", "show", image_id, cloud=DEMO)


def test_lists_are_filtered_and_sorted(openstack: Command) -> None:
    record("demo", "a", min_disk=1, tags=["x"])
    record("demo", "b", visibility="community", tags=["x"])
    record("demo", "c", os_hidden=True)
    record("demo", "d", visibility="private", tags=["y"])
    assert names(openstack) == ["a", "b", "d"]
    assert names(openstack, "--tag", "x") == ["a", "b"]
    assert names(openstack, "--private") == ["d"]
    assert names(openstack, "--community") == ["b"]
    assert names(openstack, "--hidden") == ["c"]
    assert names(openstack, "--status", "active") == []
    ordered = openstack.json("image", "list", "--sort", "name:desc", "--limit", "2", cloud=DEMO)
    assert [image["Name"] for image in ordered] == ["d", "b"]


def test_metadata_definitions(openstack: Command) -> None:
    space = "OS::Compute::Disk"
    made = openstack.json(
        "image", "metadef", "namespace", "create", "--display-name", "Disks", "--public", space
    )
    assert (made["namespace"], made["visibility"]) == (space, "public")
    listed = openstack.json("image", "metadef", "namespace", "list", cloud=DEMO)
    assert [one["namespace"] for one in listed] == [space]
    schema = json.dumps({"enum": ["virtio", "scsi"], "minLength": 1})
    openstack.text(
        "image", "metadef", "property", "create", "--name", "hw_disk_bus", "--title", "Disk bus",
        "--type", "string", "--schema", schema, space,
    )  # fmt: skip
    openstack.text("image", "metadef", "property", "set", "--title", "Bus", space, "hw_disk_bus")
    shown = openstack.json("image", "metadef", "property", "show", space, "hw_disk_bus", cloud=DEMO)
    assert (shown["title"], shown["enum"]) == ("Bus", ["virtio", "scsi"])
    assert len(openstack.json("image", "metadef", "property", "list", space)) == 1
    openstack.text("image", "metadef", "object", "create", "--namespace", space, "disk")
    openstack.text("image", "metadef", "object", "update", space, "disk", "--name", "disks")
    objects = openstack.json("image", "metadef", "object", "list", space)
    assert [one["name"] for one in objects] == ["disks"]
    openstack.text(
        "image", "metadef", "resource", "type", "association", "create", space, "OS::Glance::Image"
    )
    kinds = openstack.json("image", "metadef", "resource", "type", "list")
    assert [one["Name"] for one in kinds] == ["OS::Glance::Image"]
    openstack.text("image", "metadef", "namespace", "set", "--tag", "fast", "--protected", space)
    assert "403" in openstack.refusal("image", "metadef", "namespace", "delete", space)
    openstack.text("image", "metadef", "namespace", "set", "--unprotected", space)
    whole = openstack.json("image", "metadef", "namespace", "show", space)
    assert whole["resource_type_associations"] == ["OS::Glance::Image"]
    assert "403" in openstack.refusal("image", "metadef", "namespace", "create", "mine", cloud=DEMO)
    openstack.text("image", "metadef", "property", "delete", space)
    openstack.text("image", "metadef", "object", "delete", space, "disks")
    openstack.text("image", "metadef", "namespace", "delete", space)
    assert openstack.json("image", "metadef", "namespace", "list") == []


def test_tasks(openstack: Command) -> None:
    demo = Project.objects.get(name="demo").pk
    task = Operation.objects.create(
        kind="image.import", resource_type="image", resource_id=str(uuid.uuid4()),
        project_id=demo, state="UNDONE", error_public="It is no disk.", deadline_at=now(),
        finished_at=now(),
    )  # fmt: skip
    found = openstack.json("image", "task", "list", "--status", "failure", cloud=DEMO)
    assert [(one["ID"], one["Status"], one["Owner"]) for one in found] == [
        (str(task.id), "failure", demo)
    ]
    shown = openstack.json("image", "task", "show", str(task.id), cloud=DEMO)
    assert (shown["message"], shown["type"]) == ("It is no disk.", "api_image_import")
