"""Application credentials in the dashboard, and programs that log in with their files."""

from __future__ import annotations

import html
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cloudweb import process
from identity.models import ApplicationCredential, User
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import ApiClient, grant, make_member, make_project, make_user

pytestmark = pytest.mark.django_db
PAGE = "/account/application-credentials"


@pytest.fixture
def user() -> User:
    return make_member("member", password=PASSWORD)


@pytest.fixture
def browser(user: User) -> Client:
    return browser_of(user)


def wanted(**overrides: Any) -> dict[str, Any]:
    """The form, filled."""
    return {"name": "backup", "roles": ["member", "reader"], **overrides}


def file_of(answer: Any, name: str) -> str:
    found = re.search(rf'<pre class="code" id="{name}">(.*?)</pre>', answer.content.decode(), re.S)
    assert found is not None
    return html.unescape(found[1])


def test_made_shown_once_and_used(browser: Client, user: User) -> None:
    answer = browser.post(f"{PAGE}/new", wanted(description="nightly"))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    row = ApplicationCredential.objects.get()
    (cloud,) = yaml.safe_load(file_of(answer, "clouds-yaml"))["clouds"].values()
    secret = cloud["auth"]["application_credential_secret"]
    assert secret in text_of(answer)
    assert secret not in text_of(browser.get(PAGE))
    assert "nightly" in text_of(browser.get(PAGE))
    proof = {"id": cloud["auth"]["application_credential_id"], "secret": secret}
    identity = {"methods": ["application_credential"], "application_credential": proof}
    body = {"auth": {"identity": identity}}
    issued = ApiClient().send("POST", "/identity/v3/auth/tokens", body)
    assert issued.status_code == 201
    token = issued.json()["token"]
    assert token["project"]["id"] == user.default_project_id
    assert {role["name"] for role in token["roles"]} == {"member", "reader"}
    assert cloud["auth_type"] == "v3applicationcredential"
    assert (row.unrestricted, row.expires_at, row.ruled) == (False, None, False)
    assert browser.post(PAGE, {"one": f"delete {row.pk}", "agreed": "yes"}).url == PAGE
    again = ApiClient().send("POST", "/identity/v3/auth/tokens", body)
    assert again.status_code == 401


def test_openrc_sets_what_it_says_and_takes_away_the_rest(browser: Client, tmp_path: Path) -> None:
    answer = browser.post(f"{PAGE}/new", wanted())
    script = tmp_path / "openrc.sh"
    script.write_text(file_of(answer, "openrc"))
    done = process.run(
        "sh", "-c", f". {script}; env", env={**os.environ, "OS_PASSWORD": "old", "OS_CLOUD": "x"}
    )
    names = dict(
        line.partition("=")[::2] for line in done.text.splitlines() if line.startswith("OS_")
    )
    assert names.pop("OS_APPLICATION_CREDENTIAL_SECRET")
    assert names == {
        "OS_AUTH_URL": "http://testserver/identity/v3",
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_APPLICATION_CREDENTIAL_ID": ApplicationCredential.objects.get().pk,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_REGION_NAME": "RegionOne",
    }


def test_everything_that_can_be_asked_for(browser: Client) -> None:
    day = (timezone.now() + timedelta(days=3)).date()
    answer = browser.post(
        f"{PAGE}/new",
        wanted(
            roles=["reader"],
            expires_on=day.isoformat(),
            unrestricted="on",
            rule_service=["compute", "image", "compute"],
            rule_method=["GET", "POST", "GET"],
            rule_path=["/v2.1/servers", "", " /v2.1/servers "],
        ),
    )
    assert answer.status_code == 200
    row = ApplicationCredential.objects.get()
    assert row.expires_at is not None
    assert row.expires_at.isoformat() == f"{day + timedelta(days=1)}T00:00:00+00:00"
    assert [role.name for role in row.roles.all()] == ["reader"]
    assert [str(rule) for rule in row.access_rules.all()] == ["GET /v2.1/servers (compute)"]
    assert (row.unrestricted, row.ruled) == (True, True)
    page = text_of(browser.get(PAGE))
    assert "1 rule" in page
    assert "unrestricted" in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "a\x07"}, "Control characters"),
        ({"name": "x" * 256}, "at most 255 characters"),
        ({"roles": []}, "Choose at least one role."),
        ({"roles": ["manager"]}, "not one of the available choices"),
        ({"roles": ["admin"]}, "not one of the available choices"),
        ({"expires_on": "2001-01-01"}, "not over"),
        ({"expires_on": "soon"}, "valid date"),
        ({"expires_on": "9999-12-31"}, "not over"),
        ({"rule_service": "odd", "rule_method": "GET", "rule_path": "/x"}, "of the lists"),
        ({"rule_service": "image", "rule_method": "BREW", "rule_path": "/x"}, "of the lists"),
        ({"rule_service": "image", "rule_method": "GET", "rule_path": "x"}, "begins with /"),
        ({"rule_service": "image", "rule_method": "GET", "rule_path": "/\x01"}, "Control"),
        (
            {
                "rule_service": ["image"] * 65,
                "rule_method": ["GET"] * 65,
                "rule_path": [f"/{number}" for number in range(65)],
            },
            "At most 64",
        ),
    ],
)
def test_bad_input(browser: Client, change: dict[str, Any], words: str) -> None:
    answer = browser.post(f"{PAGE}/new", wanted(**change))
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert not ApplicationCredential.objects.exists()


def test_what_was_typed_stays_and_a_taken_name_is_said(browser: Client) -> None:
    browser.post(f"{PAGE}/new", wanted())
    rule = {"rule_service": "image", "rule_method": "PUT", "rule_path": "/v2/images/*/file"}
    answer = browser.post(f"{PAGE}/new", wanted(roles=["reader"], **rule))
    assert answer.status_code == 422
    assert "already exists" in text_of(answer)
    page = answer.content.decode()
    assert 'value="/v2/images/*/file"' in page
    assert re.search(r'value="reader" checked', page)
    assert not re.search(r'value="member" checked', page)


def test_a_role_held_elsewhere_is_not_offered(browser: Client, user: User) -> None:
    grant(user, make_project(), "manager")
    page = browser.get(f"{PAGE}/new").content.decode()
    assert 'value="member"' in page
    assert 'name="roles" value="manager"' not in page


def test_they_are_their_users_own(browser: Client) -> None:
    browser.post(f"{PAGE}/new", wanted())
    row = ApplicationCredential.objects.get()
    other = browser_of(make_member("admin", password=PASSWORD))
    assert "backup" not in text_of(other.get(PAGE))
    assert other.post(PAGE, {"one": f"delete {row.pk}", "agreed": "yes"}).status_code == 404
    assert ApplicationCredential.objects.exists()


def test_without_a_project() -> None:
    browser = browser_of(make_user(password=PASSWORD))
    assert "They belong to a project" in text_of(browser.get(PAGE))
    assert "You have no project yet" in text_of(browser.get(f"{PAGE}/new"))
    assert "You have no project yet" in text_of(browser.post(f"{PAGE}/new", wanted()))
    assert "You have no project yet" in text_of(browser.get("/account/api"))


def test_account_and_lists_cost_the_same_for_one_and_for_many(browser: Client, user: User) -> None:
    def costs() -> dict[str, int]:
        found = {}
        for page in ("/account", PAGE, "/account/second-factor", "/account/api"):
            browser.get(page)
            with CaptureQueriesContext(connection) as seen:
                assert browser.get(page).status_code == 200
            found[page] = len(seen.captured_queries)
        return found

    def fill(prefix: str, number: int) -> None:
        for one in range(number):
            browser.post(f"{PAGE}/new", wanted(name=f"{prefix}{one}"))
            grant(user, make_project(), "reader")

    fill("a", 1)
    first = costs()
    fill("b", 8)
    assert costs() == first
    assert first == {"/account": 16, PAGE: 11, "/account/second-factor": 11, "/account/api": 10}


def test_the_profile(browser: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(email="me@example.org")
    grant(user, make_project(name="elsewhere"), "reader")
    browser.post("/login", {"username": user.name, "password": PASSWORD})
    browser.post("/key-pairs/new", {"name": "mine"})
    page = text_of(browser.get("/account"))
    assert "me@example.org" in page
    assert "elsewhere" in page
    assert "Create key" in page
    User.objects.filter(pk=user.pk).update(lock_password=True)
    assert "locked your password" in text_of(browser.get("/account"))
