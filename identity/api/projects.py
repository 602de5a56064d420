"""/projects and /users/{id}/projects."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import parse_bool
from cloudweb.api.queries import PRESENCE, parameters
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest
from identity.api.lists import is_flag_set
from identity.api.resource import NounViewSet
from identity.api.serializers.hierarchy import relatives
from identity.api.serializers.projects import (
    ACTING,
    OF_USER,
    PROJECT,
    TAG_TESTS,
    ProjectCreate,
    ProjectUpdate,
)
from identity.exceptions import ProjectNotFound
from identity.manager import DomainManager, ProjectManager
from identity.models import Domain

RELATIVES = ("parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids")


class ProjectViewSet(NounViewSet):
    """What owns resources. A domain acts as a project, too, where it is asked for."""

    manager = ProjectManager
    resource = PROJECT

    def list(self, request: Request) -> Response:
        """Return the projects the caller may see; with is_domain those alone that act as domains."""
        if self._asks_for_domains():
            self.resource = ACTING
            return self.page_of(DomainManager(self.context).list_acting)
        return self.page_of(ProjectManager(self.context).list)

    @extend_schema(operation_id="identity_user_projects_list")
    def list_of_user(self, request: Request, user_id: str) -> Response:
        """Return the projects a user has a role on."""
        self.resource = OF_USER
        return self.page_of(ProjectManager(self.context).list_of_user, user_id)

    def create(self, request: Request) -> Response:
        """Record a project, or a domain."""
        said = self.said(ProjectCreate)
        if said.pop("is_domain", None):
            if (said.pop("domain_id", None), said.pop("parent_id", None)) != (None, None):
                raise BadRequest("Only a project with nothing above it acts as a domain.")
            return self._domain(DomainManager(self.context).create(**said), status=201)
        return self.answer(ProjectManager(self.context).create(**said), status=201)

    @extend_schema(parameters=parameters(**dict.fromkeys(RELATIVES, PRESENCE)))
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Return one project, with those above and below it if asked."""
        manager = ProjectManager(self.context)
        try:
            project = manager.get(project_id)
        except ProjectNotFound:
            domain = DomainManager(self.context).find_acting(project_id)
            if domain is None:
                raise
            return self._domain(domain)
        asked = {name for name in RELATIVES if is_flag_set(request._request, name)}
        answer = self.answer(project)
        answer.data["project"] |= relatives(self.renderer(), manager, project, asked)
        return answer

    def partial_update(self, request: Request, project_id: str) -> Response:
        """Change what the body names, keep the rest."""
        said = self.said(ProjectUpdate)
        if domain := DomainManager(self.context).find_acting(project_id):
            return self._domain(DomainManager(self.context).update(domain.pk, **said))
        return self.answer(ProjectManager(self.context).update(project_id, **said))

    def destroy(self, request: Request, project_id: str) -> Response:
        """Remove an empty project, or a disabled domain whose projects are empty."""
        if domain := DomainManager(self.context).find_acting(project_id):
            DomainManager(self.context).delete(domain.pk)
            return empty(204)
        return super().destroy(request, project_id=project_id)

    def narrowed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return those with the tags that the query asks for; they are few and in JSON."""
        if self._asks_for_domains() and self.resource is not ACTING:
            return rows.none()
        query = self.request._request.GET
        asked = {key: set(query[key].split(",")) for key in TAG_TESTS if query.get(key)}
        if not asked:
            return rows
        fitting = [
            pk
            for pk, tags in rows.values_list("pk", "tags")
            if all(TAG_TESTS[key](set(tags), want) for key, want in asked.items())
        ]
        return rows.filter(pk__in=fitting)

    def _asks_for_domains(self) -> bool:
        said = self.request._request.GET.get("is_domain")
        return bool(parse_bool(said, field="is_domain", default=False))

    def _domain(self, domain: Domain, *, status: int = 200) -> Response:
        self.resource = ACTING
        return self.answer(domain, status=status)
