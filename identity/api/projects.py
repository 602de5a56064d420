"""/projects and /users/{id}/projects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import parse_bool
from cloudweb.api.queries import PRESENCE, parameters
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest
from identity.api.lists import Hints, hinted, is_flag_set, listed
from identity.api.serializers.hierarchy import relatives
from identity.api.serializers.projects import (
    ProjectCreate,
    ProjectUpdate,
    domain_as_project,
    extra_of,
    project_body,
)
from identity.api.views import IdentityViewSet, described, given
from identity.exceptions import ProjectNotFound
from identity.manager import DomainManager, ProjectManager
from identity.models import Domain, Project

T = TypeVar("T", Domain, Project)

#: What each tag filter asks of a project's tags.
TAG_TESTS: dict[str, Callable[[set[str], set[str]], bool]] = {
    "tags": lambda tags, want: want <= tags,
    "tags-any": lambda tags, want: bool(want & tags),
    "not-tags": lambda tags, want: not want <= tags,
    "not-tags-any": lambda tags, want: not want & tags,
}
HINTS = Hints(
    exact=("name", "domain_id"), flags=("enabled",), others=("parent_id", "is_domain", *TAG_TESTS)
)
#: A project that acts as a domain has nothing above it.
DOMAIN_HINTS = Hints(exact=("name",), flags=("enabled",), any_case=("name",))
RELATIVES = ("parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids")


class ProjectViewSet(IdentityViewSet):
    """What owns resources."""

    manager = ProjectManager

    @extend_schema(
        operation_id="identity_projects_list", parameters=HINTS.parameters, responses={200: dict}
    )
    def list(self, request: Request) -> Response:
        """Return the projects; hints name, domain_id, parent_id, enabled, is_domain, tags.

        With is_domain those alone that act as domains, else none of them.
        """
        http = request._request
        if _asks_for_domains(http):
            rows = _acting(http, DomainManager(self.context).list_acting())
            return listed(http, "projects", rows, domain_as_project)
        return listed(
            http, "projects", _hinted(http, ProjectManager(self.context).list()), project_body
        )

    @extend_schema(
        operation_id="identity_user_projects_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list_of_user(self, request: Request, user_id: str) -> Response:
        """Return the projects a user has a role on."""
        http = request._request
        rows = ProjectManager(self.context).list_of_user(user_id)
        return listed(http, "projects", _hinted(http, rows), project_body, order=("name", "id"))

    @extend_schema(
        operation_id="identity_projects_create", request=ProjectCreate, responses={201: dict}
    )
    def create(self, request: Request) -> Response:
        """Record a project."""
        body = self.wanted("project", ProjectCreate)
        if body.is_domain:
            return self._domain(self._create_domain(body), status=201)
        project = ProjectManager(self.context).create(
            name=body.name,
            domain_id=body.domain_id,
            parent_id=body.parent_id,
            description=body.description or "",
            enabled=body.enabled,
            immutable=bool(body.options.immutable),
            tags=body.tags,
            extra=extra_of(body),
        )
        return self._answer(project, status=201)

    def _create_domain(self, body: ProjectCreate) -> Domain:
        if body.domain_id is not None or body.parent_id is not None:
            raise BadRequest("Only a project with nothing above it acts as a domain.")
        return DomainManager(self.context).create(
            name=body.name,
            description=body.description or "",
            enabled=body.enabled,
            immutable=bool(body.options.immutable),
            tags=sorted(body.tags),
            extra=extra_of(body),
        )

    @extend_schema(
        operation_id="identity_projects_get",
        parameters=parameters(**dict.fromkeys(RELATIVES, PRESENCE)),
        responses={200: dict},
    )
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Return one project, with those above and below it if asked."""
        http = request._request
        manager = ProjectManager(self.context)
        try:
            project = manager.get(project_id)
        except ProjectNotFound:
            domain = DomainManager(self.context).find_acting(project_id)
            if domain is None:
                raise
            return self._domain(domain)
        asked = {name for name in RELATIVES if is_flag_set(http, name)}
        body = project_body(http, project) | relatives(http, manager, project, asked)
        return Response({"project": body})

    @extend_schema(
        operation_id="identity_projects_update", request=ProjectUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, project_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("project", ProjectUpdate)
        manager = ProjectManager(self.context)
        changes: dict[str, Any] = given(body, "name", "enabled", "tags") | described(body)
        if extra := extra_of(body):
            changes["extra"] = extra
        fixed = given(body, "domain_id", "parent_id", "is_domain")
        if domain := DomainManager(self.context).find_acting(project_id):
            changed = DomainManager(self.context).update(domain.pk, fixed=fixed, **changes)
            return self._domain(changed)
        return self._answer(manager.update(project_id, fixed=fixed, **changes))

    @extend_schema(operation_id="identity_projects_delete", responses={204: None})
    def destroy(self, request: Request, project_id: str) -> Response:
        """Remove an empty project, or a disabled domain whose projects are empty."""
        if domain := DomainManager(self.context).find_acting(project_id):
            DomainManager(self.context).delete(domain.pk)
            return empty(204)
        ProjectManager(self.context).delete(project_id)
        return empty(204)

    def _domain(self, domain: Domain, *, status: int = 200) -> Response:
        body = domain_as_project(self.request._request, domain)
        return Response({"project": body}, status=status)

    def _answer(self, project: Project, *, status: int = 200) -> Response:
        return Response({"project": project_body(self.request._request, project)}, status=status)


def _hinted(request: HttpRequest, rows: QuerySet[Project]) -> QuerySet[Project]:
    rows = hinted(request, rows, HINTS)
    if (parent := request.GET.get("parent_id")) is not None:
        top = rows.filter(parent=None, domain_id=parent)
        rows = rows.filter(parent_id=parent) | top
    if _asks_for_domains(request):
        return rows.none()
    return _tagged(request, rows)


def _asks_for_domains(request: HttpRequest) -> bool:
    return bool(parse_bool(request.GET.get("is_domain"), field="is_domain", default=False))


def _acting(request: HttpRequest, rows: QuerySet[Domain]) -> QuerySet[Domain]:
    """Narrow domains as projects are narrowed; none lies in a domain or below a project."""
    if request.GET.get("domain_id") or request.GET.get("parent_id"):
        return rows.none()
    return _tagged(request, hinted(request, rows, DOMAIN_HINTS))


def _tagged(request: HttpRequest, rows: QuerySet[T]) -> QuerySet[T]:
    """Filter by tags; they are few and in JSON, so the ids are picked here."""
    asked = {key: set(request.GET[key].split(",")) for key in TAG_TESTS if request.GET.get(key)}
    if not asked:
        return rows
    fitting = [
        pk
        for pk, tags in rows.values_list("pk", "tags")
        if all(TAG_TESTS[key](set(tags), want) for key, want in asked.items())
    ]
    return rows.filter(pk__in=fitting)
