"""The configuration of domains: whole, by group, by option; secrets go in and never come out."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.encryption import decrypt
from identity.models import DomainOption
from tests.builders.identity import ApiClient, client_with, make_domain

pytestmark = pytest.mark.django_db
CONFIG = "/identity/v3/domains/red/config"
LDAP = {"url": "ldaps://directory.example", "user_tree_dn": "ou=people"}


@pytest.fixture
def admin() -> ApiClient:
    make_domain(id="red", name="red")
    return client_with("admin")


def put(admin: ApiClient, config: Any) -> Any:
    return admin.send("PUT", CONFIG, {"config": config})


def test_the_whole_is_set_read_changed_and_forgotten(admin: ApiClient) -> None:
    assert admin.send("GET", CONFIG).status_code == 404
    config = {"identity": {"driver": "ldap"}, "ldap": LDAP}
    first = put(admin, config)
    assert (first.status_code, first.json()) == (201, {"config": config})
    again = put(admin, {"ldap": LDAP})
    assert (again.status_code, again.json()) == (200, {"config": {"ldap": LDAP}})
    body = {"config": {"identity": {"list_limit": 9}, "ldap": {"url": "ldaps://b.example"}}}
    changed = admin.send("PATCH", CONFIG, body)
    whole = {
        "identity": {"list_limit": 9},
        "ldap": {"url": "ldaps://b.example", "user_tree_dn": "ou=people"},
    }
    assert (changed.status_code, changed.json()) == (200, {"config": whole})
    assert admin.send("GET", CONFIG).json() == {"config": whole}
    assert admin.send("DELETE", CONFIG).status_code == 204
    assert admin.send("GET", CONFIG).status_code == 404
    assert admin.send("DELETE", CONFIG).status_code == 404


def test_groups_and_options(admin: ApiClient) -> None:
    """An option comes without its group; only what is set is changed or removed by its name."""
    put(admin, {"ldap": LDAP})
    group, option = f"{CONFIG}/ldap", f"{CONFIG}/ldap/url"
    assert admin.send("GET", group).json() == {"config": {"ldap": LDAP}}
    assert admin.send("GET", option).json() == {"config": {"url": LDAP["url"]}}
    changed = admin.send("PATCH", option, {"config": {"url": "ldaps://b.example"}})
    assert changed.json()["config"]["ldap"]["url"] == "ldaps://b.example"
    changed = admin.send("PATCH", group, {"config": {"ldap": {"use_tls": True}}})
    assert changed.json()["config"]["ldap"]["use_tls"] is True
    answers = {
        "another option": admin.send("PATCH", option, {"config": {"suffix": "x"}}).status_code,
        "another group": admin.send(
            "PATCH", group, {"config": {"identity": {"driver": "sql"}}}
        ).status_code,
        "not set": admin.send("PATCH", f"{CONFIG}/ldap/suffix", {"config": {"suffix": "x"}}),
        "unknown option": admin.send("GET", f"{CONFIG}/ldap/colour").status_code,
        "unknown group": admin.send("GET", f"{CONFIG}/paint").status_code,
        "removed": admin.send("DELETE", option).status_code,
        "gone": admin.send("GET", option).status_code,
        "removed twice": admin.send("DELETE", option).status_code,
        "group removed": admin.send("DELETE", group).status_code,
        "group gone": admin.send("GET", group).status_code,
    }
    answers["not set"] = answers["not set"].status_code  # type: ignore[union-attr]
    assert answers == {
        "another option": 403,
        "another group": 403,
        "not set": 404,
        "unknown option": 403,
        "unknown group": 403,
        "removed": 204,
        "gone": 404,
        "removed twice": 404,
        "group removed": 204,
        "group gone": 404,
    }


def test_a_password_goes_in_and_never_comes_out(admin: ApiClient) -> None:
    made = put(admin, {"ldap": {**LDAP, "password": "open-sesame"}})
    assert made.json() == {"config": {"ldap": LDAP}}
    assert "open-sesame" not in str(list(DomainOption.objects.values()))
    assert decrypt(DomainOption.objects.get(name="password").encrypted_value) == "open-sesame"
    changed = admin.send("PATCH", f"{CONFIG}/ldap/password", {"config": {"password": "other"}})
    assert changed.json() == {"config": {"ldap": LDAP}}
    assert admin.send("GET", f"{CONFIG}/ldap/password").status_code == 404
    assert admin.send("GET", "/identity/v3/domains/config/ldap/password/default").status_code == 403


@pytest.mark.parametrize(
    ("config", "status"),
    [
        ({}, 403),
        ({"paint": {"colour": "red"}}, 403),
        ({"ldap": {"colour": "red"}}, 403),
        ({"ldap": {}}, 403),
        ({"ldap": "x"}, 403),
        ([], 400),
        ({"ldap": {"url": {"a": 1}}}, 400),
        ({"ldap": {"url": "x" * 5000}}, 400),
        ({"ldap": {"url": "a\x00b"}}, 400),
        ({"ldap": {"group_attribute_ignore": ["x"] * 65}}, 400),
    ],
)
def test_what_is_no_configuration_is_refused(admin: ApiClient, config: Any, status: int) -> None:
    assert put(admin, config).status_code == status
    assert admin.send("PATCH", CONFIG, {"config": config}).status_code == status
    assert not DomainOption.objects.exists()


def test_defaults(admin: ApiClient) -> None:
    base = "/identity/v3/domains/config"
    whole = admin.send("GET", f"{base}/default").json()["config"]
    assert set(whole) == {"identity", "ldap"}
    assert whole["identity"]["driver"] == "sql"
    group = admin.send("GET", f"{base}/identity/default").json()["config"]
    assert group == {"identity": whole["identity"]}
    one = admin.send("GET", f"{base}/identity/driver/default").json()["config"]
    assert one == {"driver": "sql"}
    assert admin.send("GET", f"{base}/paint/default").status_code == 403


def test_everybody_knows_what_passwords_must_look_like(admin: ApiClient, settings: Any) -> None:
    settings.PASSWORD_REGEX, settings.PASSWORD_REGEX_DESCRIPTION = "^.{7,}$", "Seven letters."
    reader, url = client_with("reader"), "/identity/v3/domains/default/config/security_compliance"
    rules = {"password_regex": "^.{7,}$", "password_regex_description": "Seven letters."}
    assert reader.send("GET", url).json() == {"config": {"security_compliance": rules}}
    assert reader.send("GET", f"{url}/password_regex").json() == {
        "config": {"password_regex": "^.{7,}$"}
    }
    assert reader.send("GET", f"{url}/lockout_duration").status_code == 403
    assert admin.send("GET", f"{CONFIG}/security_compliance").status_code == 403
    assert reader.send("GET", f"{CONFIG}/security_compliance").status_code == 404
    assert reader.send("GET", f"{CONFIG}/ldap").status_code == 403
