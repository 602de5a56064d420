"""Tasks: the operations on images in the words of the image service, for their project alone."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.database.clock import now
from image.models import Image
from operations.models import Operation, Step
from tests.builders.identity import ApiClient, client_with, make_project

pytestmark = pytest.mark.django_db
TASKS = "/image/v2/tasks"


@pytest.fixture
def project() -> Any:
    return make_project()


@pytest.fixture
def member(project: Any) -> ApiClient:
    return client_with("member", project=project)


def make_task(project: Any, *, age: int = 0, **overrides: Any) -> Operation:
    moment = now() - timedelta(seconds=age)
    values = {
        "kind": "image.import", "resource_type": "image", "resource_id": str(uuid.uuid4()),
        "project_id": project.pk, "user_id": "u", "request_id": "req-1", "created_at": moment,
        "deadline_at": moment, **overrides,
    }  # fmt: skip
    return Operation.objects.create(**values)


def ids(client: ApiClient, query: str = "") -> list[str]:
    answer = client.send("GET", f"{TASKS}?{query}")
    assert answer.status_code == 200, answer.content
    return [task["id"] for task in answer.json()["tasks"]]


def test_a_task_from_its_beginning_to_its_end(member: ApiClient, project: Any) -> None:
    task = make_task(project, args={"uri": "https://user:secret@example.org/"})
    answer = member.send("GET", f"{TASKS}/{task.id}")
    body = answer.json()
    assert b"secret" not in answer.content
    assert {**body, "created_at": "", "updated_at": ""} == {
        "id": str(task.id), "type": "api_image_import", "status": "pending", "owner": project.pk,
        "expires_at": None, "created_at": "", "updated_at": "", "image_id": task.resource_id,
        "request_id": "req-1", "user_id": "u", "self": f"/v2/tasks/{task.id}",
        "schema": "/v2/schemas/task", "input": {"image_id": task.resource_id}, "result": None,
        "message": "",
    }  # fmt: skip
    for state, status in (("RUNNING", "processing"), ("WAITING", "processing")):
        Operation.objects.filter(id=task.id).update(state=state)
        assert member.send("GET", f"{TASKS}/{task.id}").json()["status"] == status
    ended = {"state": "DONE", "finished_at": now()}
    Operation.objects.filter(id=task.id).update(**ended)
    body = member.send("GET", f"{TASKS}/{task.id}").json()
    assert (body["status"], body["result"]) == ("success", {"image_id": task.resource_id})
    assert body["expires_at"] > body["updated_at"]
    Operation.objects.filter(id=task.id).update(state="UNDONE", error_public="It is no disk.")
    body = member.send("GET", f"{TASKS}/{task.id}").json()
    assert (body["status"], body["message"]) == ("failure", "It is no disk.")


def test_other_projects_tasks_do_not_exist(member: ApiClient, project: Any) -> None:
    own, others = make_task(project), make_task(make_project())
    server = make_task(project, resource_type="instance", kind="instances.create")
    assert ids(member) == [str(own.id)]
    for missing in (others.id, server.id, uuid.uuid4(), "no-id"):
        assert member.send("GET", f"{TASKS}/{missing}").status_code == 404
    admin = client_with("admin")
    assert set(ids(admin)) == {str(own.id), str(others.id)}
    assert admin.send("GET", f"{TASKS}/{others.id}").status_code == 200
    assert admin.send("GET", f"{TASKS}/{server.id}").status_code == 404


def test_lists_filter_and_sort(member: ApiClient, project: Any) -> None:
    old = make_task(project, age=20, state="DONE", kind="image.other")
    middle = make_task(project, age=10, state="FAILED")
    new = make_task(project, age=5)
    every = [str(new.id), str(middle.id), str(old.id)]
    assert ids(member) == every
    assert ids(member, "sort_key=created_at&sort_dir=asc") == every[::-1]
    assert ids(member, "sort_key=type,created_at&sort_dir=asc,desc") == every
    assert ids(member, "status=success") == [str(old.id)]
    assert ids(member, "status=failure") == [str(middle.id)]
    assert ids(member, "type=import") == every[:2]
    assert ids(member, "type=image.other") == [str(old.id)]
    first = member.send("GET", f"{TASKS}?limit=2").json()
    assert first["next"] == f"/v2/tasks?limit=2&marker={middle.id}"
    assert ids(member, f"limit=2&marker={middle.id}") == [str(old.id)]
    assert ids(member, f"marker={uuid.uuid4()}") == []


@pytest.mark.parametrize(
    "query",
    [
        "status=odd", "sort_key=odd", "sort_dir=up", "sort_key=id,id", "limit=x",
        "sort_key=id&sort_dir=asc,desc",
    ],
)  # fmt: skip
def test_bad_queries(member: ApiClient, query: str) -> None:
    assert member.send("GET", f"{TASKS}?{query}").status_code == 400


def test_a_page_costs_the_same_for_any_number(member: ApiClient, project: Any) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            Step.objects.create(operation=make_task(project), seq=0, name="fetch")
        with CaptureQueriesContext(connection) as queries:
            ids(member)
        counts.append(len([one for one in queries if "operations_" in one["sql"]]))
    assert counts == [2, 2]


def test_the_tasks_of_an_image_are_its_owners(member: ApiClient, project: Any) -> None:
    image = member.send("POST", "/image/v2/images", {"visibility": "community"}).json()
    task = make_task(project, resource_id=image["id"])
    make_task(project)
    found = member.send("GET", f"/image{image['self']}/tasks").json()
    assert [one["id"] for one in found["tasks"]] == [str(task.id)]
    stranger = client_with("member")
    assert stranger.send("GET", f"/image{image['self']}").status_code == 200
    assert stranger.send("GET", f"/image{image['self']}/tasks").status_code == 403


def test_an_import_says_what_was_asked_of_it(member: ApiClient, project: Any) -> None:
    args = {
        "method": "web-download", "uri": "https://example.org/disk", "stores": ["default"],
        "all_stores_must_succeed": True,
    }  # fmt: skip
    task = make_task(project, args=args)
    assert member.send("GET", f"{TASKS}/{task.id}").json()["input"] == {
        "image_id": task.resource_id,
        "import_req": {
            "method": {"name": "web-download", "uri": "https://example.org/disk"},
            "stores": ["default"],
            "all_stores_must_succeed": True,
        },
        "backend": ["default"],
    }


def test_a_task_records_an_image_and_imports_it(project: Any) -> None:
    admin = client_with("admin", project=project)
    asked = {
        "import_from": "https://example.org/disk?key=s3cret",
        "import_from_format": "qcow2",
        "image_properties": {"name": "new", "colour": "red"},
    }
    answer = admin.send("POST", TASKS, {"type": "import", "input": asked})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert answer.headers["Location"].endswith(f"/image/v2/tasks/{body['id']}")
    assert (body["type"], body["status"], body["owner"]) == ("import", "pending", project.pk)
    assert body["input"] == {**asked, "import_from": "https://example.org/disk"}
    assert admin.send("GET", f"{TASKS}/{body['id']}").json() == body
    assert ids(admin, "type=import") == [body["id"]]
    image = admin.send("GET", f"/image/v2/images/{body['image_id']}").json()
    assert (image["status"], image["name"], image["disk_format"], image["colour"]) == (
        "importing", "new", "qcow2", "red",
    )  # fmt: skip
    assert b"s3cret" not in answer.content


def test_a_task_that_cannot_be_leaves_nothing(project: Any) -> None:
    admin = client_with("admin", project=project)
    good = {
        "import_from": "http://example.org/",
        "import_from_format": "raw",
        "image_properties": {},
    }
    bodies: dict[str, Any] = {
        "no body": None,
        "another type": {"type": "export", "input": good},
        "no input": {"type": "import"},
        "no source": {"type": "import", "input": {**good, "import_from": ""}},
        "a file": {"type": "import", "input": {**good, "import_from": "file:///etc/shadow"}},
        "no format": {"type": "import", "input": {**good, "import_from_format": "odd"}},
        "read only": {"type": "import", "input": {**good, "image_properties": {"status": "x"}}},
        "no properties": {"type": "import", "input": {**good, "image_properties": None}},
    }
    answers = {name: admin.send("POST", TASKS, body).status_code for name, body in bodies.items()}
    assert answers == {**dict.fromkeys(bodies, 400), "read only": 403}
    assert (
        client_with("member", project=project)
        .send("POST", TASKS, {"type": "import", "input": good})
        .status_code
        == 403
    )
    assert not Operation.objects.exists()
    assert not Image.objects.exists()
