"""Throttling: what counts against whom, shared by processes, harmless without Redis."""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
import redis
import structlog
from django.test import Client

from cloudweb import conf, process, throttle
from cloudweb.encryption import encrypt
from cloudweb.exceptions import TooManyRequests
from identity import attempts
from identity.manager import AccessKeyManager, ApplicationCredentialManager
from identity.models import Credential, Project, User
from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    make_context,
    make_member,
    make_project,
)
from tests.infrastructure import PATIENCE, ROOT, private_redis

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"


@pytest.fixture
def limits(redis_socket: Path, settings: Any) -> dict[str, str]:
    """Limits to be filled in, counted in an empty Redis."""
    redis.Redis(unix_socket_path=str(redis_socket)).flushall()
    settings.THROTTLE_SOCKET = str(redis_socket)
    settings.THROTTLES = {}
    return settings.THROTTLES


def password(name: str = "someone", *, domain: Any = None, value: str = "wrong") -> Any:
    user = {"name": name, "password": value, "domain": domain or {"id": "default"}}
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}


def log_in(body: Any, *, address: str = "192.0.2.1", path: str = TOKENS) -> Any:
    client = ApiClient()
    client.defaults["REMOTE_ADDR"] = address
    return client.send("POST", path, body)


def statuses(*answers: Any) -> list[int]:
    return [answer.status_code for answer in answers]


def test_log_ins_count_by_name_and_domain_whatever_the_address(limits: dict[str, str]) -> None:
    limits["login"] = "2/minute"
    here = [log_in(password(), address=f"192.0.2.{number}") for number in range(1, 4)]
    assert statuses(*here) == [401, 401, 429]
    assert log_in(password("SOMEONE")).status_code == 429
    assert log_in(password(domain={"name": "other"})).status_code == 401
    assert log_in(password("another")).status_code == 401


def test_log_ins_count_by_address_whatever_the_name(limits: dict[str, str]) -> None:
    limits["login_address"] = "2/minute"
    answers = [log_in(password(f"user-{number}")) for number in range(3)]
    assert statuses(*answers) == [401, 401, 429]
    assert log_in(password(), address="192.0.2.2").status_code == 401
    neighbours = [log_in(password(), address=f"2001:db8::{number}") for number in range(1, 4)]
    assert statuses(*neighbours) == [401, 401, 429]  # one user has a whole /64
    assert log_in(password(), address="2001:db8:0:1::1").status_code == 401


def proof(method: str, **block: Any) -> Any:
    return {"auth": {"identity": {"methods": [method], method: block}}}


def ways(user: User, project: Project) -> dict[str, Callable[[], Any]]:
    """Return every way to guess a secret of one user, each by another name of his."""
    context = make_context(user)
    program = ApplicationCredentialManager(context).create(user.pk, name="ci").row.pk
    key = AccessKeyManager(context).create(user.pk, project_id=project.pk).access
    shared = {"name": user.name, "domain": {"id": "default"}}
    dashed = str(uuid.UUID(user.pk))
    change = {"user": {"original_password": "wrong", "password": "new"}}
    signed = {"credentials": {"access": key, "signature": "x", "token": "eA=="}}
    service = client_with("service")
    form = {"username": user.name, "password": "wrong"}
    old = {**form, "old_password": "x", "new_password1": "y", "new_password2": "y"}
    no_operator = browser_of(make_member(password=PASSWORD))  # who is nobody is sent to /login
    id_of = f"/identity/v3/users/{dashed}/password"
    return {
        "password by name": lambda: log_in(password(user.name)),
        "password by id": lambda: log_in(proof("password", user={"id": dashed, "password": "x"})),
        "passcode": lambda: log_in(proof("totp", user={"id": user.pk, "passcode": "1"})),
        "program": lambda: log_in(proof("application_credential", id=program, secret="x")),
        "program by name": lambda: log_in(
            proof("application_credential", name="ci", user=shared, secret="x")
        ),
        "no program of his": lambda: log_in(
            proof("application_credential", name="none", user=shared, secret="x")
        ),
        "EC2 key": lambda: service.send("POST", "/identity/v3/s3tokens", signed),
        "a new password": lambda: log_in(change, path=id_of),
        "dashboard": lambda: Client().post("/login", form),
        "operators' console": lambda: no_operator.post("/admin/login/", form),
        "expired password": lambda: Client().post("/login/expired", old),
    }


def test_every_way_to_log_in_counts_for_the_user_it_is_about(limits: dict[str, str]) -> None:
    user = make_member(password="right")
    project = user.default_project
    assert project is not None
    guesses = ways(user, project)
    limits["login"] = f"{len(guesses)}/minute"
    first = {way: ask().status_code for way, ask in guesses.items()}
    assert set(first.values()) == {200, 401}, first
    assert {way: ask().status_code for way, ask in guesses.items()} == dict.fromkeys(guesses, 429)
    assert log_in(password(make_member().name)).status_code == 401


def test_passcodes_count_closer_and_for_nobody_as_well(limits: dict[str, str]) -> None:
    """The right one comes too late; an answer does not tell who exists."""
    limits["passcode"] = "3/minute"
    user = make_member()
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    Credential.objects.create(user=user, type="totp", encrypted_blob=encrypt(seed))
    named = {"name": user.name, "domain": {"name": "Default"}}
    for who in ({"id": user.pk}, {"id": "nobody"}):
        asked = [log_in(proof("totp", user={**who, "passcode": "1"})) for _ in range(4)]
        assert statuses(*asked) == [401, 401, 401, 429]
    right = pyotp.TOTP(seed).now()
    for who in ({"id": user.pk}, {"id": str(uuid.UUID(user.pk)).upper()}, named):
        assert log_in(proof("totp", user={**who, "passcode": right})).status_code == 429


def test_id_and_name_together_are_refused(limits: dict[str, str]) -> None:
    user = make_member(password="right")
    who = {"id": user.pk, "name": "somebody"}
    for body in (
        proof("password", user={**who, "password": "right"}),
        proof("totp", user={**who, "passcode": "1"}),
        proof("application_credential", name="ci", user=who, secret="x"),
        proof("application_credential", id="ci", name="ci", secret="x"),
    ):
        assert log_in(body).status_code == 400
    assert log_in(proof("password", user={"id": user.pk, "password": "right"})).status_code == 201


@pytest.mark.parametrize("route", ["ec2tokens", "s3tokens"])
def test_signatures_count_by_their_key(limits: dict[str, str], route: str) -> None:
    limits["login"] = "1/minute"
    service = client_with("service")

    def ask(access: str) -> int:
        body = {"credentials": {"access": access, "signature": "guess", "token": "eA=="}}
        if route == "ec2tokens":
            del body["credentials"]["token"]
        return int(service.send("POST", f"/identity/v3/{route}", body).status_code)

    assert [ask("key"), ask("key"), ask("other")] == [401, 429, 401]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_federated_log_ins_count_by_address(limits: dict[str, str], method: str) -> None:
    limits["login_address"] = "1/minute"
    path = "/identity/v3/OS-FEDERATION/identity_providers/x/protocols/openid/auth"
    first, second = (ApiClient().send(method, path) for _ in range(2))
    assert first.status_code in (400, 401, 404)
    assert second.status_code == 429


@pytest.mark.parametrize("body", [b"{", [], {"auth": 5}, {"auth": {"identity": []}}, None])
def test_odd_bodies_are_counted_by_address_and_refused(limits: dict[str, str], body: Any) -> None:
    limits.update(login="1/minute", login_address="1/minute")
    assert log_in(body).status_code == 400
    assert log_in(body).status_code == 429


def test_the_refusal_says_how_long(limits: dict[str, str]) -> None:
    limits["login"] = "1/minute"
    log_in(password())
    answer = log_in(password())
    seconds = int(answer.headers["Retry-After"])
    assert 0 < seconds <= 60
    assert answer.json() == {
        "error": {
            "code": 429,
            "title": "Too Many Requests",
            "message": f"Too many requests. Try again in {seconds} seconds.",
        }
    }


def test_reads_and_writes_count_apart_and_by_project(limits: dict[str, str]) -> None:
    limits.update(read="2/minute", write="1/minute")
    project = make_project()
    first, second = (client_of(make_member(project=project)) for _ in range(2))
    path = "/compute/v2.1/servers"
    assert statuses(first.send("GET", path), second.send("HEAD", path)) == [200, 200]
    refused = second.send("GET", path)
    assert refused.status_code == 429
    seconds = refused.headers["Retry-After"]
    assert refused.json() == {
        "overLimit": {
            "code": 429,
            "message": f"Too many requests. Try again in {seconds} seconds.",
            "retryAfter": seconds,
        }
    }
    assert first.send("POST", path, {}).status_code == 400
    assert second.send("POST", "/network/v2.0/networks", {}).status_code == 429
    assert client_of(make_member()).send("GET", path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/identity/v3/auth/projects", "/network/v2.0/networks", "/image/v2/images"]
)
def test_each_service_refuses_in_its_own_envelope(limits: dict[str, str], path: str) -> None:
    limits["read"] = "1/minute"
    client = client_of(make_member())
    assert client.send("GET", path).status_code == 200
    refused = client.send("GET", path)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "Too many requests" in refused.content.decode()
    assert ("NeutronError" in refused.json()) == path.startswith("/network")


def test_version_documents_are_for_everybody_at_any_pace(limits: dict[str, str]) -> None:
    limits.update(read="1/minute", login="1/minute", login_address="1/minute")
    for path in ("/identity", "/identity/v3", "/compute", "/image", "/network"):
        assert ApiClient().send("GET", path).status_code in (200, 300)


@pytest.mark.parametrize("page", ["/login", "/admin/login/"])
def test_pages_say_it_kindly(limits: dict[str, str], page: str) -> None:
    limits["login"] = "2/minute"
    user = make_member(password="right")
    client = Client() if page == "/login" else browser_of(make_member(password=PASSWORD))
    form = {"username": user.name, "password": "wrong"}
    assert client.post(page, form).status_code < 400
    assert log_in(password(user.name)).status_code == 401  # one count for all front doors
    refused = client.post(page, form | {"password": "right"})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "A little slower, please" in refused.content.decode()
    assert refused.headers["Content-Type"].startswith("text/html")
    assert Client().get("/login").status_code == 200


COUNT = """
import django, sys
django.setup()
from django.conf import settings
from cloudweb.exceptions import TooManyRequests
from cloudweb.throttle import admit
settings.THROTTLE_SOCKET, settings.THROTTLES = sys.argv[1], {"login": "40/minute"}
admitted = 0
for _ in range(50):
    try:
        admit("login", "someone")
        admitted += 1
    except TooManyRequests:
        pass
print(admitted)
"""


def test_processes_share_one_count(redis_socket: Path, tmp_path: Path) -> None:
    """Two processes that hammer at once get together what one alone would get."""
    redis.Redis(unix_socket_path=str(redis_socket)).flushall()
    logs = [tmp_path / str(number) for number in range(2)]
    environment = {"DJANGO_SETTINGS_MODULE": "cloudweb.settings.test"}
    running = [
        process.start_child(
            sys.executable, "-c", COUNT, str(redis_socket), log=log, env=environment, cwd=ROOT
        )
        for log in logs
    ]
    assert [child.wait(PATIENCE) for child in running] == [0, 0], [log.read_text() for log in logs]
    admitted = [int(log.read_text().split()[-1]) for log in logs]
    assert sum(admitted) == 40


def test_without_redis_everything_passes(limits: dict[str, str], settings: Any) -> None:
    """And only the first of many requests says so."""
    limits["login"] = "1/minute"
    settings.THROTTLE_SOCKET = "/nonexistent/redis.sock"
    throttle._counter.cache_clear()
    with structlog.testing.capture_logs() as logs:
        answers = [log_in(password()) for _ in range(3)]
    assert statuses(*answers) == [401, 401, 401]
    assert len([line for line in logs if "is away" in line["event"]]) == 1


def test_a_redis_that_hangs_holds_up_one_request_briefly(settings: Any) -> None:
    """A stopped process accepts and says nothing; after one wait it is left alone for a while."""
    with private_redis() as path:
        pid = redis.Redis(unix_socket_path=str(path)).info()["process_id"]
        settings.THROTTLE_SOCKET, settings.THROTTLES = str(path), {"login": "1/minute"}
        throttle.admit("login", "someone")
        os.kill(pid, signal.SIGSTOP)
        try:
            throttle.admit("login", "someone")
            counter = throttle._counter(str(path))
            assert counter._away_until > time.monotonic()
            asked: list[Any] = []
            counter._windows.hit = lambda *key: asked.append(key)  # type: ignore[method-assign]
            throttle.admit("login", "someone")
            assert asked == []
        finally:
            os.kill(pid, signal.SIGCONT)


def test_a_redis_that_returns_counts_again(limits: dict[str, str], redis_socket: Path) -> None:
    limits["login"] = "1/minute"
    counter = throttle._counter(str(redis_socket))
    counter._away_until = time.monotonic() + 60
    throttle.admit("login", "someone")
    throttle.admit("login", "someone")
    counter._away_until = time.monotonic() - 1
    throttle.admit("login", "someone")
    with pytest.raises(TooManyRequests):
        throttle.admit("login", "someone")


def test_several_limits_of_one_kind(limits: dict[str, str]) -> None:
    limits["login"] = "5/second;2/hour"
    throttle.admit("login", "someone")
    throttle.admit("login", "someone")
    with pytest.raises(TooManyRequests) as refused:
        throttle.admit("login", "someone")
    assert refused.value.retry_after is not None
    assert refused.value.retry_after > 3500  # nothing of the hour is over yet


def test_the_wait_shrinks_as_the_window_before_fades() -> None:
    """What was asked before counts by the part of its window that is left."""
    counter = throttle.Counter("/nonexistent")
    (limit,) = throttle._limits("2/minute")
    for window, seconds in [
        ((2, 45.0, 0, 105.0), 1),
        ((2, 45.0, 1, 105.0), 15),
        ((1, 9.0, 2, 99.0), 39),
    ]:
        counter._storage.get_sliding_window = lambda *_, found=window: found  # type: ignore[method-assign]
        assert counter._seconds_left(limit, "x") == seconds


def test_no_names_in_redis(limits: dict[str, str], redis_socket: Path) -> None:
    limits["login"] = "5/minute"
    attempts.count(None, claimed="A very private name \ud800" * 99)
    keys = redis.Redis(unix_socket_path=str(redis_socket)).keys()
    assert keys
    assert all(b"private" not in key and len(key) < 120 for key in keys)


@pytest.mark.parametrize(
    "text", ["fast", "10", "10/fortnight", "-1/minute", "10/minute;x", "0/day"]
)
def test_a_wrong_setting_is_said_at_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROTTLE_READ", text)
    with pytest.raises(ValueError, match="THROTTLE_READ"):
        conf.throttles()


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROTTLE_WRITE", "5/second; 100/10 minutes")
    assert conf.throttles() == {
        "login": "240/minute", "login_address": "600/minute", "passcode": "10/minute;60/hour",
        "write": "5/second; 100/10 minutes",
    }  # fmt: skip
    assert [str(limit) for limit in throttle._limits(conf.throttles()["write"])] == [
        "5 per 1 second", "100 per 10 minute",
    ]  # fmt: skip
    monkeypatch.setenv("THROTTLE", "off")
    assert conf.throttles() == {}
