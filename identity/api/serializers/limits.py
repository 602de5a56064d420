"""Unified limits on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from cloudweb.api.answers import Answer
from cloudweb.api.fields import MAX_INT, Body, Name, loose_int
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of
from cloudweb.exceptions import BadRequest
from identity.api.filters import exactly
from identity.api.serializers.attributes import SelfLink, Written, own_links
from identity.api.serializers.projects import Description, Id
from identity.manager.limits import WantedLimit

Amount = Annotated[int, Field(ge=-1, le=MAX_INT), BeforeValidator(loose_int)]
MOST = 100


class RegisteredLimitCreate(Written):
    """One of POST /registered_limits."""

    service_id: Id
    region_id: Id | None = None
    resource_name: Name
    default_limit: Amount
    description: Description | None = None


class RegisteredLimitsCreate(Body):
    """POST /registered_limits."""

    registered_limits: Annotated[tuple[RegisteredLimitCreate, ...], Field(max_length=MOST)]

    def said(self) -> dict[str, Any]:
        """Return all of them."""
        return {"wanted": [one.said() for one in self.registered_limits]}


class RegisteredLimitUpdate(RegisteredLimitCreate):
    """PATCH /registered_limits/{id}."""

    service_id: Id = ""
    resource_name: Name = ""
    default_limit: Amount = 0


class LimitCreate(Written):
    """One of POST /limits: of a project or of a domain."""

    service_id: Id
    region_id: Id | None = None
    resource_name: Name
    resource_limit: Amount
    project_id: Id | None = None
    domain_id: Id | None = None
    description: Description | None = None

    def wanted(self) -> WantedLimit:
        """Return it as the manager takes it; raise BadRequest for one of nobody, or of both."""
        if (self.project_id is None) == (self.domain_id is None):
            raise BadRequest("A limit belongs to a project or to a domain.")
        return WantedLimit(**{**self.model_dump(), "description": self.description or ""})


class LimitsCreate(Body):
    """POST /limits."""

    limits: Annotated[tuple[LimitCreate, ...], Field(max_length=MOST)]

    def said(self) -> dict[str, Any]:
        """Return all of them."""
        return {"wanted": [one.wanted() for one in self.limits]}


class LimitUpdate(Written):
    """PATCH /limits/{id}."""

    resource_limit: Amount | None = None
    description: Description | None = None


Described = Annotated[str | None, Form(lambda value: value or None)]


class RegisteredLimitShown(Answer):
    """What everyone may use of a resource unless a limit says otherwise."""

    id: str
    service_id: str
    region_id: str | None
    resource_name: str
    default_limit: int
    description: Described
    links: Annotated[SelfLink, own_links("registered_limits")]


class LimitModel(Answer):
    """How the limits of a tree of projects relate."""

    name: str
    description: str


class LimitShown(Answer):
    """What one project or domain may use of a resource."""

    id: str
    project_id: str | None
    domain_id: str | None
    service_id: Annotated[str, Of("registered_limit.service_id")]
    region_id: Annotated[str | None, Of("registered_limit.region_id")]
    resource_name: Annotated[str, Of("registered_limit.resource_name")]
    resource_limit: int
    description: Described
    links: Annotated[SelfLink, own_links("limits")]


OF_REGISTERED = ("service_id", "region_id", "resource_name")
REGISTERED_LIMIT = Resource(
    singular="registered_limit",
    plural="registered_limits",
    answer=RegisteredLimitShown,
    create=RegisteredLimitsCreate,
    update=RegisteredLimitUpdate,
    filters={name: exactly(name) for name in OF_REGISTERED},
)
LIMIT = Resource(
    singular="limit",
    plural="limits",
    answer=LimitShown,
    create=LimitsCreate,
    update=LimitUpdate,
    filters={
        "project_id": exactly("project_id"),
        "domain_id": exactly("domain_id"),
        **{name: exactly(f"registered_limit__{name}") for name in OF_REGISTERED},
    },
)
