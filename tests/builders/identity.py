"""Builders of identity: rows, tokens and the clients that carry them."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
from django.test import Client

from cloudweb.context import RequestContext
from identity import revocations
from identity.models import (
    DEFAULT_DOMAIN_ID,
    Assignment,
    Domain,
    Group,
    IdentityProvider,
    Implication,
    Project,
    Role,
    User,
)
from identity.querysets import effective_roles
from identity.scopes import Place
from identity.tokens import Token, context_of

CHAIN = ("admin", "manager", "member", "reader")
_numbers = itertools.count(1)


def make_domain(**overrides: Any) -> Domain:
    """Return the default domain, or another one if an id is given."""
    values = {"id": DEFAULT_DOMAIN_ID, "name": "Default", **overrides}
    return Domain.objects.get_or_create(id=values.pop("id"), defaults=values)[0]


def make_role(name: str = "member") -> Role:
    """Return a role; one of the chain comes with all it implies."""
    role = Role.objects.get_or_create(name=name)[0]
    if name in CHAIN and name != CHAIN[-1]:
        implied = make_role(CHAIN[CHAIN.index(name) + 1])
        Implication.objects.get_or_create(prior=role, implied=implied)
    return role


def make_project(**overrides: Any) -> Project:
    """Return a new project in the default domain."""
    values = {"name": f"project-{next(_numbers)}", **overrides}
    return Project.objects.create(**{"domain": make_domain(), **values})


def make_user(*, password: str | None = None, **overrides: Any) -> User:
    """Return a new user in the default domain."""
    values = {"domain": make_domain(), "name": f"user-{next(_numbers)}", **overrides}
    user = User(**values)
    user.set_password(password)
    user.save()
    return user


def grant(user: User, project: Project, role: str = "member") -> Assignment:
    """Give a user a role on a project."""
    return Assignment.objects.get_or_create(user=user, project=project, role=make_role(role))[0]


def make_member(role: str = "member", *, project: Project | None = None, **overrides: Any) -> User:
    """Return a new user with a role on a project (a new one unless given), his default."""
    project = project or make_project()
    user = make_user(default_project=project, **overrides)
    grant(user, project, role)
    return user


def make_group(*members: User, **overrides: Any) -> Group:
    """Return a new group in the default domain with these members."""
    values = {"domain": make_domain(), "name": f"group-{next(_numbers)}", **overrides}
    group = Group.objects.create(**values)
    group.members.add(*members)
    return group


def grant_at(place: Place, role: str, holder: User | Group, *, inherited: bool = False) -> None:
    """Give a user or a group a role at a place."""
    kind = "user" if isinstance(holder, User) else "group"
    Assignment.objects.create(
        **{kind: holder}, **place.columns(), inherited=inherited, role=make_role(role)
    )


def make_token(user: User, project: Project | None = None, place: Place | None = None) -> Token:
    """Return a token of a user at a place: this project (his default one unless given), or another."""
    project = project or user.default_project
    place = place or Place(project=project)
    roles = effective_roles(user.pk, place) if place.is_somewhere else []
    return Token.issue(
        user=user,
        place=place,
        roles=[role.name for role in roles],
        methods=["password"],
        seen=revocations.mark().number,
    )


def make_context(
    user: User, project: Project | None = None, place: Place | None = None
) -> RequestContext:
    """Return the context a request with such a token has."""
    token = make_token(user, project, place).signed()
    return context_of(token, request_id="req-test", remote_address="")


class ApiClient(Client):
    """A client that sends a token and JSON."""

    def __init__(self, token: str | None = None) -> None:
        headers = {"X-Auth-Token": token} if token else {}
        super().__init__(headers=headers, raise_request_exception=False)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request; ``headers`` with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        kind = "application/json" if data else ""
        return self.generic(method, path, data, content_type=kind, headers=named)


def client_of(user: User, project: Project | None = None) -> ApiClient:
    """Return a client with a token of this user."""
    return ApiClient(make_token(user, project).signed())


def client_at(place: Place, role: str, user: User | None = None) -> ApiClient:
    """Return a client of a user (a new one unless given) with a role at a place, scoped to it."""
    user = user or make_user()
    grant_at(place, role, user)
    return ApiClient(make_token(user, place=place).signed())


def client_with(role: str, *, project: Project | None = None) -> ApiClient:
    """Return a client of a new user with a role on a project (a new one unless given)."""
    return client_of(make_member(role, project=project))


def make_provider(issuer: str, *, rules: Any = None, **overrides: Any) -> IdentityProvider:
    """Return a provider with the protocol ``openid``; its users get their names from the claims."""
    from identity.manager import IdentityProviderManager, MappingManager, ProtocolManager

    make_domain()
    system = RequestContext.system()
    number = next(_numbers)
    values = {
        "provider_id": f"idp-{number}",
        "issuer": issuer,
        "client_id": "cloudweb",
        "client_secret": "secret-of-the-client",
        **overrides,
    }
    provider = IdentityProviderManager(system).create(**values)
    if rules is None:
        named = {"user": {"name": "{0}"}}
        rules = [{"local": [named], "remote": [{"type": "preferred_username"}]}]
    MappingManager(system).create(mapping_id=f"map-{number}", rules=rules)
    ProtocolManager(system).create(
        provider_id=provider.pk, name="openid", mapping_id=f"map-{number}"
    )
    return provider
