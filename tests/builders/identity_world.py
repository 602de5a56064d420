"""A cloud after its first minute with one of everything that identity keeps, and who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.auth import HmacV1Auth, SigV2Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cloudweb.encryption import encrypt
from identity.bootstrap import bootstrap
from identity.manager import (
    AccessKeyManager,
    ApplicationCredentialManager,
    CredentialManager,
    IdentityProviderManager,
    MappingManager,
    TrustManager,
)
from identity.manager.access_keys import AccessKey
from identity.manager.application_credentials import Wanted
from identity.models import (
    AccessRule,
    AccessToken,
    Consumer,
    Endpoint,
    EndpointGroup,
    Limit,
    Policy,
    Project,
    Region,
    RegisteredLimit,
    RequestToken,
    Service,
    User,
)
from identity.scopes import SYSTEM, Place
from tests.builders.access import (
    CALLERS,
    DOMAIN_CALLERS,
    EVERY_TOKEN,
    OPERATORS,
    READERS_OF_ALL,
    Line,
    access_test,
    shared_world,
)
from tests.builders.identity import (
    RequestContext,
    grant_at,
    make_context,
    make_domain,
    make_group,
    make_provider,
    make_role,
    make_user,
)

__all__ = ["identity_test", "world"]
NEW = "identity-of-a-new-one"
PASSWORD = "the-owners-own-password"
RULES = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "preferred_username"}]}]

#: Managers of the domain that the project lies in, and who reads there.
DOMAIN_MANAGERS = OPERATORS | {"domain_manager", "domain_admin"}
DOMAIN_READERS = READERS_OF_ALL | DOMAIN_MANAGERS | {"domain_reader"}
OF_PROJECT = frozenset({"reader", "member", "owner", "manager", "service"})
ELSEWHERE = {"other_domain": 404}


def line(
    method: str, path: str, passes: Any, status: int = 200, body: Any = None, **more: Any
) -> Line:
    """Return a line below /identity/v3."""
    return Line(method, f"/identity/v3{path}", passes, status=status, body=body, **more)


def anyone(method: str, path: str, status: int = 200, body: Any = None, **more: Any) -> Line:
    """Every token."""
    return line(method, path, EVERY_TOKEN, status, body, **more)


def operator(method: str, path: str, status: int = 200, body: Any = None) -> Line:
    """Operators of the whole cloud."""
    return line(method, path, OPERATORS, status, body)


def read(method: str, path: str, status: int = 200) -> Line:
    """Operators, and readers of the system."""
    return line(method, path, READERS_OF_ALL, status)


def listed(path: str) -> Line:
    """Those and readers of a domain, who see what is in it."""
    return line("GET", path, DOMAIN_READERS | {"other_domain"})


def domain_read(method: str, path: str, status: int = 200) -> Line:
    """Those of this domain: in another one it does not exist."""
    return line(method, path, DOMAIN_READERS, status, others=ELSEWHERE)


def domain_make(path: str, body: Any) -> Line:
    """Managers of a domain make things in it."""
    return line("POST", path, DOMAIN_MANAGERS | {"other_domain"}, 201, body)


def domain_write(method: str, path: str, status: int = 200, body: Any = None) -> Line:
    """Managers of this domain."""
    return line(method, path, DOMAIN_MANAGERS, status, body, others=ELSEWHERE)


def mine(path: str, status: int = 200) -> Line:
    """Readers of the domain and whoever is in the project: it does not exist for others."""
    return line("GET", path, DOMAIN_READERS | OF_PROJECT, status, refusal=404)


def hidden(path: str) -> Line:
    """Readers of the domain and the user himself."""
    return line("GET", path, DOMAIN_READERS | {"owner"}, refusal=404)


def secret_read(path: str, status: int = 200) -> Line:
    """Somebody's own secrets: readers of the system see them but for the secret."""
    return line("GET", path, READERS_OF_ALL | {"owner"}, status, refusal=404)


def secret(method: str, path: str, status: int = 204, body: Any = None) -> Line:
    """Somebody's own secrets: operators remove them."""
    return line(method, path, OPERATORS | {"owner"}, status, body, refusal=404)


def build(owner: User) -> dict[str, Any]:
    """Return the ids of something of everything; the owner has a secret of each kind."""
    bootstrap(admin_password="x", demo_password="y")
    owner.set_password(PASSWORD)
    owner.save()
    project = owner.default_project
    assert project is not None
    project.tags = ["t"]
    project.save()
    group, custom, given = make_group(owner), make_role("custom"), make_role("member")
    domain, provider = make_domain(), make_provider("https://idp.example")
    system = RequestContext.system()
    MappingManager(system).create(mapping_id="spare", rules=RULES)
    bare = IdentityProviderManager(system).create(provider_id="bare")
    owner.assignments.create(project=project, role=custom)
    custom.implications.create(implied=make_role("reader"))
    for holder in (owner, group):
        for place in (Place(project=project), Place(domain=domain)):
            for inherited in (False, True):
                if not (holder == owner and not inherited):
                    grant_at(place, "member", holder, inherited=inherited)
    on_domain = make_user()
    grant_at(Place(domain=domain), "member", on_domain)
    on_system = make_user(), make_group()
    for system_holder in on_system:
        grant_at(SYSTEM, "member", system_holder)
    domain.options.create(group="ldap", name="url", value="ldaps://directory.example")
    service = Service.objects.earliest("created_at")
    registered, spare = (
        RegisteredLimit.objects.create(service=service, resource_name=name, default_limit=1)
        for name in ("used", "spare")
    )
    limit = Limit.objects.create(registered_limit=registered, project=project, resource_limit=2)
    return {
        "user_id": owner.pk,
        "plain_user_id": make_user().pk,
        "domain_user_id": on_domain.pk,
        "system_user_id": on_system[0].pk,
        "group_id": group.pk,
        "system_group_id": on_system[1].pk,
        "role_id": custom.pk,
        "implied_id": make_role("reader").pk,
        "given_id": given.pk,
        "admin_id": make_role("admin").pk,
        "service_role_id": make_role("service").pk,
        "domain_id": domain.pk,
        "spare_domain_id": make_domain(id="spare", name="spare", enabled=False).pk,
        "tag": "t",
        "new": NEW,
        "rules": RULES,
        "region_id": "RegionOne",
        **_secrets_of(owner, custom.pk),
        "provider_id": provider.pk,
        "bare_provider_id": bare.pk,
        "protocol": "openid",
        "mapping_id": provider.protocols.get().mapping_id,
        "spare_region_id": Region.objects.create(id="spare").pk,
        "service_id": service.pk,
        "spare_service_id": Service.objects.create(type="spare").pk,
        "endpoint_id": Endpoint.objects.earliest("created_at").pk,
        **_chosen_for(project, service),
        **_acting_for(owner, project),
        "registered_id": registered.pk,
        "spare_registered_id": spare.pk,
        "limit_id": limit.pk,
    }


def _chosen_for(project: Project, service: Service) -> Mapping[str, Any]:
    """Choose endpoints for a project, and give everything that can have one a policy."""
    endpoint = Endpoint.objects.earliest("created_at")
    group = EndpointGroup.objects.create(name="public", filters={"interface": "public"})
    policy = Policy.objects.create(type="application/json", blob="{}")
    endpoint.projects.add(project)
    group.projects.add(project)
    here = {"service": service, "region_id": "RegionOne"}
    for target in ({"endpoint": endpoint}, {"service": service}, here):
        policy.associations.create(**target)
    return {"endpoint_group_id": group.pk, "policy_id": policy.pk}


def _acting_for(user: User, project: Project) -> Mapping[str, Any]:
    """Let a consumer act for a user, and ask once more."""
    until = datetime.now(UTC) + timedelta(hours=1)
    consumer = Consumer.objects.create(encrypted_secret=encrypt("x"))
    common = {"consumer": consumer, "project": project, "expires_at": until}
    asked = RequestToken.objects.create(pk="asked", encrypted_secret=encrypt("y"), **common)
    access = AccessToken.objects.create(
        pk="access", encrypted_secret=encrypt("z"), user=user, **common
    )
    access.roles.add(make_role("member"))
    return {
        "consumer_id": consumer.pk,
        "request_token_id": asked.pk,
        "access_token_id": access.pk,
    }


def _secrets_of(user: User, role_id: str) -> Mapping[str, Any]:
    """Give a user one of each thing that is his alone; return their ids."""
    context, project_id = make_context(user), str(user.default_project_id)
    made = ApplicationCredentialManager(context).create(
        user.pk, name="a program", roles=[Wanted(id=role_id)]
    )
    spare = AccessRule.objects.create(user=user, service="compute", method="GET", path="/v2.1")
    key = AccessKeyManager(context).create(user.pk, project_id=project_id)
    other = CredentialManager(context).create(user_id=user.pk, type="cert", blob="x")
    trust = TrustManager(context).create(
        trustor_user_id=user.pk,
        trustee_user_id=make_user().pk,
        impersonation=False,
        project_id=project_id,
        roles=[Wanted(id=role_id)],
    )
    return {
        "credential_id": made.row.pk,
        "rule_id": spare.pk,
        "access": key.access,
        **_signed_by(key),
        "secret_id": other.row.pk,
        "trust_id": trust.pk,
    }


def _signed_by(key: AccessKey) -> Mapping[str, Any]:
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


def check(answer: Any) -> None:
    """A refusal has its envelope, and the policy's name in the words clients know."""
    if answer.request["REQUEST_METHOD"] == "HEAD" or answer.status_code not in (401, 403, 404):
        return
    error = answer.json()["error"]
    known = "You are not authorized to perform the requested action: ident"
    assert error["code"] == answer.status_code
    assert answer.status_code != 403 or error["message"].startswith((known, "Only", "The trust"))


world = shared_world(build)


def identity_test(lines: list[Line]) -> Any:
    """Return the test of these lines, by callers of domains too."""
    return access_test(lines, check, callers=CALLERS + DOMAIN_CALLERS)
