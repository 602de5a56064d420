"""Domains on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from pydantic import StringConstraints

from cloudweb.api.fields import LooseBool
from identity.api.serializers.attributes import OpenBody, Options, invented
from identity.api.serializers.links import self_link
from identity.api.serializers.projects import READ_ONLY, Description, ProjectName, Tags
from identity.models import Domain

ChosenId = Annotated[str, StringConstraints(pattern=r"^[0-9a-zA-Z-]{1,64}$")]


class DomainCreate(OpenBody):
    """POST /domains."""

    name: ProjectName
    explicit_domain_id: ChosenId | None = None
    description: Description | None = None
    enabled: LooseBool = True
    tags: Tags = ()
    options: Options = Options()


class DomainUpdate(OpenBody):
    """PATCH /domains/{id}."""

    name: ProjectName = ""
    description: Description | None = None
    enabled: LooseBool = True
    tags: Tags = ()
    options: Options = Options()


def extra_of(body: DomainCreate | DomainUpdate) -> dict[str, Any]:
    """Return the attributes the client invented."""
    return invented(body, reserved=READ_ONLY)


def domain_body(request: HttpRequest, domain: Domain) -> dict[str, Any]:
    """Return one domain."""
    return {
        **domain.extra,
        "id": domain.pk,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "options": {"immutable": True} if domain.immutable else {},
        "tags": domain.tags,
        "links": self_link(request, f"domains/{domain.pk}"),
    }
