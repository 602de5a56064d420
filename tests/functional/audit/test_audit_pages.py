"""The audit log on pages: an operator searches and exports all of it, a tenant reads its own."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from audit.models import Record
from identity.models import User
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member, make_project
from tests.functional.audit.test_records_api import make_record

pytestmark = pytest.mark.django_db
ADMIN = "/admin/audit/record/"


@pytest.fixture
def operator() -> Client:
    browser = browser_of(make_member("admin", password=PASSWORD))
    Record.objects.all().delete()
    return browser


def body(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def test_an_operator_searches(operator: Client) -> None:
    make_record(user_name="ann", target_id="t1", request_id="req-1", project_id="p1")
    make_record(user_name="bob", target_id="t2", outcome="refused", reason="Not now.")
    page = text_of(operator.get(ADMIN))
    assert "ann" in page
    assert "Not now." in page
    for query in ("user=ann", "target_id=t1", "request_id=req-1", "project_id=p1"):
        page = text_of(operator.get(f"{ADMIN}?{query}"))
        assert ("ann" in page, "Not now." in page) == (True, False), query
    assert "No record matches." in text_of(operator.get(f"{ADMIN}?until=2020-01-01"))
    assert "Enter a valid date" in text_of(operator.get(f"{ADMIN}?since=soon"))
    assert "The marker names no record." in text_of(operator.get(f"{ADMIN}?after=nonsense"))


def test_pages_of_an_operators_search(operator: Client) -> None:
    for number in range(60):
        make_record(target_id=f"t{number:02}", user_name="ann")
    first = operator.get(f"{ADMIN}?user=ann").content.decode()
    assert ("t59" in first, "t09" in first) == (True, False)
    older = first.split('">Older')[0].rpartition('href="')[2].replace("&amp;", "&")
    second = operator.get(older).content.decode()
    assert ("t59" in second, "t09" in second, "t00" in second) == (False, True, True)
    assert "Older" not in second


def test_nobody_changes_a_record(operator: Client) -> None:
    row = make_record(request_id="req-1", user_name="ann")
    page = operator.get(f"{ADMIN}{row.pk}/change/")
    assert "ann" in text_of(page)
    assert "/admin/operations/operation/?q=req-1" in page.content.decode()
    assert operator.post(f"{ADMIN}{row.pk}/change/", {"user_name": "bob"}).status_code == 403
    assert operator.post(f"{ADMIN}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert operator.get(f"{ADMIN}add/").status_code == 403
    assert Record.objects.get(pk=row.pk).user_name == "ann"


def test_export_of_what_matches(operator: Client) -> None:
    make_record(user_name="=HYPERLINK(1)", outcome="refused", reason='He said "no", twice')
    make_record(user_name="bob")
    answer = operator.get(f"{ADMIN}export.csv?outcome=refused")
    assert answer.headers["Content-Type"].startswith("text/csv")
    head, line = body(answer).splitlines()
    assert head.startswith("time,id,request_id,origin")
    assert ",'=HYPERLINK(1)," in line
    assert '"He said ""no"", twice"' in line
    assert operator.get(f"{ADMIN}export.csv?since=soon").status_code == 302


@pytest.mark.parametrize("path", [ADMIN, f"{ADMIN}export.csv"])
def test_only_operators_get_there(path: str) -> None:
    member = browser_of(make_member("manager", password=PASSWORD))
    assert Client().get(path).status_code == 302
    answer = member.get(path)
    assert answer.status_code in (302, 403)
    assert b"record" not in answer.content


def tenant(role: str = "reader") -> tuple[Client, User]:
    user = make_member(role, password=PASSWORD)
    return browser_of(user), user


def test_a_reader_sees_his_projects_activity() -> None:
    browser, user = tenant()
    make_record(project_id=user.default_project_id, user_name="ann", target_name="net-1")
    make_record(
        project_id=user.default_project_id, user_name="bob", outcome="refused", reason="Not now."
    )
    make_record(project_id=make_project().pk, user_name="stranger")
    make_record(project_id=user.default_project_id, user_name="eve", action="identity:tokens:issue")
    page = text_of(browser.get("/activity"))
    assert "Create network net-1 Done ann" in page
    assert "Not now." in page
    for unseen in ("stranger", "eve"):
        assert unseen not in page
    assert "eve" in text_of(browser.get("/activity?kind=log-ins"))
    assert "ann" not in text_of(browser.get("/activity?kind=refused"))
    assert "bob" not in text_of(browser.get("/activity?user=ann"))
    assert "Enter a valid date" in text_of(browser.get("/activity?since=soon"))
    assert "stranger" not in text_of(browser.get("/activity?kind=all&project_id=other"))


def test_pages_of_activity() -> None:
    browser, user = tenant()
    for number in range(60):
        make_record(project_id=user.default_project_id, target_name=f"net-{number:02}")
    first = browser.get("/activity").content.decode()
    assert ("net-59" in first, "net-09" in first) == (True, False)
    older = first.split('" rel="next">Next')[0].rpartition('href="')[2].replace("&amp;", "&")
    second = text_of(browser.get(f"/activity{older.partition('/activity')[2]}"))
    assert ("net-59" in second, "net-00" in second) == (False, True)


def test_activity_names_what_was_deleted_and_links_to_what_is_there() -> None:
    browser, user = tenant()
    gone, there = str(uuid.uuid4()), str(uuid.uuid4())
    kept = {"project_id": user.default_project_id, "target_kind": "server"}
    for target, action, name in (
        (gone, "create", "web-0"),
        (there, "create", "web-1"),
        (gone, "delete", ""),
    ):
        make_record(target_id=target, action=f"compute:servers:{action}", target_name=name, **kept)
    page = browser.get("/activity")
    assert "Delete server web-0" in text_of(page)
    assert f"/servers/{there}" in page.content.decode()
    assert f"/servers/{gone}" not in page.content.decode()


def test_what_the_pages_do_is_recorded_as_theirs(operator: Client) -> None:
    browser, user = tenant("member")
    Record.objects.all().delete()
    browser.post("/key-pairs/new", {"name": "laptop"})
    made = Record.objects.get()
    assert (made.action, made.origin, made.target_name) == (
        "compute:keypairs:create", "dashboard", "laptop",
    )  # fmt: skip
    assert (made.user_id, made.project_id) == (user.pk, user.default_project_id)
    project = make_project()
    operator.post(f"/admin/identity/project/{project.pk}/delete/", {"post": "yes"})
    gone = Record.objects.get(action="identity:projects:delete")
    assert (gone.origin, gone.outcome, gone.target_id) == ("admin", "success", project.pk)
