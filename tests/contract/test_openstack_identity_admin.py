"""The real openstack command's journeys through domains, groups, grants, catalog and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from keystoneauth1.extras.oauth1.v3 import OAuth1
from keystoneauth1.session import Session

from tests.builders.openstack import Command

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]


def test_domains(openstack: Command) -> None:
    """Create, list, show, set, delete; an enabled one stays."""
    made = openstack.json("domain", "create", "red", "--description", "d")
    assert (made["name"], made["enabled"]) == ("red", True)
    openstack.text("domain", "set", "red", "--name", "blue", "--description", "e")
    assert openstack.json("domain", "show", "blue")["description"] == "e"
    assert {one["Name"] for one in openstack.json("domain", "list")} == {"Default", "blue"}
    assert "disable" in openstack.refusal("domain", "delete", "blue")
    openstack.text("domain", "set", "blue", "--disable")
    openstack.text("domain", "delete", "blue")
    assert {one["Name"] for one in openstack.json("domain", "list")} == {"Default"}


def test_groups(openstack: Command) -> None:
    """Create, list, show, set, add user, contains user, list of a user, remove user, delete."""
    made = openstack.json("group", "create", "ops", "--description", "d")
    assert (made["name"], made["domain_id"]) == ("ops", "default")
    openstack.text("group", "set", "ops", "--name", "staff", "--description", "e")
    assert openstack.json("group", "show", "staff")["description"] == "e"
    openstack.text("group", "add", "user", "staff", "demo")
    assert "demo in group staff" in openstack.text("group", "contains", "user", "staff", "demo")
    assert [one["Name"] for one in openstack.json("user", "list", "--group", "staff")] == ["demo"]
    assert [one["Name"] for one in openstack.json("group", "list", "--user", "demo")] == ["staff"]
    openstack.text("group", "remove", "user", "staff", "demo")
    assert openstack.json("group", "list", "--user", "demo") == []
    openstack.text("group", "delete", "staff")
    assert openstack.json("group", "list") == []


def test_grants_of_every_kind(openstack: Command) -> None:
    """Users and groups on a project, a domain, the system; inherited; as they take effect."""
    openstack.json("group", "create", "ops")
    places = (
        ("--project", "demo"),
        ("--domain", "default"),
        ("--system", "all"),
        ("--inherited", "--project", "demo"),
        ("--inherited", "--domain", "default"),
    )
    for place in places:
        for holder in (("--user", "demo"), ("--group", "ops")):
            openstack.text("role", "add", *holder, *place, "reader")
    assert len(openstack.json("role", "assignment", "list", "--group", "ops")) == len(places)
    (inherited,) = openstack.json(
        "role", "assignment", "list", "--group", "ops", "--domain", "default", "--names"
    )[1:]
    assert (inherited["Group"], inherited["Domain"]) == ("ops@Default", "Default")
    openstack.text("group", "add", "user", "ops", "admin")
    effective = openstack.json(
        "role",
        "assignment",
        "list",
        "--effective",
        "--user",
        "admin",
        "--project",
        "demo",
        "--names",
    )
    assert {(one["User"], one["Role"]) for one in effective} == {("admin@Default", "reader")}
    on_system = openstack.json("role", "assignment", "list", "--system", "all", "--names")
    assert ("reader", "ops@Default") in {(one["Role"], one["Group"]) for one in on_system}
    for place in places:
        openstack.text("role", "remove", "--group", "ops", *place, "reader")
    assert openstack.json("role", "assignment", "list", "--group", "ops") == []


def test_implied_roles_and_roles_of_a_domain(openstack: Command) -> None:
    """Create, list, delete; a domain's own role by its domain."""
    openstack.json("role", "create", "auditor")
    openstack.json("implied", "role", "create", "auditor", "--implied-role", "reader")
    listed = openstack.json("implied", "role", "list")
    assert ("auditor", "reader") in {
        (one["Prior Role Name"], one["Implied Role Name"]) for one in listed
    }
    openstack.text("implied", "role", "delete", "auditor", "--implied-role", "reader")
    assert len(openstack.json("implied", "role", "list")) == len(listed) - 1
    openstack.json("role", "create", "local", "--domain", "default")
    names = {one["Name"] for one in openstack.json("role", "list", "--domain", "default")}
    assert names == {"local"}
    openstack.text("role", "delete", "local", "--domain", "default")


def test_projects_in_a_tree(openstack: Command) -> None:
    """A child, its parents, tags, properties taken away."""
    top = openstack.json("project", "create", "top")
    leaf = openstack.json("project", "create", "leaf", "--parent", "top", "--tag", "a")
    assert leaf["parent_id"] == top["id"]
    shown = openstack.json("project", "show", "leaf", "--parents")
    assert top["id"] in str(shown["parents"])
    assert leaf["id"] in str(openstack.json("project", "show", "top", "--children")["subtree"])
    openstack.text("project", "set", "leaf", "--tag", "b")
    found = openstack.json("project", "list", "--tags", "a,b")
    assert [one["Name"] for one in found] == ["leaf"]
    openstack.text("project", "set", "leaf", "--remove-tag", "b")
    assert openstack.json("project", "list", "--tags-any", "b") == []
    assert "holds 1 projects" in openstack.refusal("project", "delete", "top")
    openstack.text("project", "delete", "leaf", "top")


def test_user_options(openstack: Command) -> None:
    """Each option is kept and taken away again."""
    openstack.json(
        "user", "create", "eve", "--ignore-password-expiry", "--enable-multi-factor-auth",
        "--multi-factor-auth-rule", "password,totp", "--enable-lock-password",
    )  # fmt: skip
    options = openstack.json("user", "show", "eve")["options"]
    assert options["ignore_password_expiry"] is True
    assert options["multi_factor_auth_rules"] == [["password", "totp"]]
    assert options["lock_password"] is True
    openstack.text("user", "set", "eve", "--no-ignore-password-expiry", "--description", "d")
    shown = openstack.json("user", "show", "eve")
    assert shown["options"]["ignore_password_expiry"] is False
    assert shown["description"] == "d"


def test_catalog_administration(openstack: Command) -> None:
    """A region, a service and an endpoint: created, listed, shown, set, in the catalog, deleted."""
    openstack.json("region", "create", "north", "--description", "d")
    openstack.json("region", "create", "north-1", "--parent-region", "north")
    assert openstack.json("region", "show", "north-1")["parent_region"] == "north"
    openstack.text("region", "set", "north", "--description", "e")
    assert "regions within it" in openstack.refusal("region", "delete", "north")
    openstack.text("region", "delete", "north-1")
    service = openstack.json("service", "create", "metering", "--name", "meter")
    openstack.text("service", "set", "meter", "--name", "meters", "--description", "d")
    assert openstack.json("service", "show", "meters")["id"] == service["id"]
    endpoint = openstack.json(
        "endpoint", "create", "meters", "public", "http://m.example/$(project_id)s",
        "--region", "north",
    )  # fmt: skip
    openstack.text("endpoint", "set", endpoint["id"], "--url", "http://n.example/%(tenant_id)s")
    shown = openstack.json("endpoint", "show", endpoint["id"])
    assert (shown["url"], shown["region"]) == ("http://n.example/%(tenant_id)s", "north")
    (listed,) = openstack.json("catalog", "show", "metering", cloud="cloudweb")["endpoints"]
    assert listed["url"].startswith("http://n.example/")
    assert "%(" not in listed["url"]
    assert "endpoints" in openstack.refusal("region", "delete", "north")
    openstack.text("endpoint", "delete", endpoint["id"])
    openstack.text("service", "delete", "meters")
    openstack.text("region", "delete", "north")


def test_limits(openstack: Command) -> None:
    """A registered limit and one of a project: created, listed, shown, set, deleted."""
    registered = openstack.json(
        "registered", "limit", "create", "cores", "--service", "nova", "--default-limit", "10"
    )
    limit = openstack.json(
        "limit", "create", "cores", "--service", "nova", "--project", "demo",
        "--resource-limit", "5",
    )  # fmt: skip
    openstack.text("registered", "limit", "set", registered["id"], "--default-limit", "20")
    openstack.text("limit", "set", limit["id"], "--resource-limit", "6")
    shown = openstack.json("registered", "limit", "show", registered["id"])
    assert shown["default_limit"] == 20
    assert openstack.json("limit", "show", limit["id"])["resource_limit"] == 6
    assert [one["ID"] for one in openstack.json("limit", "list")] == [limit["id"]]
    assert len(openstack.json("registered", "limit", "list")) == 1
    assert "limits" in openstack.refusal("registered", "limit", "delete", registered["id"])
    openstack.text("limit", "delete", limit["id"])
    openstack.text("registered", "limit", "delete", registered["id"])


def test_endpoint_groups(openstack: Command, tmp_path: Path) -> None:
    """Create from a file, list, show, set, add and remove projects, delete; single endpoints, too."""
    filters = tmp_path / "filters"
    filters.write_text('{"interface": "public"}')
    made = openstack.json("endpoint", "group", "create", "outside", str(filters))
    assert made["filters"] == {"interface": "public"}
    openstack.text("endpoint", "group", "set", "outside", "--description", "e")
    assert openstack.json("endpoint", "group", "show", "outside")["description"] == "e"
    openstack.text("endpoint", "group", "add", "project", "outside", "demo")
    (listed,) = openstack.json("endpoint", "group", "list", "--project", "demo")
    assert listed["Name"] == "outside"
    openstack.text("endpoint", "group", "remove", "project", "outside", "demo")
    openstack.text("endpoint", "group", "delete", "outside")
    endpoint = openstack.json("endpoint", "list", "--service", "nova")[0]["ID"]
    openstack.text("endpoint", "add", "project", endpoint, "demo")
    (listed,) = openstack.json("endpoint", "list", "--project", "demo")
    assert listed["ID"] == endpoint
    openstack.text("endpoint", "remove", "project", endpoint, "demo")


def test_policies(openstack: Command, tmp_path: Path) -> None:
    """Create from a file, list, show, set, delete."""
    rules = tmp_path / "rules"
    rules.write_text("{}")
    made = openstack.json("policy", "create", str(rules))
    assert made["rules"] == "{}"
    openstack.text("policy", "set", made["id"], "--type", "text/plain")
    assert openstack.json("policy", "show", made["id"])["type"] == "text/plain"
    assert [one["ID"] for one in openstack.json("policy", "list")] == [made["id"]]
    openstack.text("policy", "delete", made["id"])


def test_a_consumer_acts_for_a_user(openstack: Command, live_server: Any) -> None:
    """Consumer, request token, authorization, access token; then keystoneauth logs in with it."""
    consumer = openstack.json("consumer", "create", "--description", "d")
    keys = ("--consumer-key", consumer["id"], "--consumer-secret", consumer["secret"])
    asked = openstack.json("request", "token", "create", *keys, "--project", "admin")
    known = openstack.json(
        "request", "token", "authorize", "--request-key", asked["id"], "--role", "reader"
    )
    request = ("--request-key", asked["id"], "--request-secret", asked["secret"])
    verifier = ("--verifier", known["oauth_verifier"])
    access = openstack.json("access", "token", "create", *keys, *request, *verifier)
    auth = OAuth1(
        f"{live_server.url}/identity/v3",
        consumer_key=consumer["id"],
        consumer_secret=consumer["secret"],
        access_key=access["id"],
        access_secret=access["secret"],
    )
    found = auth.get_access(Session())
    assert (found.project_name, found.role_names) == ("admin", ["reader"])
    openstack.text("consumer", "set", consumer["id"], "--description", "e")
    assert openstack.json("consumer", "show", consumer["id"])["description"] == "e"
    openstack.text("consumer", "delete", consumer["id"])
    assert openstack.json("consumer", "list") == []
