"""Roles and assignments on the wire."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from cloudweb.api.fields import Body, Name
from identity.api.serializers.attributes import Options
from identity.api.serializers.links import self_link, v3_url
from identity.api.serializers.projects import Description
from identity.manager.assignments import Effective
from identity.models import Assignment, Group, Project, Role, User


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
        "domain_id": role.domain_id,
        "description": role.description,
        "options": {"immutable": True} if role.immutable else {},
        "links": self_link(request, f"roles/{role.pk}"),
    }


def assignment_body(request: HttpRequest, one: Effective, *, names: bool) -> dict[str, Any]:
    """Return one assignment; its link names the grant that makes it."""
    row, grant = one.assignment, one.prior or one.role
    holder, kind = (row.user, "user") if row.user is not None else (row.group, "group")
    assert holder is not None
    scope, path = _scope(row, names=names)
    path = f"{path}/{kind}s/{holder.pk}/roles/{grant.pk}"
    if row.inherited:
        path = f"OS-INHERIT/{path}/inherited_to_projects"
        scope["OS-INHERIT:inherited_to"] = "projects"
    links = {"assignment": v3_url(request, path)}
    if one.prior is not None:
        links["prior_role"] = v3_url(request, f"prior_role/{grant.pk}/implies/{one.role.pk}")
    role: dict[str, Any] = {"id": one.role.pk}
    if names:
        role["name"] = one.role.name
    return {"role": role, kind: _named(holder, names=names), "scope": scope, "links": links}


def _scope(row: Assignment, *, names: bool) -> tuple[dict[str, Any], str]:
    """Return the scope of an assignment, and the start of the URL of its grant."""
    if row.project is not None:
        return {"project": _named(row.project, names=names)}, f"projects/{row.project.pk}"
    if row.domain is not None:
        named = {"id": row.domain.pk, "name": row.domain.name}
        return {"domain": named if names else {"id": row.domain.pk}}, f"domains/{row.domain.pk}"
    return {"system": {"all": True}}, "system"


def _named(row: User | Group | Project, *, names: bool) -> dict[str, Any]:
    if not names:
        return {"id": row.pk}
    domain = {"id": row.domain_id, "name": row.domain.name}
    return {"id": row.pk, "name": row.name, "domain": domain}
