"""Roles and assignments on the wire."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from cloudweb.api.fields import Body, Name
from identity.api.serializers.attributes import Options
from identity.api.serializers.links import self_link, v3_url
from identity.api.serializers.projects import Description
from identity.manager.assignments import Effective
from identity.models import Project, Role, User


class RoleCreate(Body):
    """POST /roles."""

    name: Name
    description: Description | None = None
    domain_id: None = None
    options: Options = Options()


class RoleUpdate(Body):
    """PATCH /roles/{id}."""

    name: Name = ""
    description: Description | None = None
    domain_id: None = None
    options: Options = Options()


def role_body(request: HttpRequest, role: Role) -> dict[str, Any]:
    """Return one role."""
    return {
        "id": role.pk,
        "name": role.name,
        "domain_id": None,
        "description": role.description,
        "options": {"immutable": True} if role.immutable else {},
        "links": self_link(request, f"roles/{role.pk}"),
    }


def assignment_body(request: HttpRequest, one: Effective, *, names: bool) -> dict[str, Any]:
    """Return one assignment; its link names the grant that makes it."""
    grant = one.prior or one.role
    path = f"projects/{one.project.pk}/users/{one.user.pk}/roles/{grant.pk}"
    links = {"assignment": v3_url(request, path)}
    if one.prior is not None:
        links["prior_role"] = v3_url(request, f"prior_role/{grant.pk}/implies/{one.role.pk}")
    role: dict[str, Any] = {"id": one.role.pk}
    if names:
        role["name"] = one.role.name
    return {
        "role": role,
        "user": _named(one.user, names=names),
        "scope": {"project": _named(one.project, names=names)},
        "links": links,
    }


def _named(row: User | Project, *, names: bool) -> dict[str, Any]:
    if not names:
        return {"id": row.pk}
    domain = {"id": row.domain_id, "name": row.domain.name}
    return {"id": row.pk, "name": row.name, "domain": domain}
