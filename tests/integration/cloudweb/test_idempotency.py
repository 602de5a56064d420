"""A POST that is sent again with its ``Idempotency-Key`` is answered again, and done once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import override_settings

from cloudweb.api import once
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.rotation import encrypted_columns
from identity.models import Project
from instances.models import Instance
from network.models import Network
from operations import first_answers
from operations.manager import OperationManager
from operations.models import FirstAnswer, Operation
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    make_member,
    make_project,
    make_role,
)
from tests.builders.instances import Lab, lab
from tests.infrastructure import PATIENCE

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
NETWORKS, PROJECTS = "/network/v2.0/networks", "/identity/v3/projects"


@pytest.fixture
def member() -> ApiClient:
    return client_of(make_member("member", project=make_project()))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def post(client: ApiClient, key: str | None, body: Any, path: str = NETWORKS, **more: str) -> Any:
    headers = more if key is None else {**more, "Idempotency_Key": key}
    return client.send("POST", path, body, **headers)


def named(name: str) -> dict[str, Any]:
    return {"network": {"name": name}}


def test_the_same_key_and_request_give_the_first_answer_again(member: ApiClient) -> None:
    first, again = post(member, "k1", named("a")), post(member, "k1", named("a"))
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["Content-Type"]) == (
        first.content,
        first.headers["Content-Type"],
    )
    spaced = member.send(
        "POST", NETWORKS, b' {"network" : {"name":"a"} }', Idempotency_Key="k1"
    )  # the same body in other signs
    assert spaced.content == first.content
    assert post(member, "k1", named("a"), f"{NETWORKS}.json").content == first.content
    assert Network.objects.count() == 1
    assert post(member, "k2", named("a")).json() != first.json()
    assert post(member, None, named("a")).json() != first.json()


def test_another_request_is_refused_and_the_field_is_named(member: ApiClient) -> None:
    post(member, "k", named("a"))
    other = {"security_group": {"name": "a"}}
    refused = {
        "body": post(member, "k", named("b")),
        "path": post(member, "k", other, "/network/v2.0/security-groups"),
    }
    for name, answer in refused.items():
        assert answer.status_code == 422, name
        error = answer.json()["NeutronError"]
        assert error["type"] == "IdempotencyKeyReused"
        assert "Idempotency-Key" in error["message"]
    assert Network.objects.count() == 1


def test_the_shape_of_the_refusal_is_each_services_own(home: Lab) -> None:
    admin = client_with("admin")
    paths = {
        "/compute/v2.1/flavors": "unprocessableEntity",
        PROJECTS: "error",
        "/image/v2/images": "error",
        NETWORKS: "NeutronError",
    }
    post(admin, "k", named("a"))
    found = {path: post(admin, "k", {"x": 1}, path) for path in paths}
    assert {path: (a.status_code, *a.json()) for path, a in found.items()} == {
        path: (422, key) for path, key in paths.items()
    }


def test_a_key_is_its_project_s_and_its_caller_s(member: ApiClient) -> None:
    project = make_project()
    one, two = (client_of(make_member("member", project=project)) for _ in range(2))
    first = post(one, "k", named("a"))
    assert post(two, "k", named("a")).status_code == 422  # an answer may hold a secret
    assert post(member, "k", named("a")).json() != first.json()
    assert post(one, "k", named("a")).content == first.content


def test_what_acts_for_a_user_does_not_read_what_he_was_told() -> None:
    user = make_member("member")
    mine = f"/identity/v3/users/{user.pk}/application_credentials"
    body = {"application_credential": {"name": "ci", "unrestricted": True}}
    first = post(client_of(user), "k", body, mine)
    made = first.json()["application_credential"]
    methods = {
        "methods": ["application_credential"],
        "application_credential": {"id": made["id"], "secret": made["secret"]},
    }
    answer = ApiClient().send("POST", "/identity/v3/auth/tokens", {"auth": {"identity": methods}})
    program = ApiClient(answer.headers["X-Subject-Token"])
    assert post(program, "k", body, mine).status_code == 422
    again = post(client_of(user), "k", body, mine)  # with another token of his own
    assert again.json() == first.json()


def test_who_may_no_longer_do_it_does_not_read_what_he_was_told() -> None:
    project = make_project()
    paths = {
        NETWORKS: named("a"),
        "/network/v2.0/security-groups": {"security_group": {"name": "a"}},
        "/image/v2/images": {"name": "a"},
    }
    user = make_member("member", project=project)
    first = {path: post(client_of(user), path, body, path) for path, body in paths.items()}
    assert {path: answer.status_code // 100 for path, answer in first.items()} == dict.fromkeys(
        paths, 2
    )
    role = user.assignments.get()
    for now_is, status in (("reader", 403), ("member", None)):
        role.role = make_role(now_is)
        role.save()
        found = {path: post(client_of(user), path, body, path) for path, body in paths.items()}
        if status:
            codes = {path: answer.status_code for path, answer in found.items()}
            assert codes == dict.fromkeys(paths, status)
    assert {path: answer.content for path, answer in found.items()} == {
        path: answer.content for path, answer in first.items()
    }


def test_what_is_refused_keeps_no_key(member: ApiClient) -> None:
    refusals = {
        "400": post(member, "k", {"network": {"name": "a", "nonsense": 1}}),
        "401": post(ApiClient(), "k", named("a")),
        "403": post(client_with("reader"), "k", named("a")),
        "404": post(member, "k", {"port": {"network_id": str(uuid4())}}, "/network/v2.0/ports"),
    }
    assert {name: str(a.status_code) for name, a in refusals.items()} == {n: n for n in refusals}
    assert not FirstAnswer.objects.exists()
    assert post(member, "k", named("a")).status_code == 201


def test_keys_that_are_none(member: ApiClient) -> None:
    wrong = {"empty": "", "long": "k" * 256, "space": "a b", "not ascii": "schlüssel"}
    found = {name: post(member, key, named("a")) for name, key in wrong.items()}
    assert {name: answer.status_code for name, answer in found.items()} == dict.fromkeys(wrong, 400)
    assert all("Idempotency-Key" in answer.content.decode() for answer in found.values())
    assert post(member, "k" * 255, named("a")).status_code == 201


def test_what_was_made_and_its_answer_are_one_transaction(
    member: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*args: Any) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(first_answers.KeptAnswers, "keep", dies)
        assert post(member, "k", named("a")).status_code == 500
    assert (Network.objects.count(), Operation.objects.count()) == (0, 0)
    assert post(member, "k", named("a")).status_code == 201


def test_no_writer_waits_while_a_password_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before a manager's own transaction is before the answer's, too."""
    seen: list[bool] = []
    admin = client_with("admin")

    def hashed(password: str) -> str:
        seen.append(bool(getattr(connection, "queue_held", False)))
        return "x"

    monkeypatch.setattr("identity.manager.users.make_password", hashed)
    body = {"user": {"name": "u", "password": "a-long-password-7"}}
    answer = post(admin, "k", body, "/identity/v3/users")
    assert (answer.status_code, seen) == (201, [False])
    assert post(admin, "k", body, "/identity/v3/users").content == answer.content


def _at_once(monkeypatch: pytest.MonkeyPatch, client: ApiClient, body: Any, path: str) -> list[Any]:
    """Send a request twice; both have looked for an answer before either is at work."""
    both = threading.Barrier(2)
    find, looks = first_answers.KeptAnswers.find, threading.local()

    def found(self: Any, scope: str, key: str) -> Any:
        known = find(self, scope, key)
        if not getattr(looks, "once", False):
            looks.once = True
            both.wait(PATIENCE)
        return known

    monkeypatch.setattr(first_answers.KeptAnswers, "find", found)

    def send(_: int) -> Any:
        try:
            return post(client, "k", body, path)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(send, range(2)))


@pytest.mark.parametrize(
    ("path", "body"),
    [(NETWORKS, named("a")), (PROJECTS, {"project": {"name": "only-one"}})],
)
def test_two_at_once_make_one(
    monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any]
) -> None:
    client = client_with("admin")
    before = Project.objects.count() + Network.objects.count()
    first, second = _at_once(monkeypatch, client, body, path)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert Project.objects.count() + Network.objects.count() == before + 1


def test_a_server_its_operation_and_its_password_are_made_once(home: Lab) -> None:
    first, again = (post(home.client, "k", home.body(), "/compute/v2.1/servers") for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.headers["Location"] == again.headers["Location"]
    assert (Instance.objects.count(), Operation.objects.count()) == (1, 1)
    password = first.json()["server"]["adminPass"]
    row = FirstAnswer.objects.get()
    assert password not in row.answer
    assert first.json()["server"]["id"] not in row.answer
    assert (FirstAnswer, "answer") in set(encrypted_columns())
    home.cloud.settle()
    assert Operation.objects.get().state == "DONE"
    other_version = post(
        home.client, "k", home.body(), "/compute/v2.1/servers",
        OpenStack_API_Version="compute 2.96",
    )  # fmt: skip
    assert other_version.status_code == 422  # another request: its answer has another form


def test_wrong_tries_count_although_their_request_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A key is no way around the lock-out: what a refusal has noted is kept."""
    user = make_member("member")
    client, path = client_of(user), f"/identity/v3/users/{user.pk}/password"
    with override_settings(LOCKOUT_FAILURES=3):
        for number in range(4):
            body = {"user": {"original_password": "wrong", "password": f"another-{number}-long"}}
            post(client, f"k{number}", body, path)
    user.refresh_from_db()
    assert user.failed_logins >= 3


def test_answers_are_kept_for_a_day_and_then_forgotten(member: ApiClient) -> None:
    first = post(member, "k", named("a"))
    post(member, "l", named("a"))
    FirstAnswer.objects.filter(key="k").update(created_at=now() - timedelta(hours=24))
    later = post(member, "k", named("b"))
    assert (later.status_code, later.json() == first.json()) == (201, False)
    FirstAnswer.objects.filter(key="k").update(created_at=now() - timedelta(hours=24))
    OperationManager(RequestContext.system()).forget_old()
    assert list(FirstAnswer.objects.values_list("key", flat=True)) == ["l"]


def test_a_project_keeps_no_more_than_it_may(member: ApiClient) -> None:
    with override_settings(IDEMPOTENCY_KEYS=2):
        answers = [post(member, f"k{number}", named("a")) for number in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert answers[2].headers["Retry-After"]
        assert post(member, "k1", named("a")).content == answers[1].content
        assert post(member, None, named("a")).status_code == 201


def test_pages_of_other_sites_may_send_it(member: ApiClient, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://friend.example"]
    answer = ApiClient().generic(
        "OPTIONS", NETWORKS,
        headers={"Origin": "https://friend.example", "Access-Control-Request-Method": "POST"},
    )  # fmt: skip
    assert once.HEADER.lower() in answer.headers["Access-Control-Allow-Headers"]
