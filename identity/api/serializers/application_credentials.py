"""Application credentials and access rules on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from cloudweb.api.fields import Body, Name
from cloudweb.names import no_control_characters
from cloudweb.times import micros
from identity.api.serializers.links import self_link
from identity.api.serializers.projects import Description, Id
from identity.api.serializers.users import Password
from identity.manager.application_credentials import Wanted, WantedRule
from identity.models import AccessRule, ApplicationCredential

Label = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Pattern = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern="^/"),
    AfterValidator(no_control_characters),
]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Moment = Annotated[str, StringConstraints(max_length=64)]


class RoleReference(Body):
    """A role by id or name."""

    id: Id | None = None
    name: Label | None = None
    domain: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> RoleReference:
        if self.id is None and self.name is None:
            raise ValueError("A role has an id or a name")
        return self

    def wanted(self) -> Wanted:
        """Return it as the manager takes it."""
        return Wanted(id=self.id, name=self.name or "")


class RuleReference(Body):
    """An access rule by id, or as it shall be."""

    id: Id | None = None
    service: Label | None = None
    method: Method | None = None
    path: Pattern | None = None

    @model_validator(mode="after")
    def _whole(self) -> RuleReference:
        if self.id is None and None in (self.service, self.method, self.path):
            raise ValueError("An access rule has an id, or service, method and path")
        return self

    def wanted(self) -> WantedRule:
        """Return it as the manager takes it."""
        return WantedRule(self.id, self.service or "", self.method or "", self.path or "")


class ApplicationCredentialCreate(Body):
    """POST /users/{id}/application_credentials."""

    name: Name
    description: Description | None = None
    secret: Annotated[Password | None, Field(repr=False)] = None
    expires_at: Moment | None = None
    roles: Annotated[tuple[RoleReference, ...], Field(max_length=64)] | None = None
    access_rules: Annotated[tuple[RuleReference, ...], Field(max_length=256)] | None = None
    unrestricted: bool | None = None
    project_id: Id | None = None


def access_rule_body(request: HttpRequest, rule: AccessRule) -> dict[str, Any]:
    """Return one access rule."""
    return {
        "id": rule.pk,
        "service": rule.service,
        "method": rule.method,
        "path": rule.path,
        "links": self_link(request, f"users/{rule.user_id}/access_rules/{rule.pk}"),
    }


def application_credential_body(request: HttpRequest, row: ApplicationCredential) -> dict[str, Any]:
    """Return one application credential, without its secret."""
    body: dict[str, Any] = {
        "id": row.pk,
        "name": row.name,
        "description": row.description or None,
        "project_id": row.project_id,
        "user_id": row.user_id,
        "unrestricted": row.unrestricted,
        "system": None,
        "expires_at": micros(row.expires_at),
        "roles": [
            {"id": role.pk, "name": role.name, "domain_id": role.domain_id}
            for role in row.roles.all()
        ],
        "links": self_link(request, f"users/{row.user_id}/application_credentials/{row.pk}"),
    }
    if row.ruled:
        body["access_rules"] = [
            {"id": rule.pk, "service": rule.service, "method": rule.method, "path": rule.path}
            for rule in row.access_rules.all()
        ]
    return body
