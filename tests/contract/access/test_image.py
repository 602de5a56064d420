"""Every route of images by everybody."""

from __future__ import annotations

import io
from typing import Any

import pytest

from identity.models import User
from image.manager import ImageDataManager, ImageManager, ImageMemberManager
from image.manager.imports import ImageImportManager
from image.models import Image
from operations.history import operations_of
from tests.builders.access import (
    EVERY_TOKEN,
    OPERATORS,
    PROJECT_MEMBERS,
    PROJECT_READERS,
    Line,
    World,
    access_test,
    shared_world,
)
from tests.builders.identity import make_context, make_member
from tests.builders.images import RAW, make_image

V2 = "/image/v2"
IMAGE = f"{V2}/images/{{image_id}}"
ACTIVE = f"{V2}/images/{{active_id}}"
PATCH = "application/openstack-images-v2.1-json-patch"
BYTES = "application/octet-stream"
IMPORT = {"method": {"name": "glance-direct"}}
TASK = {
    "type": "import",
    "input": {
        "import_from": "http://example.org/disk",
        "import_from_format": "qcow2",
        "image_properties": {"name": "new"},
    },
}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of images of the project in each state, and of one it was offered."""
    context, donor = make_context(owner), make_context(make_member("member"))
    image = make_image(context=context, tags=["there"])
    offered = make_image(context=donor)
    ImageMemberManager(context).add(image.id, "there")
    ImageMemberManager(donor).add(offered.id, str(owner.default_project_id))
    inactive = make_image(context=context, data=RAW)
    ImageManager(make_context(make_member("admin"))).deactivate(inactive.id)
    imported = staged(owner)
    ImageImportManager(context).start(imported.id, method="glance-direct")
    copied = make_image(context=context, data=RAW)
    Image.objects.filter(id=copied.id).update(stores=[*copied.stores, "another"])
    return {
        "image_id": str(image.id),
        "copied_id": str(copied.id),
        "offered_id": str(offered.id),
        "active_id": str(make_image(context=context, data=RAW).id),
        "inactive_id": str(inactive.id),
        "staged_id": str(staged(owner).id),
        "imported_id": str(imported.id),
        "task_id": operations_of("image", str(imported.id))[0].id,
    }


def staged(owner: User) -> Image:
    """Return an image whose data waits to be imported."""
    image = make_image(context=make_context(owner))
    ImageDataManager(make_context(owner)).stage(image.id, io.BytesIO(RAW))
    return image


def read(path: str, *, status: int = 200) -> Line:
    """Return the line of one thing of the project: for others it does not exist."""
    return Line("GET", path, PROJECT_READERS, status=status, others={"other": 404})


def write(method: str, path: str, body: Any = None, *, status: int = 204, kind: str = "") -> Line:
    """Return the line of a change of it."""
    return Line(
        method,
        path,
        PROJECT_MEMBERS,
        status=status,
        others={"other": 404},
        body=body,
        kind=kind or "application/json",
    )


def listed(path: str) -> Line:
    """Return the line of a list: each sees his own."""
    return Line("GET", V2 + path, PROJECT_READERS | {"other"})


LINES = [
    listed("/images"),
    Line(
        "POST",
        V2 + "/images",
        PROJECT_MEMBERS - {"system_admin"} | {"other"},
        status=201,
        body={"name": "new"},
    ),
    read(IMAGE),
    write("PATCH", IMAGE, [], status=200, kind=PATCH),
    write("DELETE", IMAGE),
    read(f"{IMAGE}/file", status=204),
    read(f"{ACTIVE}/file"),
    write("PUT", f"{IMAGE}/file", b"data", kind=BYTES),
    write("PUT", f"{IMAGE}/stage", b"data", kind=BYTES),
    write("POST", f"{V2}/images/{{staged_id}}/import", IMPORT, status=202),
    read(f"{IMAGE}/members"),
    write("POST", f"{IMAGE}/members", {"member": "new"}, status=200),
    read(f"{IMAGE}/members/there"),
    # A member answers for itself, who shares does not answer for it.
    Line(
        "PUT",
        f"{IMAGE}/members/there",
        OPERATORS,
        others={"other": 404},
        body={"status": "accepted"},
    ),
    write(
        "PUT",
        f"{V2}/images/{{offered_id}}/members/{{project_id}}",
        {"status": "accepted"},
        status=200,
    ),
    write("DELETE", f"{IMAGE}/members/there"),
    Line("GET", f"{IMAGE}/locations", OPERATORS),
    read(f"{IMAGE}/tasks"),
    read(f"{V2}/images/{{imported_id}}/tasks"),
    write("PUT", f"{IMAGE}/tags/x"),
    write("DELETE", f"{IMAGE}/tags/there"),
    write("POST", f"{ACTIVE}/actions/deactivate"),
    write("POST", f"{V2}/images/{{inactive_id}}/actions/reactivate"),
    Line("DELETE", V2 + "/stores/another/{copied_id}", OPERATORS, status=204),
    listed("/tasks"),
    read(V2 + "/tasks/{task_id}"),
    Line("POST", V2 + "/tasks", {"admin"}, status=201, body=TASK),
    Line("GET", V2 + "/info/import", EVERY_TOKEN),
    listed("/info/stores"),
    Line("GET", V2 + "/info/stores/detail", OPERATORS),
    Line("GET", V2 + "/info/usage", PROJECT_READERS - {"system_admin"} | {"other"}),
    Line("GET", V2 + "/schemas/image", EVERY_TOKEN),
    Line("GET", V2 + "/schemas/metadefs/namespace", EVERY_TOKEN),
]


def check(answer: Any) -> None:
    """Clients look here for the service that gives tokens."""
    if answer.status_code == 401:
        assert "Keystone uri=" in answer.headers["WWW-Authenticate"]


world = shared_world(build)
test_access = access_test(LINES, check)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/schemas/odd", "/schemas/metadefs/odd", "/tasks/odd"])
def test_what_is_not_there(path: str, world: World) -> None:
    line = Line("GET", V2 + path, {"reader"})
    for caller in ("other", "reader", "member", "admin"):
        assert world.send(line, caller).status_code == 404
    assert world.send(line, "anonymous").status_code == 401


@pytest.mark.django_db
def test_a_copy_that_is_not_there(world: World) -> None:
    line = Line("DELETE", V2 + "/stores/default/odd", {"admin"})
    expected = {"anonymous": 401, "other": 403, "reader": 403, "member": 403, "admin": 404}
    assert {who: world.send(line, who).status_code for who in expected} == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [("/import", IMPORT), ("/actions/deactivate", None), ("/actions/reactivate", None)],
)
def test_an_image_without_data_is_not_ready(path: str, body: Any, world: World) -> None:
    line = Line("POST", IMAGE + path, {"admin"}, body=body)
    assert world.send(line, "admin").status_code == 409
