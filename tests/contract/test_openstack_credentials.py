"""The real openstack command: application credentials, access rules, credentials, EC2 keys, trusts."""

from __future__ import annotations

import json
from typing import Any

import pyotp
import pytest
from django.utils import timezone
from keystoneauth1.exceptions import Unauthorized
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from identity import multifactor
from identity.models import User
from tests.builders.openstack import Command

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]
DEMO = "cloudweb"
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def with_cloud(openstack: Command, name: str, auth: dict[str, str], kind: str) -> None:
    """Add a cloud to clouds.yaml (JSON is YAML)."""
    import yaml

    clouds = yaml.safe_load(openstack.clouds.read_text())
    url = clouds["clouds"][DEMO]["auth"]["auth_url"]
    clouds["clouds"][name] = {
        "auth_type": kind,
        "auth": {"auth_url": url, **auth},
        "region_name": "RegionOne",
        "identity_api_version": 3,
    }
    openstack.clouds.write_text(json.dumps(clouds))


def test_application_credentials(openstack: Command) -> None:
    """Create, list, show, log in with it, its rules, delete."""
    rules = [{"service": "identity", "method": "GET", "path": "/v3/auth/catalog"}]
    made = openstack.json(
        "application", "credential", "create", "ci", "--description", "builds",
        "--role", "reader", "--access-rules", json.dumps(rules), cloud=DEMO,
    )  # fmt: skip
    secret = made.get("Secret") or made["secret"]
    key = made.get("ID") or made["id"]
    assert len(secret) >= 64
    listed = openstack.json("application", "credential", "list", cloud=DEMO)
    assert [one["Name"] for one in listed] == ["ci"]
    assert openstack.json("application", "credential", "show", "ci", cloud=DEMO)
    (rule,) = openstack.json("access", "rule", "list", cloud=DEMO)
    assert rule["Path"] == "/v3/auth/catalog"
    assert openstack.json("access", "rule", "show", rule["ID"], cloud=DEMO)["Method"] == "GET"

    auth = {"application_credential_id": key, "application_credential_secret": secret}
    with_cloud(openstack, "ci", auth, "v3applicationcredential")
    assert len(openstack.json("catalog", "list", cloud="ci")) == 7
    assert "403" in openstack.refusal("application", "credential", "list", cloud="ci")

    assert "403" in openstack.refusal("access", "rule", "delete", rule["ID"], cloud=DEMO)
    openstack.text("application", "credential", "delete", "ci", cloud=DEMO)
    openstack.text("access", "rule", "delete", rule["ID"], cloud=DEMO)
    assert "401" in openstack.refusal("catalog", "list", cloud="ci")
    free = openstack.json("application", "credential", "create", "f", "--unrestricted", cloud=DEMO)
    assert {str(value) for value in free.values()} >= {"True"}


def test_credentials(openstack: Command) -> None:
    """Create, list, show, set, delete, as an operator for another user."""
    made = openstack.json("credential", "create", "--type", "cert", "demo", "a secret")
    assert (made["type"], made["blob"]) == ("cert", "a secret")
    (listed,) = openstack.json("credential", "list", "--type", "cert", "--user", "demo")
    assert listed["ID"] == made["id"]
    assert openstack.json("credential", "show", made["id"])["user_id"] == made["user_id"]
    openstack.text(
        "credential", "set", "--user", "demo", "--type", "cert", "--data", "another", made["id"]
    )
    assert openstack.json("credential", "show", made["id"])["blob"] == "another"
    openstack.text("credential", "delete", made["id"])
    assert openstack.json("credential", "list", "--type", "cert") == []


def test_ec2_credentials(openstack: Command) -> None:
    """A user's own keys."""
    made = openstack.json("ec2", "credentials", "create", cloud=DEMO)
    assert made["access"]
    (listed,) = openstack.json("ec2", "credentials", "list", cloud=DEMO)
    assert listed["Access"] == made["access"]
    shown = openstack.json("ec2", "credentials", "show", made["access"], cloud=DEMO)
    assert shown["secret"] == made["secret"]
    openstack.text("ec2", "credentials", "delete", made["access"], cloud=DEMO)
    assert openstack.json("ec2", "credentials", "list", cloud=DEMO) == []


def test_trusts(openstack: Command) -> None:
    """Create as an operator for his own project, list, show, use, delete."""
    made: dict[str, Any] = openstack.json(
        "trust", "create", "--project", "admin", "--role", "reader", "--impersonate",
        "--expiration", "2099-01-01T00:00:00", "admin", "demo",
    )  # fmt: skip
    assert made["is_impersonation"] is True
    (listed,) = openstack.json("trust", "list")
    assert listed["ID"] == made["id"]
    assert openstack.json("trust", "show", made["id"])["expires_at"].startswith("2099-01-01")
    demo = json.loads(json.dumps(_auth_of(openstack, DEMO)))
    password = {name: demo[name] for name in ("username", "password", "user_domain_id")}
    with_cloud(openstack, "trusted", {**password, "trust_id": made["id"]}, "v3password")
    issued = openstack.json("token", "issue", cloud="trusted")
    assert issued["user_id"] == made["trustor_user_id"]
    openstack.text("trust", "delete", made["id"])
    assert openstack.json("trust", "list") == []
    assert "401" in openstack.refusal("token", "issue", cloud="trusted")


def _auth_of(openstack: Command, cloud: str) -> dict[str, str]:
    import yaml

    found: dict[str, str] = yaml.safe_load(openstack.clouds.read_text())["clouds"][cloud]["auth"]
    return found


def test_one_time_passwords(openstack: Command) -> None:
    """A seed kept by the command, and a log-in with keystoneauth's two methods."""
    openstack.text("credential", "create", "--type", "totp", "demo", SEED)
    options = {
        multifactor.ENABLED: True,
        multifactor.RULES: multifactor.PASSWORD_AND_PASSCODE,
    }
    User.objects.filter(name="demo").update(options=options)
    assert "auth rules" in openstack.refusal("token", "issue", cloud=DEMO)

    auth = _auth_of(openstack, DEMO)
    who = {"username": auth["username"], "user_domain_id": auth["user_domain_id"]}
    password = v3.PasswordMethod(password=auth["password"], **who)
    passcode = v3.TOTPMethod(passcode=pyotp.TOTP(SEED).at(timezone.now()), **who)
    scope = {"project_name": auth["project_name"], "project_domain_id": auth["project_domain_id"]}
    both = v3.Auth(auth["auth_url"], [password, passcode], **scope)
    assert Session(both).get_token()
    again = v3.Auth(auth["auth_url"], [password, passcode], **scope)
    with pytest.raises(Unauthorized):
        Session(again).get_token()
