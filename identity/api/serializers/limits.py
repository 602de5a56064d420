"""Unified limits on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from pydantic import BeforeValidator, Field

from cloudweb.api.fields import MAX_INT, Body, Name, loose_int
from identity.api.serializers.links import self_link
from identity.api.serializers.projects import Description, Id
from identity.models import Limit, RegisteredLimit

Amount = Annotated[int, Field(ge=-1, le=MAX_INT), BeforeValidator(loose_int)]
MOST = 100


class RegisteredLimitCreate(Body):
    """One of POST /registered_limits."""

    service_id: Id
    region_id: Id | None = None
    resource_name: Name
    default_limit: Amount
    description: Description | None = None


class RegisteredLimitsCreate(Body):
    """POST /registered_limits."""

    registered_limits: Annotated[tuple[RegisteredLimitCreate, ...], Field(max_length=MOST)]


class RegisteredLimitUpdate(Body):
    """PATCH /registered_limits/{id}."""

    service_id: Id = ""
    region_id: Id | None = None
    resource_name: Name = ""
    default_limit: Amount = 0
    description: Description | None = None


class LimitCreate(Body):
    """One of POST /limits: of a project or of a domain."""

    service_id: Id
    region_id: Id | None = None
    resource_name: Name
    resource_limit: Amount
    project_id: Id | None = None
    domain_id: Id | None = None
    description: Description | None = None


class LimitsCreate(Body):
    """POST /limits."""

    limits: Annotated[tuple[LimitCreate, ...], Field(max_length=MOST)]


class LimitUpdate(Body):
    """PATCH /limits/{id}."""

    resource_limit: Amount | None = None
    description: Description | None = None


def registered_limit_body(request: HttpRequest, row: RegisteredLimit) -> dict[str, Any]:
    """Return one registered limit."""
    return {
        "id": row.pk,
        "service_id": row.service_id,
        "region_id": row.region_id,
        "resource_name": row.resource_name,
        "default_limit": row.default_limit,
        "description": row.description or None,
        "links": self_link(request, f"registered_limits/{row.pk}"),
    }


def limit_body(request: HttpRequest, row: Limit) -> dict[str, Any]:
    """Return one limit."""
    return {
        "id": row.pk,
        "project_id": row.project_id,
        "domain_id": row.domain_id,
        "service_id": row.registered_limit.service_id,
        "region_id": row.registered_limit.region_id,
        "resource_name": row.registered_limit.resource_name,
        "resource_limit": row.resource_limit,
        "description": row.description or None,
        "links": self_link(request, f"limits/{row.pk}"),
    }
