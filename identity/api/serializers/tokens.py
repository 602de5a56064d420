"""Log-in on the wire: POST /auth/tokens and the body of a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from pydantic import Field, StringConstraints

from cloudweb.api.fields import Body
from cloudweb.exceptions import BadRequest, Unauthorized
from cloudweb.times import micros, micros_z
from identity.api.serializers.projects import Id
from identity.api.serializers.users import Passcode, Password
from identity.manager import IssuedToken
from identity.manager.scoping import (
    DomainScope,
    ProjectScope,
    Scope,
    SystemScope,
    TrustScope,
    Unscoped,
)
from identity.methods import (
    ApplicationCredentialProof,
    OAuth1Proof,
    PasswordProof,
    Proof,
    TokenProof,
    TotpProof,
)
from identity.models import Domain, Project, User
from identity.models.user import Source
from identity.oauth1 import SignedRequest
from identity.receipts import MoreMethodsRequired

Label = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class DomainReference(Body):
    """A domain by id or name."""

    id: Id | None = None
    name: Label | None = None


class IdOrName(Body):
    """A user or project by id, or by name and domain."""

    id: Id | None = None
    name: Label | None = None
    domain: DomainReference | None = None


class PasswordUser(IdOrName):
    """A user and his password."""

    password: Annotated[Password, Field(repr=False)]


class PasswordMethod(Body):
    """The block ``password``."""

    user: PasswordUser


class TokenMethod(Body):
    """The block ``token``."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=16_384)]


class ApplicationCredentialMethod(Body):
    """The block ``application_credential``: by id, or by name and user."""

    id: Id | None = None
    name: Label | None = None
    user: IdOrName | None = None
    secret: Annotated[Password, Field(repr=False)]


class TotpUser(IdOrName):
    """A user and his passcode."""

    passcode: Annotated[Passcode, Field(repr=False)]


class TotpMethod(Body):
    """The block ``totp``."""

    user: TotpUser


class TrustReference(Body):
    """A trust by id."""

    id: Id


class Identity(Body):
    """How the caller proves who he is."""

    methods: Annotated[tuple[Label, ...], Field(min_length=1, max_length=8)]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None
    application_credential: ApplicationCredentialMethod | None = None
    totp: TotpMethod | None = None
    oauth1: dict[str, Any] | None = None


class WantedScope(Body):
    """Where the token shall count; at most one key."""

    project: IdOrName | None = None
    unscoped: dict[str, Any] | None = None
    domain: DomainReference | None = None
    system: dict[str, Any] | None = None
    trust: Annotated[TrustReference | None, Field(alias="OS-TRUST:trust")] = None


class Auth(Body):
    """What is under ``auth``."""

    identity: Identity
    scope: WantedScope | Literal["unscoped"] | None = None

    def proofs(self, signed: SignedRequest) -> list[Proof]:
        """Return what the caller shows, method by method; raise BadRequest where a block is missing.

        A consumer of OAuth shows how it ``signed`` the request.
        """
        found: list[Proof] = []
        for method in dict.fromkeys(self.identity.methods):
            if method == OAuth1Proof.method:
                found.append(OAuth1Proof(signed))
                continue
            if method not in PROOFS:
                raise Unauthorized(detail=f"no such method: {method!r}")
            block = getattr(self.identity, method)
            if block is None:
                raise BadRequest(f"Expecting to find {method} in identity.")
            found.append(PROOFS[method](block))
        return found

    def wanted_scope(self) -> Scope | None:
        """Return where the token shall count; None leaves it to the user's default project."""
        scope = self.scope
        if scope is None:
            return None
        if isinstance(scope, str):
            return Unscoped()
        given = [name for name in type(scope).model_fields if getattr(scope, name) is not None]
        if len(given) > 1:
            raise BadRequest("A token has one scope.")
        if scope.domain is not None:
            return _domain_scope(scope.domain)
        if scope.system is not None:
            if scope.system.get("all") is not True:
                raise BadRequest("Expecting to find 'all': true in system.")
            return SystemScope()
        if scope.trust is not None:
            return TrustScope(scope.trust.id)
        if scope.project is None:
            return Unscoped() if scope.unscoped is not None else None
        return _project_scope(scope.project)


def _user_named(user: IdOrName) -> dict[str, Any]:
    """Return how a block names its user; raise BadRequest where that is not enough, or too much."""
    if user.id is not None and user.name is not None:
        raise BadRequest("Expecting to find the user's id or name, not both.")
    if user.id is None and (user.name is None or user.domain is None):
        raise BadRequest("Expecting to find the user's id, or name and domain.")
    domain = user.domain or DomainReference()
    return {
        "user_id": user.id,
        "name": user.name or "",
        "domain_id": domain.id,
        "domain_name": domain.name,
    }


def _password(block: PasswordMethod) -> Proof:
    return PasswordProof(password=block.user.password, **_user_named(block.user))


def _totp(block: TotpMethod) -> Proof:
    return TotpProof(passcode=block.user.passcode, **_user_named(block.user))


def _application_credential(block: ApplicationCredentialMethod) -> Proof:
    if block.id is not None and block.name is not None:
        raise BadRequest("Expecting to find the application credential's id or name, not both.")
    if block.id is not None:
        return ApplicationCredentialProof(secret=block.secret, credential_id=block.id)
    if block.name is None or block.user is None:
        raise BadRequest("Expecting to find the application credential's id, or name and user.")
    user = _user_named(block.user)
    return ApplicationCredentialProof(
        secret=block.secret,
        name=block.name,
        user_name=user.pop("name"),
        **user,
    )


def _token(block: TokenMethod) -> Proof:
    return TokenProof(block.id)


#: Log-in methods by name: what turns the block of the body into a proof.
PROOFS: dict[str, Callable[[Any], Proof]] = {
    "password": _password,
    "token": _token,
    "application_credential": _application_credential,
    "totp": _totp,
}


def _project_scope(project: IdOrName) -> ProjectScope:
    if project.id is None and (project.name is None or project.domain is None):
        raise BadRequest("Expecting to find the project's id, or name and domain.")
    domain = project.domain or DomainReference()
    return ProjectScope(
        project_id=project.id,
        name=project.name or "",
        domain_id=domain.id,
        domain_name=domain.name,
    )


def _domain_scope(domain: DomainReference) -> DomainScope:
    if domain.id is None and domain.name is None:
        raise BadRequest("Expecting to find the domain's id or name.")
    return DomainScope(domain_id=domain.id, name=domain.name or "")


def _domain(domain: Domain) -> dict[str, str]:
    return {"id": domain.pk, "name": domain.name}


def _user(user: User) -> dict[str, Any]:
    body = {
        "id": user.pk,
        "name": user.name,
        "domain": _domain(user.domain),
        "password_expires_at": micros(user.password_expires_at),
    }
    if user.source == Source.OIDC:
        body["OS-FEDERATION"] = _federation(user)
    return body


def _federation(user: User) -> dict[str, Any]:
    """Return who vouches for a user, and the groups he is in by that word."""
    link = user.federated.first()
    groups = user.memberships.filter(source=Source.OIDC).order_by("group_id")
    return {
        "identity_provider": {"id": link.provider_id if link else ""},
        "protocol": {"id": link.protocol if link else ""},
        "groups": [{"id": group_id} for group_id in groups.values_list("group_id", flat=True)],
    }


def _project_body(project: Project) -> dict[str, Any]:
    return {"id": project.pk, "name": project.name, "domain": _domain(project.domain)}


def token_body(
    request: HttpRequest, issued: IssuedToken, catalog: list[dict[str, Any]] | None
) -> dict[str, Any]:
    """Return what a token says; roles, project and catalog only if it is scoped."""
    token = issued.token
    body: dict[str, Any] = {
        "methods": list(token.methods),
        "user": _user(issued.user),
        "audit_ids": [*token.audit_ids[:1], *token.audit_ids[1:][-1:]],
        "issued_at": micros_z(token.issued_at),
        "expires_at": micros_z(token.expires_at),
    }
    place = issued.place
    if place.project is not None:
        body["project"] = _project_body(place.project)
        body["is_domain"] = False
    elif place.domain is not None:
        body["domain"] = _domain(place.domain)
    elif place.system:
        body["system"] = {"all": True}
    if place.is_somewhere:
        body["roles"] = [{"id": role.pk, "name": role.name} for role in issued.roles]
        if catalog is not None:
            body["catalog"] = catalog
    if issued.credential is not None:
        body["application_credential"] = {
            "id": issued.credential.pk,
            "name": issued.credential.name,
            "restricted": not issued.credential.unrestricted,
        }
    if issued.trust is not None:
        body["OS-TRUST:trust"] = {
            "id": issued.trust.pk,
            "impersonation": issued.trust.impersonation,
            "trustor_user": {"id": issued.trust.trustor_id},
            "trustee_user": {"id": issued.trust.trustee_id},
        }
    if issued.access is not None:
        body["OS-OAUTH1"] = {
            "access_token_id": issued.access.pk,
            "consumer_id": issued.access.consumer_id,
        }
    return {"token": body}


def receipt_body(error: MoreMethodsRequired) -> dict[str, Any]:
    """Return what was shown, and the sets of methods of which one is needed whole."""
    user, receipt = error.user, error.receipt
    return {
        "receipt": {
            "methods": list(receipt.methods),
            "user": {"id": user.pk, "name": user.name, "domain": _domain(user.domain)},
            "issued_at": micros_z(receipt.issued_at),
            "expires_at": micros_z(receipt.expires_at),
        },
        "required_auth_methods": [list(rule) for rule in error.required],
    }
