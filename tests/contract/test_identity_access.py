"""Every route of identity by every kind of caller; a route without a line here fails the suite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.auth import HmacV1Auth, SigV2Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.db import transaction

from identity.api.urls import urlpatterns
from identity.bootstrap import bootstrap
from identity.manager import ApplicationCredentialManager, CredentialManager, TrustManager
from identity.manager.application_credentials import Wanted
from identity.manager.credentials import AccessKey
from identity.models import (
    AccessRule,
    Endpoint,
    Limit,
    Project,
    Region,
    RegisteredLimit,
    Role,
    Service,
    User,
)
from identity.scopes import SYSTEM, Place
from tests.builders.identity import (
    ApiClient,
    client_at,
    client_with,
    grant_at,
    make_context,
    make_domain,
    make_group,
    make_member,
    make_project,
    make_provider,
    make_role,
    make_user,
)

pytestmark = pytest.mark.django_db
#: Everyone but ``other`` is of the project it is about; it lies in domain ``default``.
CALLERS = (
    "anonymous",
    "other",
    "reader",
    "member",
    "manager",
    "service",
    "admin",
    "system_reader",
    "domain_reader",
    "domain_manager",
    "other_domain",
)
OF_PROJECT = ("reader", "member", "manager", "service")
READERS = ("system_reader", "domain_reader", "domain_manager")
NEW = "identity-of-a-new-one"

#: Who gets in: everybody; any token; operators; those and readers of the system (READ).
OPEN, ANYONE, OPERATOR, READ = "open", "token", "operator", "read"
#: Those and readers of a domain: a list (LISTED) shows each his own; one thing (DOMAIN_READ) does
#: not exist in another domain. Managers of a domain make (DOMAIN_MAKE) and change (DOMAIN_WRITE).
LISTED, DOMAIN_READ, DOMAIN_MAKE, DOMAIN_WRITE = "listed", "domain-read", "make", "write"
#: Readers of the domain, and managers of a project, who give roles.
GIVER = "giver"
#: Readers of the domain, and for MINE those in the project; it does not exist for others. NOBODY is
#: for whom it is about alone, who is no caller here; SYSTEM for grants on the system.
MINE, HIDDEN, NOBODY, SYSTEM_READ, SYSTEM_WRITE = "mine", "hidden", "nobody", "sys-r", "sys-w"
#: Limits of the project show to readers of all, of the domain, and to the project itself.
LIMIT = "limit"
#: Whoever belongs to the domain.
AT_HOME = "at-home"
#: Somebody's own secrets: readers of the system see them but for the secret, operators remove them.
SECRET_READ, SECRET, TRUST = "secret-read", "secret", "trust"
#: Services that act for those who ask them.
SERVICES = "services"

IMPLIED = "/v3/roles/{role_id}/implies"
SERVICE = {"service": {"type": "x", "name": NEW}}
ENDPOINT = {
    "endpoint": {"service_id": "{service_id}", "interface": "public", "url": "http://x.example"}
}
REGISTERED = {
    "registered_limits": [{"service_id": "{service_id}", "resource_name": NEW, "default_limit": 5}]
}
LIMITS = {
    "limits": [
        {
            "service_id": "{service_id}",
            "resource_name": "spare",
            "resource_limit": 5,
            "project_id": "{project_id}",
        }
    ]
}
#: (method, route) -> who, the status they get, the body to send
ROUTES: dict[tuple[str, str], tuple[str, int, Any]] = {
    ("GET", ""): (OPEN, 300, None),
    ("GET", "/v3"): (OPEN, 200, None),
    ("POST", "/v3/auth/tokens"): (OPEN, 401, {"auth": {"identity": {"methods": ["none"]}}}),
    ("POST", "/v3/ec2tokens"): (SERVICES, 200, {"credentials": "{signed}"}),
    ("POST", "/v3/s3tokens"): (SERVICES, 200, {"credentials": "{signed_text}"}),
    ("GET", "/v3/auth/tokens"): (ANYONE, 200, None),
    ("HEAD", "/v3/auth/tokens"): (ANYONE, 200, None),
    ("DELETE", "/v3/auth/tokens"): (ANYONE, 204, None),
    ("GET", "/v3/auth/projects"): (ANYONE, 200, None),
    ("GET", "/v3/auth/domains"): (ANYONE, 200, None),
    ("GET", "/v3/auth/system"): (ANYONE, 200, None),
    ("GET", "/v3/auth/catalog"): (ANYONE, 200, None),
    ("GET", "/v3/regions"): (ANYONE, 200, None),
    ("POST", "/v3/regions"): (OPERATOR, 201, {"region": {"id": NEW}}),
    ("GET", "/v3/regions/{region_id}"): (ANYONE, 200, None),
    ("PUT", "/v3/regions/{new}"): (OPERATOR, 201, {"region": {}}),
    ("PATCH", "/v3/regions/{region_id}"): (OPERATOR, 200, {"region": {"description": NEW}}),
    ("DELETE", "/v3/regions/{spare_region_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/domains"): (LISTED, 200, None),
    ("POST", "/v3/domains"): (OPERATOR, 201, {"domain": {"name": NEW}}),
    ("GET", "/v3/domains/{domain_id}"): (AT_HOME, 200, None),
    ("PATCH", "/v3/domains/{domain_id}"): (OPERATOR, 200, {"domain": {"description": NEW}}),
    ("DELETE", "/v3/domains/{spare_domain_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/projects"): (LISTED, 200, None),
    ("POST", "/v3/projects"): (DOMAIN_MAKE, 201, {"project": {"name": NEW}}),
    ("GET", "/v3/projects/{project_id}"): (MINE, 200, None),
    ("PATCH", "/v3/projects/{project_id}"): (DOMAIN_WRITE, 200, {"project": {"name": NEW}}),
    ("DELETE", "/v3/projects/{project_id}"): (DOMAIN_WRITE, 204, None),
    ("GET", "/v3/projects/{project_id}/tags"): (MINE, 200, None),
    ("PUT", "/v3/projects/{project_id}/tags"): (DOMAIN_WRITE, 200, {"tags": ["a"]}),
    ("DELETE", "/v3/projects/{project_id}/tags"): (DOMAIN_WRITE, 204, None),
    ("GET", "/v3/projects/{project_id}/tags/{tag}"): (MINE, 204, None),
    ("PUT", "/v3/projects/{project_id}/tags/{tag}"): (DOMAIN_WRITE, 201, None),
    ("DELETE", "/v3/projects/{project_id}/tags/{tag}"): (DOMAIN_WRITE, 204, None),
    ("GET", "/v3/users"): (LISTED, 200, None),
    ("POST", "/v3/users"): (DOMAIN_MAKE, 201, {"user": {"name": NEW}}),
    ("GET", "/v3/users/{user_id}"): (HIDDEN, 200, None),
    ("PATCH", "/v3/users/{plain_user_id}"): (DOMAIN_WRITE, 200, {"user": {"name": NEW}}),
    ("DELETE", "/v3/users/{plain_user_id}"): (DOMAIN_WRITE, 204, None),
    ("GET", "/v3/users/{user_id}/projects"): (HIDDEN, 200, None),
    ("GET", "/v3/users/{user_id}/groups"): (HIDDEN, 200, None),
    ("POST", "/v3/users/{user_id}/password"): (
        NOBODY,
        404,
        {"user": {"original_password": "a", "password": "b"}},
    ),
    ("GET", "/v3/users/{user_id}/application_credentials"): (SECRET_READ, 200, None),
    ("POST", "/v3/users/{user_id}/application_credentials"): (
        NOBODY,
        404,
        {"application_credential": {"name": NEW}},
    ),
    ("GET", "/v3/users/{user_id}/application_credentials/{credential_id}"): (
        SECRET_READ,
        200,
        None,
    ),
    ("DELETE", "/v3/users/{user_id}/application_credentials/{credential_id}"): (
        SECRET,
        204,
        None,
    ),
    ("GET", "/v3/users/{user_id}/access_rules"): (SECRET_READ, 200, None),
    ("GET", "/v3/users/{user_id}/access_rules/{rule_id}"): (SECRET_READ, 200, None),
    ("DELETE", "/v3/users/{user_id}/access_rules/{rule_id}"): (SECRET, 204, None),
    ("GET", "/v3/users/{user_id}/credentials/OS-EC2"): (SECRET_READ, 200, None),
    ("POST", "/v3/users/{user_id}/credentials/OS-EC2"): (
        SECRET,
        201,
        {"tenant_id": "{project_id}"},
    ),
    ("GET", "/v3/users/{user_id}/credentials/OS-EC2/{access}"): (SECRET_READ, 200, None),
    ("DELETE", "/v3/users/{user_id}/credentials/OS-EC2/{access}"): (SECRET, 204, None),
    ("GET", "/v3/credentials"): (ANYONE, 200, None),
    ("POST", "/v3/credentials"): (ANYONE, 201, {"credential": {"type": "cert", "blob": "x"}}),
    ("GET", "/v3/credentials/{secret_id}"): (SECRET_READ, 200, None),
    ("PATCH", "/v3/credentials/{secret_id}"): (SECRET, 200, {"credential": {"blob": "y"}}),
    ("DELETE", "/v3/credentials/{secret_id}"): (SECRET, 204, None),
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
    ("GET", "/v3/OS-TRUST/trusts/{trust_id}"): (SECRET_READ, 200, None),
    ("DELETE", "/v3/OS-TRUST/trusts/{trust_id}"): (TRUST, 204, None),
    ("GET", "/v3/OS-TRUST/trusts/{trust_id}/roles"): (SECRET_READ, 200, None),
    ("GET", "/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}"): (SECRET_READ, 200, None),
    ("GET", "/v3/groups"): (LISTED, 200, None),
    ("POST", "/v3/groups"): (DOMAIN_MAKE, 201, {"group": {"name": NEW}}),
    ("GET", "/v3/groups/{group_id}"): (DOMAIN_READ, 200, None),
    ("PATCH", "/v3/groups/{group_id}"): (DOMAIN_WRITE, 200, {"group": {"name": NEW}}),
    ("DELETE", "/v3/groups/{group_id}"): (DOMAIN_WRITE, 204, None),
    ("GET", "/v3/groups/{group_id}/users"): (DOMAIN_READ, 200, None),
    ("GET", "/v3/groups/{group_id}/users/{user_id}"): (DOMAIN_READ, 204, None),
    ("PUT", "/v3/groups/{group_id}/users/{plain_user_id}"): (DOMAIN_WRITE, 204, None),
    ("DELETE", "/v3/groups/{group_id}/users/{user_id}"): (DOMAIN_WRITE, 204, None),
    ("GET", "/v3/roles"): (GIVER, 200, None),
    ("POST", "/v3/roles"): (OPERATOR, 201, {"role": {"name": NEW}}),
    ("GET", "/v3/roles/{role_id}"): (GIVER, 200, None),
    ("PATCH", "/v3/roles/{role_id}"): (OPERATOR, 200, {"role": {"name": NEW}}),
    ("DELETE", "/v3/roles/{role_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/OS-FEDERATION/identity_providers"): (READ, 200, None),
    ("PUT", "/v3/OS-FEDERATION/identity_providers/{provider_id}"): (
        OPERATOR,
        409,
        {"identity_provider": {}},
    ),
    ("GET", "/v3/OS-FEDERATION/identity_providers/{provider_id}"): (READ, 200, None),
    ("PATCH", "/v3/OS-FEDERATION/identity_providers/{provider_id}"): (
        OPERATOR,
        200,
        {"identity_provider": {}},
    ),
    ("DELETE", "/v3/OS-FEDERATION/identity_providers/{provider_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols"): (READ, 200, None),
    ("PUT", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols/{protocol}"): (
        OPERATOR,
        400,
        {"protocol": {"mapping_id": "none"}},
    ),
    ("GET", "/v3/OS-FEDERATION/identity_providers/{provider_id}/protocols/{protocol}"): (
        READ,
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
    ("GET", "/v3/OS-FEDERATION/mappings"): (READ, 200, None),
    ("PUT", "/v3/OS-FEDERATION/mappings/{mapping_id}"): (OPERATOR, 400, {"mapping": {"rules": []}}),
    ("GET", "/v3/OS-FEDERATION/mappings/{mapping_id}"): (READ, 200, None),
    ("PATCH", "/v3/OS-FEDERATION/mappings/{mapping_id}"): (OPERATOR, 200, {"mapping": {}}),
    ("DELETE", "/v3/OS-FEDERATION/mappings/{mapping_id}"): (OPERATOR, 409, None),
    ("GET", "/v3/OS-FEDERATION/projects"): (ANYONE, 200, None),
    ("GET", "/v3/OS-FEDERATION/domains"): (ANYONE, 200, None),
    ("GET", IMPLIED): (READ, 200, None),
    ("GET", f"{IMPLIED}/{{implied_id}}"): (READ, 200, None),
    ("HEAD", f"{IMPLIED}/{{implied_id}}"): (READ, 204, None),
    ("PUT", f"{IMPLIED}/{{implied_id}}"): (OPERATOR, 201, None),
    ("DELETE", f"{IMPLIED}/{{implied_id}}"): (OPERATOR, 204, None),
    ("GET", "/v3/role_inferences"): (READ, 200, None),
    ("GET", "/v3/role_assignments"): (LISTED, 200, None),
    ("GET", "/v3/services"): (READ, 200, None),
    ("POST", "/v3/services"): (OPERATOR, 201, SERVICE),
    ("GET", "/v3/services/{service_id}"): (READ, 200, None),
    ("PATCH", "/v3/services/{service_id}"): (OPERATOR, 200, SERVICE),
    ("DELETE", "/v3/services/{spare_service_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/endpoints"): (READ, 200, None),
    ("POST", "/v3/endpoints"): (OPERATOR, 201, ENDPOINT),
    ("GET", "/v3/endpoints/{endpoint_id}"): (READ, 200, None),
    ("PATCH", "/v3/endpoints/{endpoint_id}"): (OPERATOR, 200, {"endpoint": {"enabled": False}}),
    ("DELETE", "/v3/endpoints/{endpoint_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/registered_limits"): (ANYONE, 200, None),
    ("POST", "/v3/registered_limits"): (OPERATOR, 201, REGISTERED),
    ("GET", "/v3/registered_limits/{registered_id}"): (ANYONE, 200, None),
    ("PATCH", "/v3/registered_limits/{registered_id}"): (
        OPERATOR,
        200,
        {"registered_limit": {"default_limit": 1}},
    ),
    ("DELETE", "/v3/registered_limits/{spare_registered_id}"): (OPERATOR, 204, None),
    ("GET", "/v3/limits"): (ANYONE, 200, None),
    ("GET", "/v3/limits/model"): (ANYONE, 200, None),
    ("POST", "/v3/limits"): (OPERATOR, 201, LIMITS),
    ("GET", "/v3/limits/{limit_id}"): (LIMIT, 200, None),
    ("PATCH", "/v3/limits/{limit_id}"): (OPERATOR, 200, {"limit": {"resource_limit": 1}}),
    ("DELETE", "/v3/limits/{limit_id}"): (OPERATOR, 204, None),
}
for holder in ("users/{user_id}", "groups/{group_id}"):
    for place in ("projects/{project_id}", "domains/{domain_id}", "system"):
        read, write = (
            (SYSTEM_READ, SYSTEM_WRITE) if place == "system" else (DOMAIN_READ, DOMAIN_WRITE)
        )
        for before, after in (("", ""), ("/OS-INHERIT", "/inherited_to_projects")):
            if after and place == "system":
                continue
            grants = f"/v3{before}/{place}/{holder}/roles"
            ROUTES |= {
                ("GET", f"{grants}{after}"): (read, 200, None),
                ("GET", f"{grants}/{{given_id}}{after}"): (read, 204, None),
                ("HEAD", f"{grants}/{{given_id}}{after}"): (read, 204, None),
                ("PUT", f"{grants}/{{given_id}}{after}"): (write, 204, None),
                ("DELETE", f"{grants}/{{given_id}}{after}"): (write, 204, None),
            }

#: Who gets the status, and who a 404, for each kind; everyone else with a token gets a 403.
LETS_IN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    OPERATOR: (("admin",), ()),
    READ: (("admin", "system_reader"), ()),
    SERVICES: (("admin", "service"), ()),
    LISTED: (("admin", *READERS, "other_domain"), ()),
    GIVER: (("admin", *READERS, "manager", "other_domain"), ()),
    DOMAIN_READ: (("admin", *READERS), ("other_domain",)),
    DOMAIN_MAKE: (("admin", "domain_manager", "other_domain"), ()),
    DOMAIN_WRITE: (("admin", "domain_manager"), ("other_domain",)),
    MINE: (("admin", *READERS, *OF_PROJECT), CALLERS),
    HIDDEN: (("admin", *READERS), CALLERS),
    SECRET_READ: (("admin", "system_reader"), CALLERS),
    SECRET: (("admin",), CALLERS),
    TRUST: (("admin",), tuple(set(CALLERS) - {"system_reader"})),
    AT_HOME: (tuple(set(CALLERS) - {"other_domain"}), ("other_domain",)),
    LIMIT: (("admin", *READERS, *OF_PROJECT), CALLERS),
    # A domain's manager may not; another domain's does not even find the holder.
    SYSTEM_READ: (("admin", "system_reader"), ("other_domain",)),
    SYSTEM_WRITE: (("admin",), ("other_domain",)),
}


def expected(kind: str, status: int, caller: str) -> int:
    """Return the status a caller gets."""
    if kind == OPEN:
        return status
    if caller == "anonymous":
        return 401
    if kind in (ANYONE, NOBODY):
        return status
    inside, blind = LETS_IN[kind]
    if caller in inside:
        return status
    return 404 if caller in blind else 403


@dataclass
class World:
    """A project with someone in it, and who calls."""

    client: ApiClient
    ids: dict[str, Any]
    on_system: dict[str, Any]
    token: str


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest) -> str:
    """A kind of caller."""
    return str(request.param)


def client_for(caller: str, project: Project) -> ApiClient:
    """Return the client of one kind of caller."""
    here, elsewhere = make_domain(), make_domain(id="elsewhere", name="elsewhere")
    places = {
        "system_reader": (SYSTEM, "reader"),
        "domain_reader": (Place(domain=here), "reader"),
        "domain_manager": (Place(domain=here), "manager"),
        "other_domain": (Place(domain=elsewhere), "manager"),
    }
    if caller == "anonymous":
        return ApiClient()
    if caller == "other":
        return client_with("member")
    if caller in places:
        place, role = places[caller]
        user = make_user(domain=elsewhere) if caller == "other_domain" else None
        return client_at(place, role, user)
    return client_with(caller, project=project)


@pytest.fixture
def world(caller: str) -> World:
    """The cloud after its first minute, one tenant with something of everything, one caller."""
    bootstrap(admin_password="x", demo_password="y")
    project = make_project(tags=["t"])
    victim, plain = make_member("member", project=project), make_user()
    group, custom, given = make_group(victim), make_role("custom"), make_role("member")
    domain, provider = make_domain(), make_provider("https://idp.example")
    victim.assignments.create(project=project, role=custom)
    custom.implications.create(implied=make_role("reader"))
    for holder in (victim, group):
        for place in (Place(project=project), Place(domain=domain)):
            for inherited in (False, True):
                if not (holder == victim and place.project and not inherited):
                    grant_at(place, "member", holder, inherited=inherited)
    system_victims = (make_user(), make_group())
    for holder in system_victims:
        grant_at(SYSTEM, "member", holder)
    service = Service.objects.earliest("created_at")
    registered, spare = (
        RegisteredLimit.objects.create(service=service, resource_name=name, default_limit=1)
        for name in ("used", "spare")
    )
    limit = Limit.objects.create(registered_limit=registered, project=project, resource_limit=2)
    ids = {
        "project_id": project.pk,
        "user_id": victim.pk,
        "plain_user_id": plain.pk,
        "group_id": group.pk,
        "role_id": custom.pk,
        "implied_id": make_role("reader").pk,
        "given_id": given.pk,
        "domain_id": domain.pk,
        "spare_domain_id": make_domain(id="spare", name="spare", enabled=False).pk,
        "tag": "t",
        "new": NEW,
        "region_id": "RegionOne",
        **secrets_of(victim, project, custom),
        "provider_id": provider.pk,
        "protocol": "openid",
        "mapping_id": provider.protocols.get().mapping_id,
        "spare_region_id": Region.objects.create(id="spare").pk,
        "service_id": service.pk,
        "spare_service_id": Service.objects.create(type="spare").pk,
        "endpoint_id": Endpoint.objects.earliest("created_at").pk,
        "registered_id": registered.pk,
        "spare_registered_id": spare.pk,
        "limit_id": limit.pk,
    }
    on_system = {"user_id": system_victims[0].pk, "group_id": system_victims[1].pk}
    client = client_for(caller, project)
    return World(client, ids, ids | on_system, str(client.defaults.get("HTTP_X_AUTH_TOKEN", "")))


def secrets_of(user: User, project: Project, role: Role) -> dict[str, Any]:
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
        **signed_by(key),
        "secret_id": other.row.pk,
        "trust_id": trust.pk,
    }


def signed_by(key: AccessKey) -> dict[str, Any]:
    """Return a request and a text that an EC2 key signed."""
    request = AWSRequest("GET", "https://ec2.example/", params={})
    SigV2Auth(Credentials(key.access, key.secret)).add_auth(request)
    params = dict(request.params)
    asked = {"verb": "GET", "host": "ec2.example", "path": "/", "params": params}
    text = HmacV1Auth(Credentials(key.access, key.secret)).sign_string("text")
    return {
        "signed": {"access": key.access, "signature": params["Signature"], **asked},
        "signed_text": {"access": key.access, "signature": text, "token": "dGV4dA=="},
    }


def filled(body: Any, ids: dict[str, Any]) -> Any:
    """Return a body with its words for ids replaced."""
    if isinstance(body, dict):
        return {key: filled(value, ids) for key, value in body.items()}
    if isinstance(body, list):
        return [filled(value, ids) for value in body]
    if isinstance(body, str) and body.startswith("{"):
        return ids[body[1:-1]]
    return body


def test_access(caller: str, world: World) -> None:
    """Each route's status for one caller, each alone: what it did is taken back."""
    wrong = {}
    for (method, path), (kind, status, body) in ROUTES.items():
        ids = world.on_system if path.startswith("/v3/system") else world.ids
        url = f"/identity{path.format(**ids)}"
        with transaction.atomic():
            answer = world.client.send(method, url, filled(body, ids), X_Subject_Token=world.token)
            transaction.set_rollback(True)
        wanted = expected(kind, status, caller)
        if answer.status_code != wanted or not is_explained(answer, method):
            wrong[f"{method} {path}"] = (answer.status_code, wanted, answer.content[:200])
    assert wrong == {}


def is_explained(answer: Any, method: str) -> bool:
    """Tell whether a refusal has its envelope, and the policy's name in the words clients know."""
    if method == "HEAD" or answer.status_code not in (401, 403, 404):
        return True
    error = answer.json()["error"]
    known = "You are not authorized to perform the requested action: ident"
    said = answer.status_code != 403 or error["message"].startswith((known, "Only", "The trust"))
    return bool(error["code"] == answer.status_code and said)


#: Words of the table for the parameters of routes.
SAME = {
    "{plain_user_id}": "{user_id}",
    "{spare_domain_id}": "{domain_id}",
    "{spare_region_id}": "{region_id}",
    "{new}": "{region_id}",
    "{spare_service_id}": "{service_id}",
    "{registered_id}": "{limit_id}",
    "{spare_registered_id}": "{limit_id}",
    "{given_id}": "{role_id}",
    IMPLIED: "/v3/roles/{prior_id}/implies",
}


def tabled() -> set[tuple[str, str]]:
    """Return the calls of the table in the words of the routes."""
    found = set()
    for method, path in ROUTES:
        for word, parameter in SAME.items():
            path = path.replace(word, parameter)
        found.add((method, path))
    return found


def routed() -> Iterator[tuple[str, str]]:
    """Yield every method of every route of identity."""
    for pattern in urlpatterns:
        path = str(pattern.pattern).replace("<str:", "{").replace(">", "}")
        view: Any = pattern.callback
        for method in getattr(view, "actions", {"get": "get"}):
            yield method.upper(), path


def test_every_route_is_here() -> None:
    """No endpoint without an access test (HEAD comes with each GET)."""
    assert {one for one in routed() if one[0] != "HEAD"} - tabled() == set()
    assert {one for one in tabled() if one[0] != "HEAD"} <= set(routed())


def test_text_of_a_refusal() -> None:
    """Tempest and people read it."""
    answer = client_with("reader").send("GET", "/identity/v3/users")
    assert answer.json()["error"] == {
        "code": 403,
        "title": "Forbidden",
        "message": "You are not authorized to perform the requested action: identity:list_users.",
    }
