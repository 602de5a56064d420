"""The real openstack command and keystoneauth's plugins with users kept by LDAP and OpenID Connect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from keystoneauth1 import session
from keystoneauth1.exceptions import http
from keystoneauth1.identity import v3

from cloudweb.context import RequestContext
from identity.directories import conf, login
from identity.federation import discovery
from identity.manager.identity_providers import IdentityProviderManager
from identity.models import Assignment, Group, Project
from identity.models.user import Source
from tests.builders.directory import PASSWORD as LDAP_PASSWORD
from tests.builders.directory import private_slapd
from tests.builders.identity import make_role
from tests.builders.openid import CLIENT_ID, CLIENT_SECRET, PASSWORD, Provider, running_provider
from tests.builders.openstack import Command

pytestmark = [
    pytest.mark.openstack,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]
RULES = [
    {
        "local": [{"user": {"name": "{0}"}}, {"groups": "{1}", "domain": {"id": "default"}}],
        "remote": [{"type": "preferred_username"}, {"type": "groups"}],
    }
]


@pytest.fixture
def oidc() -> Iterator[Provider]:
    discovery.forget()
    with running_provider() as provider:
        provider.add("alice", groups=["guests"])
        yield provider
    discovery.forget()


def federate(openstack: Command, oidc: Provider, rules: Path) -> None:
    """Set a provider up as an operator does; its registration comes by manage.py."""
    rules.write_text(json.dumps(RULES))
    made = openstack.json("identity", "provider", "create", "corp", "--remote-id", oidc.issuer)
    assert made["remote_ids"] == [oidc.issuer]
    openstack.text("mapping", "create", "corp-users", "--rules", str(rules))
    words = ("--identity-provider", "corp", "--mapping", "corp-users")
    protocol = openstack.json("federation", "protocol", "create", "openid", *words)
    assert protocol["mapping"] == "corp-users"
    IdentityProviderManager(RequestContext.system()).update(
        "corp", issuer=oidc.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
    )


def give(group: Group, project: str, role: str) -> None:
    """Give a group a role on a project."""
    row = Project.objects.get(name=project)
    Assignment.objects.create(group=group, project=row, role=make_role(role))


def test_the_commands_of_federation(openstack: Command, tmp_path: Path) -> None:
    """Create, list, show, set, delete of each noun."""
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES))
    openstack.text("identity", "provider", "create", "corp", "--disable", "--description", "d")
    openstack.text("identity", "provider", "set", "corp", "--enable")
    listed = openstack.json("identity", "provider", "list")
    assert [(one["ID"], one["Enabled"]) for one in listed] == [("corp", True)]
    assert openstack.json("identity", "provider", "show", "corp")["id"] == "corp"

    openstack.text("mapping", "create", "m", "--rules", str(rules))
    openstack.text("mapping", "set", "m", "--rules", str(rules))
    assert [one["ID"] for one in openstack.json("mapping", "list")] == ["m"]
    assert openstack.json("mapping", "show", "m")["rules"] == RULES
    rules.write_text("[]")
    refused = openstack.refusal("mapping", "set", "m", "--rules", str(rules))
    assert "rules" in refused

    of = ("--identity-provider", "corp")
    openstack.text("federation", "protocol", "create", "openid", *of, "--mapping", "m")
    # The command does it, then ends with its table as an exit status.
    openstack.refusal("federation", "protocol", "set", "openid", *of, "--mapping", "m")
    assert len(openstack.json("federation", "protocol", "list", *of)) == 1
    assert openstack.json("federation", "protocol", "show", "openid", *of)["id"] == "openid"
    assert "used by a protocol" in openstack.refusal("mapping", "delete", "m")
    openstack.text("federation", "protocol", "delete", "openid", *of)
    openstack.text("mapping", "delete", "m")
    openstack.text("identity", "provider", "delete", "corp")
    assert openstack.json("identity", "provider", "list") == []


def test_keystoneauth_logs_in_and_rescopes(
    openstack: Command, oidc: Provider, live_server: Any, tmp_path: Path
) -> None:
    """v3oidcpassword and v3oidcaccesstoken, the roles coming by a group."""
    federate(openstack, oidc, tmp_path / "rules.json")
    openstack.text("project", "create", "visitors")
    give(Group.objects.create(domain_id="default", name="guests"), "visitors", "reader")
    common = {
        "auth_url": f"{live_server.url}/identity/v3",
        "identity_provider": "corp",
        "protocol": "openid",
        "project_name": "visitors",
        "project_domain_id": "default",
    }
    by_password = v3.OidcPassword(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        discovery_endpoint=f"{oidc.issuer}/.well-known/openid-configuration",
        username="alice",
        password=PASSWORD,
        **common,
    )
    found = by_password.get_access(session.Session())
    assert found.username == "alice"
    assert found.project_name == "visitors"
    assert found.role_names == ["reader"]
    assert found.is_federated

    bearer = oidc.token(oidc.accounts["alice"])
    by_token = v3.OidcAccessToken(access_token=bearer, **common)
    again = by_token.get_access(session.Session())
    assert again.user_id == found.user_id

    forged = v3.OidcAccessToken(access_token=bearer[:-6] + "AAAAAA", **common)
    with pytest.raises(http.Unauthorized):
        forged.get_access(session.Session())


def test_the_openstack_command_of_a_federated_user(
    openstack: Command, oidc: Provider, live_server: Any, tmp_path: Path
) -> None:
    """A clouds.yaml with v3oidcpassword is all a user needs."""
    federate(openstack, oidc, tmp_path / "rules.json")
    clouds = tmp_path / "federated.yaml"
    clouds.write_text(
        f"""\
clouds:
  corp:
    auth_type: v3oidcpassword
    identity_api_version: 3
    region_name: RegionOne
    auth:
      auth_url: {live_server.url}/identity/v3
      identity_provider: corp
      protocol: openid
      client_id: {CLIENT_ID}
      client_secret: {CLIENT_SECRET}
      discovery_endpoint: {oidc.issuer}/.well-known/openid-configuration
      username: alice
      password: {PASSWORD}
"""
    )
    assert "project_id" not in Command(clouds).json("token", "issue", cloud="corp")


def test_the_openstack_command_of_a_user_of_a_directory(
    openstack: Command, live_server: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """Log-in, roles by a mirrored group, and the end of it all when he leaves."""
    with private_slapd() as slapd:
        login._resting_until.clear()
        monkeypatch.setattr(conf, "_configured", lambda: (slapd.directory(),))
        dn = slapd.add_person("alice")
        slapd.add_group("dev", dn, slapd.add_person("bob"))
        call_command("sync_directories")
        openstack.text("project", "create", "apples")
        give(Group.objects.get(name="dev", source=Source.LDAP), "apples", "member")
        clouds = tmp_path / "ldap.yaml"
        clouds.write_text(
            f"""\
clouds:
  corp:
    identity_api_version: 3
    region_name: RegionOne
    auth:
      auth_url: {live_server.url}/identity/v3
      username: alice
      user_domain_name: corp
      project_name: apples
      project_domain_id: default
      password: {LDAP_PASSWORD}
"""
        )
        alice = Command(clouds)
        assert alice.json("token", "issue", cloud="corp")["project_id"]
        slapd.delete(dn)
        assert "requires authentication" in alice.refusal("token", "issue", cloud="corp")
