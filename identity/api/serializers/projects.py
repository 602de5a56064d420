"""Projects on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from pydantic import AfterValidator, Field, StringConstraints

from cloudweb.api.fields import LooseBool
from cloudweb.names import no_control_characters, not_blank
from identity.api.serializers.attributes import OpenBody, Options, invented
from identity.api.serializers.links import self_link
from identity.models import Domain, Project

ProjectName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(no_control_characters),
    AfterValidator(not_blank),
]


def _no_separator(tag: str) -> str:
    if "/" in tag or "," in tag:
        raise ValueError("A tag has no comma and no slash")
    return no_control_characters(tag)


Tag = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_no_separator)]


def _each_once(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) != len(tags):
        raise ValueError("A tag is there once")
    return tags


Tags = Annotated[tuple[Tag, ...], Field(max_length=80), AfterValidator(_each_once)]
Description = Annotated[str, StringConstraints(max_length=4096)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
READ_ONLY = frozenset({"id", "links", "created_at"})


class ProjectCreate(OpenBody):
    """POST /projects."""

    name: ProjectName
    domain_id: Id | None = None
    parent_id: Id | None = None
    description: Description | None = None
    enabled: LooseBool = True
    is_domain: bool | None = None
    tags: Tags = ()
    options: Options = Options()


class ProjectUpdate(OpenBody):
    """PATCH /projects/{id}."""

    name: ProjectName = ""
    domain_id: Id = ""
    parent_id: Id | None = None
    description: Description | None = None
    enabled: LooseBool = True
    is_domain: bool | None = None
    tags: Tags = ()
    options: Options = Options()


def extra_of(body: ProjectCreate | ProjectUpdate) -> dict[str, Any]:
    """Return the attributes the client invented."""
    return invented(body, reserved=READ_ONLY)


def domain_as_project(request: HttpRequest, domain: Domain) -> dict[str, Any]:
    """Return a domain as the project that acts as it: nothing is above it."""
    return {
        **domain.extra,
        "id": domain.pk,
        "name": domain.name,
        "domain_id": None,
        "parent_id": None,
        "enabled": domain.enabled,
        "description": domain.description,
        "is_domain": True,
        "tags": domain.tags,
        "options": {"immutable": True} if domain.immutable else {},
        "links": self_link(request, f"projects/{domain.pk}"),
    }


def project_body(request: HttpRequest, project: Project) -> dict[str, Any]:
    """Return one project."""
    return {
        **project.extra,
        "id": project.pk,
        "name": project.name,
        "domain_id": project.domain_id,
        "parent_id": project.parent_id or project.domain_id,
        "enabled": project.enabled,
        "description": project.description,
        "is_domain": False,
        "tags": project.tags,
        "options": {"immutable": True} if project.immutable else {},
        "links": self_link(request, f"projects/{project.pk}"),
    }
