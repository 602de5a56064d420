"""Every route of identity by every kind of caller; a route without a line here fails the suite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from identity.api.urls import urlpatterns
from identity.bootstrap import bootstrap
from identity.manager import ApplicationCredentialManager, CredentialManager, TrustManager
from identity.manager.application_credentials import Wanted
from identity.models import AccessRule, Endpoint, Project, Role, Service, User
from tests.builders.identity import (
    ApiClient,
    client_with,
    make_context,
    make_member,
    make_project,
    make_provider,
    make_role,
    make_user,
)

pytestmark = pytest.mark.django_db
CALLERS = ("anonymous", "other", "reader", "member", "manager", "service", "admin")
NEW = "identity-of-a-new-one"

#: Who gets in: all, any token, operators; MINE is for those in the project, HIDDEN for operators,
#: and both do not exist for others; NOBODY for whom it is about alone, who is no caller here.
OPEN, ANYONE, OPERATOR, MINE, HIDDEN, NOBODY = (
    "open",
    "token",
    "operator",
    "mine",
    "hidden",
    "nobody",
)
#: (method, route) -> who, the status they get, the body to send
ROUTES: dict[tuple[str, str], tuple[str, int, Any]] = {
    ("GET", ""): (OPEN, 300, None),
    ("GET", "/v3"): (OPEN, 200, None),
    ("POST", "/v3/auth/tokens"): (OPEN, 401, {"auth": {"identity": {"methods": ["none"]}}}),
    ("GET", "/v3/auth/tokens"): (ANYONE, 200, None),
    ("HEAD", "/v3/auth/tokens"): (ANYONE, 200, None),
    ("DELETE", "/v3/auth/tokens"): (ANYONE, 204, None),
    ("GET", "/v3/auth/projects"): (ANYONE, 200, None),
    ("GET", "/v3/auth/domains"): (ANYONE, 200, None),
    ("GET", "/v3/auth/system"): (ANYONE, 200, None),
    ("GET", "/v3/auth/catalog"): (ANYONE, 200, None),
    ("GET", "/v3/regions"): (ANYONE, 200, None),
    ("GET", "/v3/regions/{region_id}"): (ANYONE, 200, None),
    ("GET", "/v3/domains"): (OPERATOR, 200, None),
    ("GET", "/v3/domains/{domain_id}"): (ANYONE, 200, None),
    ("GET", "/v3/projects"): (OPERATOR, 200, None),
    ("POST", "/v3/projects"): (OPERATOR, 201, {"project": {"name": NEW}}),
    ("GET", "/v3/projects/{project_id}"): (MINE, 200, None),
    ("PATCH", "/v3/projects/{project_id}"): (OPERATOR, 200, {"project": {"name": NEW}}),
    ("DELETE", "/v3/projects/{project_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/projects/{project_id}/users/{user_id}/roles"): (OPERATOR, 200, None),
    ("PUT", "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}"): (OPERATOR, 204, None),
    ("HEAD", "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}"): (OPERATOR, 204, None),
    ("DELETE", "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/users"): (OPERATOR, 200, None),
    ("POST", "/v3/users"): (OPERATOR, 201, {"user": {"name": NEW}}),
    ("GET", "/v3/users/{user_id}"): (HIDDEN, 200, None),
    ("PATCH", "/v3/users/{user_id}"): (OPERATOR, 200, {"user": {"name": NEW}}),
    ("DELETE", "/v3/users/{user_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/users/{user_id}/projects"): (HIDDEN, 200, None),
    ("POST", "/v3/users/{user_id}/password"): (
        NOBODY,
        404,
        {"user": {"original_password": "a", "password": "b"}},
    ),
    ("GET", "/v3/users/{user_id}/application_credentials"): (HIDDEN, 200, None),
    ("POST", "/v3/users/{user_id}/application_credentials"): (
        NOBODY,
        404,
        {"application_credential": {"name": NEW}},
    ),
    ("GET", "/v3/users/{user_id}/application_credentials/{credential_id}"): (HIDDEN, 200, None),
    ("DELETE", "/v3/users/{user_id}/application_credentials/{credential_id}"): (
        HIDDEN,
        204,
        None,
    ),
    ("GET", "/v3/users/{user_id}/access_rules"): (HIDDEN, 200, None),
    ("GET", "/v3/users/{user_id}/access_rules/{rule_id}"): (HIDDEN, 200, None),
    ("DELETE", "/v3/users/{user_id}/access_rules/{rule_id}"): (HIDDEN, 204, None),
    ("GET", "/v3/users/{user_id}/credentials/OS-EC2"): (HIDDEN, 200, None),
    ("POST", "/v3/users/{user_id}/credentials/OS-EC2"): (
        HIDDEN,
        201,
        {"tenant_id": "{project_id}"},
    ),
    ("GET", "/v3/users/{user_id}/credentials/OS-EC2/{access}"): (HIDDEN, 200, None),
    ("DELETE", "/v3/users/{user_id}/credentials/OS-EC2/{access}"): (HIDDEN, 204, None),
    ("GET", "/v3/credentials"): (ANYONE, 200, None),
    ("POST", "/v3/credentials"): (ANYONE, 201, {"credential": {"type": "cert", "blob": "x"}}),
    ("GET", "/v3/credentials/{secret_id}"): (HIDDEN, 200, None),
    ("PATCH", "/v3/credentials/{secret_id}"): (HIDDEN, 200, {"credential": {"blob": "y"}}),
    ("DELETE", "/v3/credentials/{secret_id}"): (HIDDEN, 204, None),
    ("GET", "/v3/OS-TRUST/trusts"): (ANYONE, 200, None),
    ("POST", "/v3/OS-TRUST/trusts"): (
        ANYONE,
        403,
        {
            "trust": {
                "trustor_user_id": "{user_id}",
                "trustee_user_id": "{user_id}",
                "impersonation": False,
            }
        },
    ),
    ("GET", "/v3/OS-TRUST/trusts/{trust_id}"): (HIDDEN, 200, None),
    ("DELETE", "/v3/OS-TRUST/trusts/{trust_id}"): (HIDDEN, 204, None),
    ("GET", "/v3/OS-TRUST/trusts/{trust_id}/roles"): (HIDDEN, 200, None),
    ("GET", "/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}"): (HIDDEN, 200, None),
    ("GET", "/v3/roles"): (OPERATOR, 200, None),
    ("POST", "/v3/roles"): (OPERATOR, 201, {"role": {"name": NEW}}),
    ("GET", "/v3/roles/{role_id}"): (OPERATOR, 200, None),
    ("PATCH", "/v3/roles/{role_id}"): (OPERATOR, 200, {"role": {"name": NEW}}),
    ("DELETE", "/v3/roles/{role_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/role_assignments"): (OPERATOR, 200, None),
    ("GET", "/v3/services"): (OPERATOR, 200, None),
    ("GET", "/v3/services/{service_id}"): (OPERATOR, 200, None),
    ("GET", "/v3/endpoints"): (OPERATOR, 200, None),
    ("GET", "/v3/endpoints/{endpoint_id}"): (OPERATOR, 200, None),
    ("GET", "/v3/OS-FEDERATION/identity_providers"): (OPERATOR, 200, None),
    ("PUT", "/v3/OS-FEDERATION/identity_providers/{provider_id}"): (
        OPERATOR,
        409,
        {"identity_provider": {}},
    ),
    ("GET", "/v3/OS-FEDERATION/identity_providers/{provider_id}"): (OPERATOR, 200, None),
    ("PATCH", "/v3/OS-FEDERATION/identity_providers/{provider_id}"): (
        OPERATOR,
        200,
        {"identity_provider": {}},
    ),
    ("DELETE", "/v3/OS-FEDERATION/identity_providers/{provider_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols"): (OPERATOR, 200, None),
    ("PUT", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols/{protocol}"): (
        OPERATOR,
        400,
        {"protocol": {"mapping_id": "none"}},
    ),
    ("GET", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols/{protocol}"): (
        OPERATOR,
        200,
        None,
    ),
    ("PATCH", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols/{protocol}"): (
        OPERATOR,
        200,
        {"protocol": {}},
    ),
    ("DELETE", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols/{protocol}"): (
        OPERATOR,
        204,
        None,
    ),
    ("GET", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols/{protocol}/auth"): (
        OPEN,
        401,
        None,
    ),
    ("POST", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols/{protocol}/auth"): (
        OPEN,
        401,
        None,
    ),
    ("GET", "/v3/OS-FEDERATION/mappings"): (OPERATOR, 200, None),
    ("PUT", "/v3/OS-FEDERATION/mappings/{mapping_id}"): (OPERATOR, 400, {"mapping": {"rules": []}}),
    ("GET", "/v3/OS-FEDERATION/mappings/{mapping_id}"): (OPERATOR, 200, None),
    ("PATCH", "/v3/OS-FEDERATION/mappings/{mapping_id}"): (OPERATOR, 200, {"mapping": {}}),
    ("DELETE", "/v3/OS-FEDERATION/mappings/{mapping_id}"): (OPERATOR, 409, None),
    ("GET", "/v3/OS-FEDERATION/projects"): (ANYONE, 200, None),
    ("GET", "/v3/OS-FEDERATION/domains"): (ANYONE, 200, None),
}


def expected(kind: str, status: int, caller: str) -> int:
    """Return the status a caller gets; ``hidden`` things do not exist for others."""
    if kind == OPEN:
        return status
    if caller == "anonymous":
        return 401
    if kind in (ANYONE, NOBODY) or caller == "admin":
        return status
    if kind == OPERATOR:
        return 403
    return status if kind == MINE and caller != "other" else 404


@dataclass
class World:
    """A project with someone in it, and who calls."""

    client: ApiClient
    ids: dict[str, str]
    token: str


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest) -> str:
    """A kind of caller."""
    return str(request.param)


@pytest.fixture
def world(caller: str) -> World:
    """The cloud after its first minute, one tenant, one caller."""
    bootstrap(admin_password="x", demo_password="y")
    project = make_project()
    victim = make_member("member", project=project)
    custom = make_role("custom")
    provider = make_provider("https://idp.example")
    victim.assignments.create(project=project, role=custom)
    if caller == "anonymous":
        client = ApiClient()
    elif caller == "other":
        client = client_with("member")
    else:
        client = client_with(caller, project=project)
    ids = {
        "project_id": project.pk,
        "user_id": victim.pk,
        "role_id": custom.pk,
        "domain_id": "default",
        "region_id": "RegionOne",
        "service_id": Service.objects.earliest("created_at").pk,
        **secrets_of(victim, project, custom),
        "endpoint_id": Endpoint.objects.earliest("created_at").pk,
        "provider_id": provider.pk,
        "protocol": "openid",
        "mapping_id": provider.protocols.get().mapping_id,
    }
    return World(client, ids, str(client.defaults.get("HTTP_X_AUTH_TOKEN", "")))


def secrets_of(user: User, project: Project, role: Role) -> dict[str, str]:
    """Give a user one of each thing that is his alone; return their ids."""
    context = make_context(user, project)
    made = ApplicationCredentialManager(context).create(
        user.pk, name="a program", roles=[Wanted(id=role.pk)]
    )
    spare = AccessRule.objects.create(user=user, service="compute", method="GET", path="/v2.1")
    key = CredentialManager(context).create_access_key(user.pk, project_id=project.pk)
    other = CredentialManager(context).create(user_id=user.pk, type="cert", blob="x")
    trust = TrustManager(context).create(
        trustor_user_id=user.pk,
        trustee_user_id=make_user().pk,
        impersonation=False,
        project_id=project.pk,
        roles=[Wanted(id=role.pk)],
    )
    return {
        "credential_id": made.row.pk,
        "rule_id": spare.pk,
        "access": key.access,
        "secret_id": other.row.pk,
        "trust_id": trust.pk,
    }


def filled(body: Any, ids: dict[str, str]) -> Any:
    """Return a body with its words for ids replaced."""
    if isinstance(body, dict):
        return {key: filled(value, ids) for key, value in body.items()}
    if isinstance(body, str) and body.startswith("{"):
        return body.format(**ids)
    return body


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_access(route: tuple[str, str], caller: str, world: World) -> None:
    """The status, and the policy's name in the words clients know."""
    (method, path), (kind, status, body) = route, ROUTES[route]
    url = f"/identity{path.format(**world.ids)}"
    answer = world.client.send(method, url, filled(body, world.ids), X_Subject_Token=world.token)
    assert answer.status_code == expected(kind, status, caller)
    if answer.status_code in (401, 403, 404) and method != "HEAD":
        assert answer.json()["error"]["code"] == answer.status_code
    if answer.status_code == 403 and method != "HEAD":
        message = answer.json()["error"]["message"]
        assert message.startswith("You are not authorized to perform the requested action: ident")


def routed() -> Iterator[tuple[str, str]]:
    """Yield every method of every route of identity."""
    for pattern in urlpatterns:
        path = str(pattern.pattern).replace("<str:", "{").replace(">", "}")
        view: Any = pattern.callback
        for method in getattr(view, "actions", {"get": "get"}):
            yield method.upper(), path


def test_every_route_is_here() -> None:
    """No endpoint without an access test (HEAD comes with each GET)."""
    missing = {one for one in routed() if one[0] != "HEAD"} - ROUTES.keys()
    assert missing == set()
    assert {one for one in ROUTES if one[0] != "HEAD"} <= set(routed())


def test_text_of_a_refusal() -> None:
    """Tempest and people read it."""
    answer = client_with("reader").send("GET", "/identity/v3/users")
    assert answer.json()["error"] == {
        "code": 403,
        "title": "Forbidden",
        "message": "You are not authorized to perform the requested action: identity:list_users.",
    }
