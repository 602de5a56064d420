"""What a list of servers may be narrowed by beside names: tags, changes, host names, locks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.encryption import encrypt
from identity.models import User
from instances.models import Instance
from tests.builders.identity import client_of, client_with, make_member
from tests.builders.servers import make_server

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SERVERS = "/compute/v2.1/servers"


@pytest.fixture
def user() -> User:
    return make_member("member")


def ask(user: User, query: str, version: str = "2.96", *, status: int = 200) -> Any:
    path = f"{SERVERS}?sort_key=display_name&sort_dir=asc&{query}"
    at = {"OpenStack_API_Version": f"compute {version}"}
    answer = client_of(user).send("GET", path, **at)
    assert answer.status_code == status, (query, answer.content)
    return answer.json()


def names(user: User, query: str, version: str = "2.96") -> str:
    return "".join(one["name"] for one in ask(user, query, version)["servers"])


def test_tags(user: User) -> None:
    for name, tags in (("a", ["x", "y"]), ("b", ["x"]), ("c", ["y", 'q"\\']), ("d", [])):
        make_server(user, name=name, tags=tags)
    found = {
        query: names(user, query)
        for query in ("tags=x", "tags=x,y", "tags-any=x,y", "not-tags=x,y", "not-tags-any=x,y",
                      "tags=y&not-tags=x", "tags=q%22%5C", "tags=%25", "tags=x&tags-any=z,y")
    }  # fmt: skip
    assert found == {
        "tags=x": "ab",
        "tags=x,y": "a",
        "tags-any=x,y": "abc",
        "not-tags=x,y": "bcd",
        "not-tags-any=x,y": "d",
        "tags=y&not-tags=x": "c",
        "tags=q%22%5C": "c",
        "tags=%25": "",
        "tags=x&tags-any=z,y": "a",
    }
    assert names(user, "tags=x", "2.25") == "abcd"
    assert names(user, "tags-any=" + ",".join(map(str, range(50)))) == ""
    for key in ("tags", "tags-any", "not-tags", "not-tags-any"):
        ask(user, f"{key}=" + ",".join(map(str, range(51))), status=400)


def test_many_values_cost_no_more(user: User) -> None:
    """A database takes only so many conditions: what says the same is asked for once."""
    make_server(user, name="a")
    assert names(user, "status=ACTIVE&" * 500) == "a"
    assert names(user, "vm_state=active&" * 400) == "a"


def test_a_list_does_not_read_what_it_does_not_show(user: User) -> None:
    """Files and user data may be a hundred thousand bytes a row; one statement brings all rows."""
    for name in ("a", "b"):
        make_server(user, name=name, user_data=encrypt("x"), injected_files=encrypt("y"))
    for query in ("detail?", "detail?name=%5E[ab]"):
        with CaptureQueriesContext(connection) as captured:
            answer = client_of(user).send("GET", f"{SERVERS}/{query}")
        assert len(answer.json()["servers"]) == 2
        said = [one["sql"] for one in captured if 'FROM "instances_instance"' in one["sql"]]
        assert len(said) == (2 if "name" in query else 1)
        assert not any("injected_files" in sql or '."user_data"' in sql for sql in said)


def test_locked_and_hostname(user: User) -> None:
    for name, lock in (("web", "admin"), ("db", "")):
        make_server(user, name=name[0], hostname=f"{name}.example.org", locked_by=lock)
    found = {
        (query, version): names(user, query, version)
        for query, version in (
            ("locked=True", "2.73"),
            ("locked=False", "2.73"),
            ("locked=True", "2.72"),
            ("hostname=^web", "2.90"),
            ("hostname=^web%5C.|%5Edb$", "2.90"),
            ("hostname=web", "2.89"),
        )
    }
    assert list(found.values()) == ["w", "d", "dw", "w", "w", "dw"]
    ask(user, "locked=perhaps", "2.73", status=400)
    ask(user, "hostname=[", "2.90", status=400)


def test_changes_by_whole_seconds(user: User) -> None:
    """Clients ask with what they were shown, which is cut to seconds."""
    moment = datetime(2026, 5, 1, 10, 0, 5, 700_000, tzinfo=UTC)
    Instance.objects.filter(id=make_server(user, name="a").id).update(updated_at=moment)
    gone = make_server(user, name="b", vm_state="deleted")
    Instance.objects.filter(id=gone.id).update(updated_at=moment)
    found = {
        query: names(user, query)
        for query in (
            "changes-since=2026-05-01T10:00:05Z",
            "changes-before=2026-05-01T10:00:05Z",
            "changes-since=2026-05-01T10:00:05Z&changes-before=2026-05-01T10:00:05Z",
            "changes-since=2026-05-01T10:00:06Z",
            "changes-before=2026-05-01T10:00:04Z",
        )
    }
    assert list(found.values()) == ["ab", "ab", "ab", "", ""]
    assert names(user, "changes-before=9999-12-31T23:59:59.9Z") == "ab"
    late = "changes-since=2026-05-01T10:00:06Z&changes-before=2026-05-01T10:00:05Z"
    said = ask(user, late, status=400)["badRequest"]["message"]
    assert said == "The value of changes-since must be less than or equal to changes-before."
    assert names(user, "changes-before=2026-05-01T10:00:04Z", "2.65") == "a"
    admin = client_with("admin")
    path = f"{SERVERS}?all_tenants=1&changes-since=2026-05-01T10:00:05Z"
    for more, count in (("", 2), ("&deleted=False", 1), ("&deleted=True", 1)):
        assert len(admin.send("GET", path + more).json()["servers"]) == count
