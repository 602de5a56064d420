"""The operators' pages of the engine: timelines, retry, cancel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from operations.models import Operation
from tests.builders.identity import make_member
from tests.builders.instances import NOTHING, Lab, census, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(make_member("admin"), backend="identity.backends.SqlBackend")
    return client


def _page(operation: Operation) -> str:
    return f"/admin/operations/operation/{operation.id}/change/"


def test_timeline_shows_each_step(home: Lab, operator: Client) -> None:
    home.create()
    page = operator.get(_page(Operation.objects.get())).content.decode()
    for step in ("claim_host", "create_ports", "plug_ports", "spawn", "h1"):
        assert step in page


def test_the_page_shows_what_is_held_and_what_is_waited_for(home: Lab, operator: Client) -> None:
    home.cloud.broker.lose = lambda queue, _task, _argument: queue == "compute.h1"
    server_id = home.create(settle=False)
    home.cloud.pump()
    build = Operation.objects.get()
    assert f"instance {server_id}" in operator.get(_page(build)).content.decode()
    home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}")
    page = operator.get(_page(Operation.objects.get(state="QUEUED"))).content.decode()
    assert f"/operation/{build.id}/change/" in page
    home.cloud.broker.lose = lambda *_: False
    home.cloud.settle()


def test_lists_open(home: Lab, operator: Client) -> None:
    home.create()
    for model in ("operation", "service", "debt"):
        assert operator.get(f"/admin/operations/{model}/").status_code == 200


def test_cancel_undoes_a_build(home: Lab, operator: Client) -> None:
    home.cloud.broker.lose = lambda queue, _task, _argument: queue == "compute.h1"
    server_id = home.create(settle=False)
    home.cloud.pump()
    answer = operator.post(
        f"/admin/operations/operation/{Operation.objects.get().id}/steer", {"cancel": ""}
    )
    assert answer.status_code == 302
    home.cloud.broker.lose = lambda *_: False
    home.cloud.settle()
    server = home.show(server_id)
    assert (server["status"], server["fault"]["message"]) == ("ERROR", "An operator cancelled it.")
    assert census(home) == {**NOTHING, "servers": 1}


def test_retry_of_a_stuck_undo(home: Lab, operator: Client) -> None:
    home.guests["h1"].faults.fail("spawn", transient=False)
    home.guests["h1"].faults.fail("destroy", transient=False)
    home.create(settle=False)
    for _ in range(10):
        home.cloud.pump()
    stuck = Operation.objects.get()
    assert stuck.state == "FAILED"
    operator.post(f"/admin/operations/operation/{stuck.id}/steer", {"retry": ""})
    home.cloud.pump()
    assert Operation.objects.get().state == "UNDONE"
    assert census(home) == {**NOTHING, "servers": 1}


def test_members_do_not_get_in(home: Lab) -> None:
    client = Client()
    client.force_login(home.user, backend="identity.backends.SqlBackend")
    assert client.get("/admin/operations/operation/").status_code == 302
