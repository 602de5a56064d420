"""What browsers are told: which sites may call, what a page may load, when to insist on TLS."""

from __future__ import annotations

import sys
from typing import Any

import orjson
import pytest
from django.test import Client

from cloudweb import process
from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.identity import ApiClient, client_with, make_member
from tests.infrastructure import ROOT, scratch

FRIEND, STRANGER = "https://portal.example", "https://evil.example"
PREFLIGHT = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-auth-token"}  # fmt: skip
EXPOSED = {
    "x-subject-token", "x-openstack-request-id", "openstack-api-version",
    "x-openstack-nova-api-version", "x-compute-request-id", "location", "retry-after",
}  # fmt: skip


@pytest.fixture
def _friends(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRIEND]


def words(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(",")}


@pytest.mark.usefixtures("_friends")
def test_a_friends_page_may_call_every_service() -> None:
    for path in (
        "/identity/v3/auth/tokens",
        "/compute/v2.1/servers",
        "/network/v2.0/ports",
        "/image/v2/images",
    ):
        answer = ApiClient().send("OPTIONS", path, Origin=FRIEND, **PREFLIGHT)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
        assert words(answer.headers["Access-Control-Allow-Headers"]) >= {
            "x-auth-token", "x-subject-token", "openstack-api-version", "content-type",
        }  # fmt: skip
        assert words(answer.headers["Access-Control-Allow-Methods"]) >= {"PATCH".lower(), "delete"}
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.usefixtures("_friends")
@pytest.mark.django_db
def test_a_friends_page_reads_tokens_ids_and_errors() -> None:
    ok = client_with("member").send("GET", "/compute/v2.1/servers", Origin=FRIEND)
    missing = ApiClient().send("GET", "/compute/v2.1/servers", Origin=FRIEND)
    assert (ok.status_code, missing.status_code) == (200, 401)
    for answer in (ok, missing):
        assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
        assert words(answer.headers["Access-Control-Expose-Headers"]) >= EXPOSED
        assert words(answer.headers["Vary"]) >= {
            "origin", "openstack-api-version", "x-openstack-nova-api-version",
        }  # fmt: skip


@pytest.mark.usefixtures("_friends")
@pytest.mark.parametrize(
    "origin", [STRANGER, "null", "http://portal.example", f"{FRIEND}.evil.example"]
)
def test_strangers_are_told_nothing(origin: str) -> None:
    answer = ApiClient().send("OPTIONS", "/compute/v2.1/servers", Origin=origin, **PREFLIGHT)
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.usefixtures("_friends")
def test_pages_are_for_nobody_else() -> None:
    for path in ("/", "/login", "/admin/", "/api/schema/", "/metadata"):
        answer = ApiClient().send("GET", path, Origin=FRIEND)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_no_site_may_call_by_default() -> None:
    answer = ApiClient().send("OPTIONS", "/identity/v3", Origin=FRIEND, **PREFLIGHT)
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/login", "/", "/servers", "/admin/", "/admin/identity/project/", "/nothing"]
)
def test_pages_run_what_is_ours(path: str) -> None:
    browser = browser_of(make_member("admin", password=PASSWORD))
    answer = browser.get(path)
    if answer.status_code != 302:
        policy = answer.headers["Content-Security-Policy"]
        parts = {part.split()[0]: part.split()[1:] for part in policy.split("; ")}
        assert parts["default-src"] == ["'self'"]
        assert parts["object-src"] == parts["base-uri"] == parts["frame-ancestors"] == ["'none'"]
        assert "unsafe" not in policy
        assert "<script>" not in answer.content.decode()
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/schema/", "/compute/v2.1/flavors", "/identity/v3/projects"])
def test_foreign_pages_may_style_but_not_script_themselves(path: str) -> None:
    browser = browser_of(make_member("admin", password=PASSWORD))
    answer = browser.get(path, headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert policy.count("unsafe") == 1


@pytest.mark.django_db
def test_json_is_not_sniffed_and_carries_no_policy() -> None:
    answer = client_with("member").send("GET", "/image/v2/images")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" not in answer.headers


ASK = """
import django, orjson, sys
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test import Client
call_command("migrate", "identity", verbosity=0)  # the log-in page asks for identity providers
answer = Client().get("/login", secure=True)
print(orjson.dumps({
    "hsts": answer.headers.get("Strict-Transport-Security"),
    "csrf": answer.cookies["csrftoken"]["secure"],
    "session": settings.SESSION_COOKIE_SECURE,
    "origins": settings.CSRF_TRUSTED_ORIGINS,
    "cors": [settings.CORS_ALLOW_ALL_ORIGINS, settings.CORS_ALLOWED_ORIGINS],
}).decode())
"""


def asked(**environment: str) -> dict[str, Any]:
    """Return what an API process with these settings says."""
    with scratch("headers") as home:
        found = process.run(
            sys.executable, "-c", ASK, cwd=ROOT, timeout=60,
            env={"DJANGO_SETTINGS_MODULE": "cloudweb.settings.control", "CLOUDWEB_VAR": str(home), **environment},
        )  # fmt: skip
        return orjson.loads(found.text.splitlines()[-1])  # type: ignore[no-any-return]


def test_a_public_https_address_makes_cookies_secure() -> None:
    found = asked(
        PUBLIC_URL="https://cloud.example:8443/",
        HSTS_SECONDS="3600",
        CORS_ALLOWED_ORIGINS=f"{FRIEND}/",
    )
    assert found == {
        "hsts": "max-age=3600",
        "csrf": True,
        "session": True,
        "origins": ["https://cloud.example:8443"],
        "cors": [False, [FRIEND]],
    }


def test_plain_http_stays_usable() -> None:
    found = asked(PUBLIC_URL="", HSTS_SECONDS="3600", CORS_ALLOWED_ORIGINS="*")
    assert found == {"hsts": None, "csrf": "", "session": False, "origins": [], "cors": [True, []]}


@pytest.mark.django_db
def test_a_form_of_the_public_page_is_believed(settings: Any) -> None:
    """Behind a proxy that is not trusted a browser still names the page's own origin."""
    settings.CSRF_TRUSTED_ORIGINS = ["https://cloud.example"]
    client = Client(enforce_csrf_checks=True)
    client.get("/login")
    token = client.cookies["csrftoken"].value
    form = {"username": "x", "password": "y", "csrfmiddlewaretoken": token}
    assert (
        client.post("/login", form, headers={"Origin": "https://cloud.example"}).status_code == 200
    )
    assert client.post("/login", form, headers={"Origin": STRANGER}).status_code == 403
