"""Roles and assignments on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

from django.db.models import Q

from cloudweb.api.answers import OpenAnswer
from cloudweb.api.fields import Name
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Scene, renderer
from identity.api.filters import named
from identity.api.serializers.attributes import Immutable, OpenBody, Options, SelfLink, own_links
from identity.api.serializers.projects import Description, Id
from identity.api.shapes import RoleInBrief
from identity.manager.effective import Effective
from identity.models import Assignment, Group, Project, Role, User


class RoleCreate(OpenBody):
    """POST /roles."""

    name: Name
    description: Description | None = None
    domain_id: Id | None = None
    options: Options = Options()


class RoleUpdate(RoleCreate):
    """PATCH /roles/{id}."""

    FIXED = frozenset({"domain_id"})

    name: Name = ""


class RoleShown(OpenAnswer):
    """A named set of rights."""

    INVENTED = "extra"

    id: str
    name: str
    domain_id: str | None
    description: str
    options: Immutable
    links: Annotated[SelfLink, own_links("roles")]


ROLE = Resource(
    singular="role",
    plural="roles",
    answer=RoleShown,
    create=RoleCreate,
    update=RoleUpdate,
    filters={**named(), "domain_id": lambda values: Q(domain_id=values[-1] or None)},
)
#: Roles that something has: however many, they are not narrowed.
SOME_ROLES = replace(ROLE, create=None, update=None, filters={})


def inference_body(scene: Scene, prior: Role, implied: Role | Iterable[Role]) -> dict[str, Any]:
    """Return a role and what it contains: one role, or several in a list."""
    brief = renderer(RoleInBrief, scene)
    contained = brief(implied) if isinstance(implied, Role) else [*map(brief, implied)]
    return {"prior_role": brief(prior), "implies": contained}


def assignment_body(scene: Scene, one: Effective, *, names: bool) -> dict[str, Any]:
    """Return one assignment; its link names the grant that makes it."""
    row, grant = one.assignment, one.prior or one.role
    kind = "user" if row.user_id is not None else "group"
    path = f"{_place(row)}/{kind}s/{row.user_id or row.group_id}/roles/{grant.pk}"
    scope = _scope(row, one.project, names=names)
    if row.inherited:
        path = f"OS-INHERIT/{path}/inherited_to_projects"
        scope["OS-INHERIT:inherited_to"] = "projects"
    links = {"assignment": scene.url(path)}
    if one.prior is not None:
        links["prior_role"] = scene.url(f"roles/{grant.pk}/implies/{one.role.pk}")
    if one.member is not None:
        membership = f"groups/{row.group_id}/users/{one.member.pk}"
        links["membership"] = scene.url(membership)
    holder = one.member or row.user or row.group
    assert holder is not None
    who = "user" if isinstance(holder, User) else "group"
    return {
        "role": _role(one.role, names=names),
        who: _named(holder, names=names),
        "scope": scope,
        "links": links,
    }


def _place(row: Assignment) -> str:
    """Return the start of the URL of a grant."""
    if row.project_id is not None:
        return f"projects/{row.project_id}"
    return f"domains/{row.domain_id}" if row.domain_id is not None else "system"


def _scope(row: Assignment, project: Project | None, *, names: bool) -> dict[str, Any]:
    """Return the scope of an assignment: the project that inherits it, or where it was given."""
    found = project or row.project
    if found is not None:
        return {"project": _named(found, names=names)}
    if row.domain is not None:
        named = {"id": row.domain.pk, "name": row.domain.name}
        return {"domain": named if names else {"id": row.domain.pk}}
    return {"system": {"all": True}}


def _role(role: Role, *, names: bool) -> dict[str, Any]:
    if not names:
        return {"id": role.pk}
    named: dict[str, Any] = {"id": role.pk, "name": role.name}
    if role.domain is not None:
        named["domain"] = {"id": role.domain.pk, "name": role.domain.name}
    return named


def _named(row: User | Group | Project, *, names: bool) -> dict[str, Any]:
    if not names:
        return {"id": row.pk}
    domain = {"id": row.domain_id, "name": row.domain.name}
    return {"id": row.pk, "name": row.name, "domain": domain}
