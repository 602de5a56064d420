"""The real openstack command against identity, and the requests it makes (contract 12.8)."""

from __future__ import annotations

import pytest

from cloudweb.exceptions import Unauthorized
from identity.tokens import valid
from tests.builders.openstack import LOG_IN, Command

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]


def test_token_issue(openstack: Command) -> None:
    """Two requests: discovery, log-in."""
    issued = openstack.json("token", "issue", cloud="cloudweb")
    assert {"id", "project_id", "user_id", "expires"} <= issued.keys()
    assert openstack.requests in (LOG_IN, ["GET /identity/v3", LOG_IN[1]])
    assert openstack.text("token", "revoke", issued["id"], cloud="cloudweb") == ""
    with pytest.raises(Unauthorized):
        valid(issued["id"])


def test_catalog_list(openstack: Command) -> None:
    """Four services under the names that clients know."""
    listed = openstack.json("catalog", "list", cloud="cloudweb")
    assert {(one["Name"], one["Type"]) for one in listed} == {
        ("nova", "compute"),
        ("keystone", "identity"),
        ("glance", "image"),
        ("neutron", "network"),
        ("cinder", "block-storage"),
        ("cinderv3", "volumev3"),
        ("trove", "database"),
    }
    shown = openstack.json("catalog", "show", "compute", cloud="cloudweb")
    assert all(one["url"].endswith("/compute/v2.1") for one in shown["endpoints"])


def test_versions_show(openstack: Command) -> None:
    """Identity says 3.14 at its v3 URL."""
    shown = openstack.json("versions", "show", "--service", "identity", cloud="cloudweb")
    (identity,) = [one for one in shown if one["Service Type"] == "identity"]
    assert (identity["Version"], identity["Status"]) == ("3.14", "CURRENT")
    assert identity["Endpoint"].endswith("/identity/v3/")


def test_projects(openstack: Command) -> None:
    """Create, list, show by name and id, set, delete."""
    made = openstack.json("project", "create", "red", "--description", "d", "--tag", "t")
    assert (made["name"], made["domain_id"], made["tags"]) == ("red", "default", ["t"])
    shown = openstack.json("project", "show", "red")
    assert shown["id"] == made["id"]
    path = "/identity/v3/projects"
    looked_up = [one for one in openstack.requests if one.startswith(f"GET {path}")]
    assert looked_up[0] == f"GET {path}/red"
    assert any(one.startswith(f"GET {path}?name=red") for one in looked_up)
    openstack.text("project", "set", "red", "--name", "blue", "--property", "cost=7", "--disable")
    changed = openstack.json("project", "show", made["id"])
    assert (changed["name"], changed["enabled"], changed["cost"]) == ("blue", False, "7")
    names = {one["Name"] for one in openstack.json("project", "list")}
    assert names == {"admin", "demo", "blue"}
    openstack.text("project", "delete", "blue")
    assert "No Project found" in openstack.refusal("project", "show", "blue")


def test_users_and_roles(openstack: Command) -> None:
    """A user made, given a role, logged in with, and removed."""
    made = openstack.json(
        "user", "create", "eve", "--password", "pw", "--project", "demo", "--email", "e@e.org"
    )
    assert (made["name"], made["email"], made["enabled"]) == ("eve", "e@e.org", True)
    openstack.text("role", "add", "--user", "eve", "--project", "demo", "member")
    openstack.text("role", "add", "--user", "eve", "--project", "demo", "member")
    listed = openstack.json("role", "assignment", "list", "--user", "eve", "--names")
    assert [(one["Role"], one["User"], one["Project"]) for one in listed] == [
        ("member", "eve@Default", "demo@Default")
    ]
    effective = openstack.json(
        "role", "assignment", "list", "--user", "eve", "--effective", "--names"
    )
    assert {one["Role"] for one in effective} == {"member", "reader"}
    as_eve = ("--os-username", "eve", "--os-password", "pw", "--os-project-name", "demo")
    assert openstack.json(*as_eve, "token", "issue", cloud="cloudweb")["user_id"] == made["id"]
    openstack.text("user", "set", "eve", "--password", "other")
    assert "401" in openstack.refusal(*as_eve, "token", "issue", cloud="cloudweb")
    openstack.text("role", "remove", "--user", "eve", "--project", "demo", "member")
    assert openstack.json("role", "assignment", "list", "--user", "eve") == []
    openstack.text("user", "delete", "eve")
    assert {one["Name"] for one in openstack.json("user", "list")} == {"admin", "demo"}


def test_roles(openstack: Command) -> None:
    """Create, list, show, set, delete; the product's own stay."""
    openstack.json("role", "create", "auditor", "--description", "looks")
    openstack.text("role", "set", "auditor", "--name", "inspector")
    assert openstack.json("role", "show", "inspector")["description"] == "looks"
    names = {one["Name"] for one in openstack.json("role", "list")}
    assert names == {"admin", "manager", "member", "reader", "service", "inspector"}
    openstack.text("role", "delete", "inspector")
    assert "immutable" in openstack.refusal("role", "delete", "reader")


def test_what_the_cloud_consists_of(openstack: Command) -> None:
    """Domains, regions, services, endpoints."""
    (domain,) = openstack.json("domain", "list")
    assert (domain["ID"], domain["Name"]) == ("default", "Default")
    (region,) = openstack.json("region", "list")
    assert region["Region"] == "RegionOne"
    assert len(openstack.json("service", "list")) == 7
    assert len(openstack.json("endpoint", "list")) == 21
    assert openstack.json("service", "show", "nova")["type"] == "compute"


def test_own_password(openstack: Command) -> None:
    """A tenant changes his own."""
    openstack.text(
        "user", "password", "set", "--original-password", "demo", "--password", "new",
        cloud="cloudweb",
    )  # fmt: skip
    assert "401" in openstack.refusal("token", "issue", cloud="cloudweb")


def test_tenant_is_told_what_he_may_not(openstack: Command) -> None:
    """403 with the policy's name."""
    assert "identity:list_users" in openstack.refusal("user", "list", cloud="cloudweb")
