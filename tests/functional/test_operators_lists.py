"""What operators do to many at once: a refusal stops nobody else, and the page says who and why."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client

from cloudweb.database.clock import now
from cloudweb.exceptions import Conflict
from compute.models import Flavor, Host
from compute.scheduler import claim
from identity.manager import ProjectManager
from identity.models import Project
from operations.models import Operation
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.compute import make_context, make_flavor, make_host, make_request
from tests.builders.identity import make_member, make_project

pytestmark = pytest.mark.django_db
HOSTS, FLAVORS = "/admin/compute/host/", "/admin/compute/flavor/"
OPERATIONS, PROJECTS = "/admin/operations/operation/", "/admin/identity/project/"


@pytest.fixture
def operator() -> Client:
    return browser_of(make_member("admin", password=PASSWORD))


def press(operator: Client, page: str, action: str, *rows: Any, **more: str) -> list[str]:
    """Choose rows and an action; return what is said."""
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    answer = operator.post(page, body)
    assert answer.status_code == 302, answer.content
    return [str(one) for one in get_messages(answer.wsgi_request)]


def used_host(name: str) -> Host:
    """Return a host that holds a server: it cannot be forgotten."""
    host = make_host(name)
    server = str(uuid.uuid4())
    claim(make_context(), instance_id=server, project_id="p", request=make_request())
    return host


def test_deleting_several_goes_past_a_refusal_and_is_honest(operator: Client) -> None:
    used = used_host("h1")
    one, two = make_host("h2"), make_host("h3")
    page = operator.post(
        HOSTS, {"action": "delete_selected", "_selected_action": [used.pk, one.pk]}
    )
    assert "Delete multiple objects" in text_of(page)
    assert "Host: h1" in text_of(page)
    assert 'type="submit"' in page.content.decode()
    said = press(operator, HOSTS, "delete_selected", used, one, two, post="yes")
    assert [host.name for host in Host.objects.all()] == ["h1"]
    assert len(said) == 2
    assert said[0].startswith("h1: Unable to delete")
    assert said[1] == "2 deleted."
    assert sorted(LogEntry.objects.values_list("object_repr", flat=True)) == ["h2", "h3"]


def test_deleting_projects_goes_past_one_that_is_held(operator: Client) -> None:
    free, held = make_project(name="free"), make_project(name="held", immutable=True)
    said = press(operator, PROJECTS, "delete_selected", held, free, post="yes")
    assert said[-1] == "1 deleted."
    assert said[0].startswith("held: ")
    assert not Project.objects.filter(pk=free.pk).exists()
    assert Project.objects.filter(pk=held.pk).exists()


def test_operations_that_ended_do_not_keep_others_waiting(operator: Client) -> None:
    ended, waits = (
        Operation.objects.create(
            kind="instances.stop", resource_type="instance", resource_id=str(uuid.uuid4()),
            deadline_at=now(), state=state,
        )
        for state in ("DONE", "WAITING")
    )  # fmt: skip
    for action, done in (("retry", "1 being worked on."), ("cancel", "1 being undone.")):
        said = press(operator, OPERATIONS, action, ended, waits)[-2:]
        assert said[0].startswith(f"{ended}: "), action
        assert said[1] == done, action


def test_a_reason_is_said_once(operator: Client) -> None:
    flavors = [make_flavor(name=f"f{number}") for number in range(3)]
    assert press(operator, FLAVORS, "delete_selected", *flavors, post="yes") == ["3 deleted."]
    assert not Flavor.objects.exists()
    same = [make_project(name=f"p{number}") for number in range(3)]

    def refuse(self: Any, project_id: str) -> None:
        raise Conflict("It is Sunday.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ProjectManager, "delete", refuse)
        said = press(operator, PROJECTS, "delete_selected", *same, post="yes")
    assert len(said) == 2  # the one above is not read yet
    only = said[-1]
    assert only.endswith(": It is Sunday.")
    assert sorted(only.partition(":")[0].split(", ")) == ["p0", "p1", "p2"]
