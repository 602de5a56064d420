"""Browsers: which project a logged-in user works on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.http import HttpRequest

from cloudweb.api.auth import remote_address
from cloudweb.context import RequestContext, new_request_id
from cloudweb.exceptions import Forbidden, Unauthorized
from identity.exceptions import ProjectNotFound
from identity.models import Project, User
from identity.querysets import effective_roles, usable_projects
from identity.scopes import Place

PROJECT_KEY = "project_id"


@dataclass(frozen=True, slots=True)
class ProjectChoice:
    """A project the user may work on; ``current`` is the one he does."""

    id: str
    name: str
    domain_name: str
    current: bool


def context_of(request: HttpRequest) -> RequestContext:
    """Return the context a browser acts under (settings: CLOUDWEB_SESSION_CONTEXT).

    The project is the one chosen in the session, else the default project, else the first by name.
    Raises Unauthorized without a log-in.
    """
    known = getattr(request, "cloudweb_context", None)
    if isinstance(known, RequestContext):
        return known
    user = _user_of(request)
    project = _current_project(request, user)
    roles = effective_roles(user.pk, Place(project=project)) if project else []
    context = RequestContext(
        request_id=getattr(request, "request_id", "") or new_request_id(),
        user_id=user.pk,
        user_name=user.name,
        user_domain_id=user.domain_id,
        project_id=project.pk if project else None,
        project_name=project.name if project else "",
        project_domain_id=project.domain_id if project else "",
        roles=frozenset(role.name for role in roles),
        remote_address=remote_address(request),
    )
    request.cloudweb_context = context  # type: ignore[attr-defined]
    return context


def operator_context_of(request: HttpRequest) -> RequestContext:
    """Return the context of the admin site (settings: CLOUDWEB_OPERATOR_CONTEXT).

    Whoever is admin of any project operates the cloud, whichever project he works on now. Raises
    Forbidden for anyone else.
    """
    context = context_of(request)
    if context.is_admin:
        return context
    if not _user_of(request).is_staff:
        raise Forbidden
    return replace(context, roles=context.roles | {"admin"})


def projects_of(request: HttpRequest) -> list[ProjectChoice]:
    """Return the projects the logged-in user may switch to, by name."""
    current = context_of(request).project_id
    return [
        ProjectChoice(project.pk, project.name, project.domain.name, project.pk == current)
        for project in _usable_projects(request, _user_of(request))
    ]


def switch_project(request: HttpRequest, project_id: str) -> None:
    """Work on another project from now on; raise ProjectNotFound if the user has no role there."""
    if not usable_projects(_user_of(request).pk).filter(pk=project_id).exists():
        raise ProjectNotFound(project_id)
    request.session[PROJECT_KEY] = project_id
    request.cloudweb_context = None  # type: ignore[attr-defined]


def _usable_projects(request: HttpRequest, user: User) -> list[Project]:
    """Return the projects of this request's user, asked for once."""
    known: list[Project] | None = getattr(request, "usable_projects", None)
    if known is None:
        known = list(usable_projects(user.pk))
        request.usable_projects = known  # type: ignore[attr-defined]
    return known


def _user_of(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise Unauthorized
    return user


def _current_project(request: HttpRequest, user: User) -> Project | None:
    """Return the chosen, else the default, else the first project; one the user has a role on."""
    projects = _usable_projects(request, user)
    by_id = {project.pk: project for project in projects}
    for wanted in (request.session.get(PROJECT_KEY), user.default_project_id):
        if wanted in by_id:
            return by_id[wanted]
    return projects[0] if projects else None
