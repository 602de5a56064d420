"""Application credentials and access rules on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Name
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Always, Form, Only, Scene, Seen, shown
from cloudweb.names import no_control_characters
from cloudweb.times import micros, parse_moment
from identity.api.filters import exactly, named
from identity.api.serializers.attributes import NEVER, SelfLink, Written
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


class ApplicationCredentialCreate(Written):
    """POST /users/{id}/application_credentials."""

    UNUSED = frozenset({"project_id"})

    name: Name
    description: Description | None = None
    secret: Annotated[Password | None, Field(repr=False)] = None
    expires_at: Moment | None = None
    roles: Annotated[tuple[RoleReference, ...], Field(max_length=64)] | None = None
    access_rules: Annotated[tuple[RuleReference, ...], Field(max_length=256)] | None = None
    unrestricted: bool | None = None
    project_id: Id | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said, parts as the manager takes them."""
        said = super().said()
        for name in {"roles", "access_rules"} & said.keys():
            said[name] = [one.wanted() for one in said[name] or ()]
        if said.get("expires_at"):
            said["expires_at"] = parse_moment(said["expires_at"], field="expires_at")
        return {**said, "unrestricted": bool(self.unrestricted)}


class RuleOfCredential(Answer):
    """A request a program may make."""

    id: str
    service: str
    method: str
    path: str


def _place_of_rule(row: AccessRule, scene: Scene) -> dict[str, str]:
    return {"self": scene.url(f"users/{row.user_id}/access_rules/{row.pk}")}


class AccessRuleShown(RuleOfCredential):
    """The same, by itself."""

    links: Annotated[SelfLink, Seen(_place_of_rule)]


class RoleNamed(Answer):
    """A role by id and name."""

    id: str
    name: str
    domain_id: str | None


def _place(row: ApplicationCredential, scene: Scene) -> dict[str, str]:
    return {"self": scene.url(f"users/{row.user_id}/application_credentials/{row.pk}")}


class ApplicationCredentialShown(Answer):
    """A log-in of a program; ``secret`` is in the answer that made it alone."""

    id: str
    name: str
    description: Annotated[str | None, Form(lambda value: value or None)]
    project_id: str
    user_id: str
    unrestricted: bool
    system: Annotated[None, Always(None)]
    expires_at: Annotated[str | None, Form(micros)]
    roles: Annotated[
        list[RoleNamed], Seen(lambda row, scene: shown(RoleNamed, row.roles.all(), scene))
    ]
    access_rules: Annotated[
        list[RuleOfCredential] | None,
        Seen(lambda row, scene: shown(RuleOfCredential, row.access_rules.all(), scene)),
        Only(lambda row: row.ruled),
    ] = None
    secret: Annotated[str | None, NEVER] = None
    links: Annotated[SelfLink, Seen(_place)]


APPLICATION_CREDENTIAL = Resource(
    singular="application_credential",
    plural="application_credentials",
    answer=ApplicationCredentialShown,
    create=ApplicationCredentialCreate,
    filters=named(),
)
ACCESS_RULE = Resource(
    singular="access_rule",
    plural="access_rules",
    answer=AccessRuleShown,
    filters={name: exactly(name) for name in ("service", "path", "method")},
)
