"""Answers are kept by nobody, unless they are the same for everybody."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.identity import ApiClient, make_member, make_token

pytestmark = pytest.mark.django_db


def test_secrets_and_pages_are_not_stored() -> None:
    user = make_member("admin", password=PASSWORD)
    api = ApiClient(make_token(user).signed())
    own = f"/identity/v3/users/{user.pk}"
    identity: Any = {"user": {"id": str(user.pk), "password": PASSWORD}}
    token = {"auth": {"identity": {"methods": ["password"], "password": identity}}}
    project = str(user.default_project_id)
    answers = {
        "token": ApiClient().send("POST", "/identity/v3/auth/tokens", token),
        "EC2": api.send("POST", f"{own}/credentials/OS-EC2", {"tenant_id": project}),
        "application credential": api.send(
            "POST", f"{own}/application_credentials", {"application_credential": {"name": "one"}}
        ),
        "key pair": api.send("POST", "/compute/v2.1/os-keypairs", {"keypair": {"name": "one"}}),
        "list": api.send("GET", "/compute/v2.1/servers/detail"),
        "refusal": ApiClient().send("GET", "/image/v2/images"),
        "no such path": api.send("GET", "/network/v2.0/none"),
        "long URL": api.send("GET", f"/network/v2.0/{'x' * 9000}"),
        "log-in page": ApiClient().get("/login"),
        "dashboard": browser_of(user).get("/"),
        "admin": browser_of(user).get("/admin/"),
        "admin's log-in": ApiClient().get("/admin/"),
        "error page": browser_of(user).get("/none"),
    }
    kept = {
        name: (answer.status_code, answer.headers.get("Cache-Control"))
        for name, answer in answers.items()
        if "no-store" not in answer.headers.get("Cache-Control", "")
    }
    assert kept == {}
    assert answers["token"].status_code == answers["EC2"].status_code == 201
    assert answers["application credential"].status_code == 201
    assert answers["key pair"].status_code in (200, 201)
    assert b"private_key" in orjson.dumps(answers["key pair"].json())


def test_what_is_for_everybody_may_be_kept() -> None:
    assert "max-age" in ApiClient().get("/static/css/house.css").headers["Cache-Control"]
