"""The example is whole: made over REST, shown by its pages, built by its saga, cleared away by its task."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from cloudweb.events import emit
from cloudweb.holdings import holdings_of
from identity.events import ProjectDeleted
from identity.models import User
from operations.models import PeriodicTask
from operations.periodic import table
from operations.periodic.runs import Runs
from operations.testing import Cloud, cloud
from tests.builders.browsers import PASSWORD, browser_of, said, text_of
from tests.builders.identity import client_of, make_member
from tests.example.models import Shelf
from tests.example.querysets import KEPT
from tests.example.states import BUILDING, ERROR, READY
from tests.infrastructure import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
SHELVES = "/database/v1.0/shelves"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Cloud]:
    with cloud(tmp_path) as running:
        yield running


@pytest.fixture
def user() -> User:
    return make_member("member", password=PASSWORD)


def make_shelf(user: User, *, status: str = READY, name: str = "oak") -> Shelf:
    return Shelf.objects.create(project_id=user.default_project_id, name=name, status=status)


def test_over_rest(user: User, made: Cloud) -> None:
    client = client_of(user)
    answer = client.send("POST", SHELVES, {"shelf": {"name": "oak"}})
    assert answer.status_code == 201
    shelf = answer.json()["shelf"]
    assert (shelf["status"], shelf["boards"]) == (BUILDING, 0)
    place = f"{SHELVES}/{shelf['id']}"
    busy = client.send("DELETE", place)
    assert (busy.status_code, [*busy.json()]) == (409, ["conflict"])
    made.settle()
    shown = client.send("GET", place).json()["shelf"]
    assert shown == {**shelf, "status": READY, "boards": 5}
    renamed = client.send("PUT", place, {"shelf": {"name": "ash"}}).json()["shelf"]
    assert renamed == {**shown, "name": "ash"}
    for query, count in (
        ("", 1),
        ("?name=ash", 1),
        ("?name=oak", 0),
        (f"?marker={shelf['id']}", 0),
    ):
        assert len(client.send("GET", SHELVES + query).json()["shelves"]) == count
    refused = {
        "?marker=nothing": client.send("GET", f"{SHELVES}?marker=nothing"),
        "no name": client.send("POST", SHELVES, {"shelf": {}}),
        "more": client.send("POST", SHELVES, {"shelf": {"name": "a", "colour": "red"}}),
        "missing": client.send("GET", f"{SHELVES}/nothing"),
    }
    assert {what: one.status_code for what, one in refused.items()} == {
        "?marker=nothing": 400, "no name": 400, "more": 400, "missing": 404,
    }  # fmt: skip
    assert client.send("DELETE", place).status_code == 204
    assert client.send("GET", place).status_code == 404


def test_operators_see_it_and_one_refusal_does_not_stop_the_rest(user: User) -> None:
    admin = make_member("admin", password=PASSWORD)
    browser = browser_of(admin)
    shelves = [make_shelf(user, name="ash"), make_shelf(user, name="oak", status=BUILDING)]
    page = text_of(browser.get("/admin/example/shelf/"))
    assert {"ash", "oak", BUILDING} <= {*page.split()}
    chosen = {"action": "take_down", "_selected_action": [str(one.pk) for one in shelves]}
    assert "What lies on them falls." in text_of(browser.post("/admin/example/shelf/", chosen))
    assert Shelf.objects.count() == len(shelves)
    answer = browser.post("/admin/example/shelf/", {**chosen, "sure": "yes"})
    assert said(answer) == ["oak: The shelf is being built.", "1 taken down."]
    assert [*Shelf.objects.values_list("name", flat=True)] == ["oak"]


def test_its_page_lists_finds_and_takes_down(user: User) -> None:
    browser = browser_of(user)
    assert "No shelves yet" in text_of(browser.get("/shelves"))
    ash, oak = make_shelf(user, name="ash"), make_shelf(user, name="oak", status=BUILDING)
    make_shelf(make_member("member"), name="foreign")
    assert {"ash", "oak", BUILDING} <= {*(whole := text_of(browser.get("/shelves"))).split()}
    assert "foreign" not in whole
    found = text_of(browser.get("/shelves?q=as"))
    assert "ash" in found
    assert "oak" not in found
    chosen = {"action": "take_down", "chosen": [str(ash.pk), str(oak.pk)]}
    assert "What lies on them falls." in text_of(browser.post("/shelves", chosen))
    answer = browser.post("/shelves", {**chosen, "agreed": ""})
    assert said(answer) == ["ash was taken down.", "oak: The shelf is being built."]
    assert [*Shelf.objects.filter(project_id=user.default_project_id)] == [oak]
    reader = browser_of(make_member("reader", project=user.default_project, password=PASSWORD))
    page = reader.get("/shelves")
    assert "oak" in text_of(page)
    assert "take_down" not in page.content.decode()
    one = {"one": f"take_down {oak.pk}", "agreed": ""}
    assert reader.post("/shelves", one).status_code == 403
    assert browser_of(make_member("member", password=PASSWORD)).get("/shelves").status_code == 200
    assert Client().get("/shelves").status_code == 302


def test_its_task_runs_when_it_is_due(user: User) -> None:
    old, new, fine = (make_shelf(user, status=status) for status in (ERROR, ERROR, READY))
    for shelf in (old, fine):
        Shelf.objects.filter(id=shelf.id).update(created_at=shelf.created_at - KEPT)
    table.register()
    row = PeriodicTask.objects.get(name="tests.clear_away")
    assert row.does == "Remove shelves that could not be built, a day later."
    PeriodicTask.objects.filter(id=row.id).update(next_at=row.next_at - timedelta(hours=2))
    runs = Runs()
    runs.ring("tests.clear_away")
    wait_until(lambda: not runs._running, what="it has run")
    assert {*Shelf.objects.values_list("id", flat=True)} == {new.id, fine.id}


def test_a_project_is_held_by_its_shelves_and_takes_wrecks_along(user: User) -> None:
    project = user.default_project_id
    assert project is not None
    fine = make_shelf(user)
    make_shelf(user, status=ERROR)
    assert holdings_of("project", project) == {"shelves": 1}
    fine.delete()
    assert holdings_of("project", project) == {}
    emit(ProjectDeleted(project))
    assert not Shelf.objects.exists()
