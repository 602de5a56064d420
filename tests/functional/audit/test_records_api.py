"""The audit log over REST: what requests leave, who reads it, filters and pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.manager import BATCH, BATCHES, RecordManager
from audit.models import Record
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from identity.scopes import SYSTEM
from tests.builders.identity import (
    ApiClient,
    client_at,
    client_of,
    client_with,
    make_member,
    make_project,
    make_user,
)

pytestmark = pytest.mark.django_db
RECORDS = "/audit/v1/records"
NETWORK = {"network": {"name": "n1"}}


def make_record(**overrides: Any) -> Record:
    values = {"action": "network:networks:create", "outcome": "success", **overrides}
    return Record.objects.create(**values)


def listed(client: ApiClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.send("GET", f"{RECORDS}{query}")
    assert answer.status_code == 200, answer.content
    records: list[dict[str, Any]] = answer.json()["records"]
    return records


def test_a_change_over_rest() -> None:
    user = make_member("member")
    client = client_of(user)
    made = client.send("POST", "/network/v2.0/networks", NETWORK)
    (record,) = listed(client)
    assert record["action"] == "network:networks:create"
    assert record["target"] == {
        "kind": "network", "id": made.json()["network"]["id"], "name": "n1",
    }  # fmt: skip
    assert record["user"] == {"id": user.pk, "name": user.name, "domain_id": "default"}
    assert record["project_id"] == user.default_project_id
    assert (record["origin"], record["remote_address"]) == ("api", "127.0.0.1")
    assert record["request_id"] == made.headers["X-OpenStack-Request-Id"]
    assert (record["outcome"], record["status"], record["reason"]) == ("success", None, "")
    shown = client.send("GET", f"{RECORDS}/{record['id']}")
    assert shown.json() == {"record": record}


def test_a_refusal_over_rest() -> None:
    client = client_with("reader")
    assert client.send("POST", "/network/v2.0/networks", NETWORK).status_code == 403
    (record,) = listed(client)
    assert (record["outcome"], record["status"]) == ("refused", 403)
    assert record["code"] == "policy_not_authorized"


def test_reads_leave_nothing() -> None:
    client = client_with("member")
    for path in ("/network/v2.0/networks", "/network/v2.0/security-groups", RECORDS):
        assert client.send("GET", path).status_code == 200
    assert listed(client) == []


def log_in(name: str, password: str, project_id: str | None = None) -> Any:
    user = {"name": name, "domain": {"id": "default"}, "password": password}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    if project_id:
        auth["scope"] = {"project": {"id": project_id}}
    return ApiClient().send("POST", "/identity/v3/auth/tokens", {"auth": auth})


def test_log_ins_by_api() -> None:
    user = make_member("member", password="right horse")
    assert log_in(user.name, "right horse", user.default_project_id).status_code == 201
    assert log_in(user.name, "wrong horse", user.default_project_id).status_code == 401
    operator = client_with("admin")
    refused, done = listed(operator, "?all_projects=true&action=identity:tokens:issue")
    assert (done["outcome"], done["user"]["id"], done["user"]["name"]) == (
        "success", user.pk, user.name,
    )  # fmt: skip
    assert done["project_id"] == user.default_project_id
    assert (refused["outcome"], refused["status"], refused["user"]["name"]) == (
        "refused", 401, user.name,
    )  # fmt: skip
    assert refused["project_id"] == ""  # anybody can name a project
    assert "horse" not in str(list(Record.objects.values()))


def test_log_ins_by_browser(client: Any) -> None:
    user = make_user(password="right horse")
    client.post("/login", {"username": user.name, "password": "wrong horse"})
    client.post("/login", {"username": user.name, "password": "right horse"})
    client.post("/logout")
    rows = Record.objects.order_by("created_at").values_list(
        "action", "outcome", "user_id", "user_name", "origin", "remote_address"
    )
    assert list(rows) == [
        ("identity:sessions:create", "refused", "", user.name, "dashboard", "127.0.0.1"),
        ("identity:sessions:create", "success", user.pk, user.name, "dashboard", "127.0.0.1"),
        ("identity:sessions:delete", "success", user.pk, user.name, "dashboard", "127.0.0.1"),
    ]
    assert "horse" not in str(list(Record.objects.values()))


def test_each_project_sees_its_own() -> None:
    project = make_project()
    mine, other = make_record(project_id=project.pk), make_record(project_id="other")
    member, operator = client_with("reader", project=project), client_with("admin")
    auditor = client_at(SYSTEM, "reader")
    assert [record["id"] for record in listed(member)] == [str(mine.id)]
    for query in ("?all_projects=true", "?project_id=other"):
        assert member.send("GET", RECORDS + query).status_code == 403
        for client in (operator, auditor):
            assert str(other.id) in [record["id"] for record in listed(client, query)]
    assert listed(operator) == []  # his own project, as everywhere
    assert len(listed(auditor)) == 2
    for client, status in ((member, 404), (operator, 200), (auditor, 200)):
        assert client.send("GET", f"{RECORDS}/{other.id}").status_code == status
        assert client.send("GET", f"{RECORDS}/nonsense").status_code == 404
    unscoped = client_of(make_user())
    assert unscoped.send("GET", RECORDS).status_code == 403


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("user=ann", "ab"),
        ("user=u1", "a"),
        ("action=network:networks:create", "ac"),
        ("action=network:", "ac"),
        ("target_id=t2", "b"),
        ("request_id=req-3", "c"),
        ("outcome=refused", "b"),
        ("origin=admin", "c"),
        ("log_ins=true", "b"),
        ("log_ins=false", "ac"),
        ("since=2026-01-02", "bc"),
        ("until=2026-01-02T00:00:00Z", "a"),
        ("since=2026-01-02&until=2026-01-03T00:00:00%2B00:00", "b"),
        ("user=ann&outcome=refused", "b"),
        ("user=an", ""),
    ],
)
def test_filters(query: str, found: str) -> None:
    project = make_project()
    rows = {
        "a": {"user_id": "u1", "user_name": "ann", "target_id": "t1", "request_id": "req-1"},
        "b": {"user_id": "u2", "user_name": "ann", "target_id": "t2", "request_id": "req-2",
              "outcome": "refused", "action": "identity:tokens:issue"},
        "c": {"user_id": "u3", "user_name": "bob", "target_id": "t3", "request_id": "req-3",
              "origin": "admin"},
    }  # fmt: skip
    for day, (name, values) in enumerate(rows.items(), 1):
        with time_machine.travel(f"2026-01-0{day}T12:00:00Z"):
            make_record(project_id=project.pk, target_name=name, **values)
    answer = listed(client_with("reader", project=project), f"?{query}")
    assert "".join(sorted(record["target"]["name"] for record in answer)) == found


@pytest.mark.parametrize(
    "query",
    ["since=soon", "outcome=maybe", "limit=-1", "colour=red", "marker=nonsense",
     "marker=00000000-0000-0000-0000-000000000000", "log_ins=perhaps", f"user={'x' * 300}"],
)  # fmt: skip
def test_bad_queries(query: str) -> None:
    answer = client_with("reader").send("GET", f"{RECORDS}?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400


def test_pages_by_key_cost_the_same_anywhere() -> None:
    project = make_project()
    client = client_with("reader", project=project)
    for _ in range(5):
        make_record(project_id=project.pk)
    client.send("GET", RECORDS)  # the revocation list, which another test may have moved
    seen, costs, url = [], [], f"{RECORDS}?limit=2&outcome=success"
    while url:
        with CaptureQueriesContext(connection) as asked:
            body = client.send("GET", url.removeprefix("http://testserver")).json()
        costs.append(len(asked))
        seen += [record["id"] for record in body["records"]]
        url = body["links"]["next"]
    assert seen == [str(row.id) for row in Record.objects.order_by("-created_at", "-id")]
    assert costs == [2, 3, 3]  # the revocation counter, the marker, the page


def test_a_change_costs_one_statement_more(settings: Any) -> None:
    client = client_with("member")
    costs = []
    for recorder in ("", settings.CLOUDWEB_AUDIT):
        settings.CLOUDWEB_AUDIT = recorder
        client.send("POST", "/network/v2.0/networks", NETWORK)  # the first one makes the quota row
        with CaptureQueriesContext(connection) as asked:
            assert client.send("POST", "/network/v2.0/networks", NETWORK).status_code == 201
        costs.append(len(asked))
    assert costs[1] == costs[0] + 1


def test_old_records_go_in_batches(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AUDIT_KEEP_DAYS = 30
    monkeypatch.setattr("audit.manager.BATCH", 2)
    for days in (29, 31, 31, 31, 31, 31):
        make_record(created_at=now() - timedelta(days=days))
    with CaptureQueriesContext(connection) as asked:
        RecordManager(RequestContext.system()).forget_old_records()
    assert len(asked) == 3
    assert Record.objects.count() == 1
    settings.AUDIT_KEEP_DAYS = 0
    make_record(created_at=now() - timedelta(days=9999))
    RecordManager(RequestContext.system()).forget_old_records()
    assert Record.objects.count() == 2
    assert BATCH * BATCHES >= 100_000  # what one round can forget
