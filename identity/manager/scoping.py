"""The scope a log-in asks for, as the client names it, and the place it means."""

from __future__ import annotations

from dataclasses import dataclass

from identity.ids import undashed
from identity.models import DEFAULT_DOMAIN_ID, Domain, Project
from identity.scopes import NOWHERE, SYSTEM, Place


@dataclass(frozen=True, slots=True)
class ProjectScope:
    """A project by id, or by name and domain."""

    project_id: str | None = None
    name: str = ""
    domain_id: str | None = None
    domain_name: str | None = None


@dataclass(frozen=True, slots=True)
class DomainScope:
    """A domain by id or name."""

    domain_id: str | None = None
    name: str = ""


class SystemScope:
    """The whole cloud."""


@dataclass(frozen=True, slots=True)
class TrustScope:
    """What a trust delegates."""

    trust_id: str


class Unscoped:
    """The explicit wish for a token that counts nowhere."""


Scope = ProjectScope | DomainScope | SystemScope | TrustScope | Unscoped


def found_place(scope: Scope | None, *, default_project_id: str | None) -> Place:
    """Return what a scope means (without one the default project); NOWHERE if there is no such."""
    if scope is None:
        scope = ProjectScope(project_id=default_project_id)
    if isinstance(scope, ProjectScope):
        project = _project(scope)
        return Place(project=project) if project else NOWHERE
    if isinstance(scope, DomainScope):
        named = {"name__iexact": scope.name} if scope.domain_id is None else {"pk": scope.domain_id}
        domain = Domain.objects.filter(**named).first()
        return Place(domain=domain) if domain else NOWHERE
    return SYSTEM if isinstance(scope, SystemScope) else NOWHERE


def _project(scope: ProjectScope) -> Project | None:
    rows = Project.objects.select_related("domain")
    if scope.project_id is not None:
        return rows.filter(pk=undashed(scope.project_id)).first()
    rows = rows.filter(name=scope.name)
    if scope.domain_id is None and scope.domain_name is not None:
        return rows.filter(domain__name__iexact=scope.domain_name).first()
    return rows.filter(domain_id=scope.domain_id or DEFAULT_DOMAIN_ID).first()
