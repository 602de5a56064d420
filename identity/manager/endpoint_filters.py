"""Which endpoints a project's catalog has: all of them, unless some were chosen for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.exceptions import AssociationNotFound, EndpointNotFound
from identity.ids import undashed
from identity.manager.projects import ProjectManager
from identity.models import Endpoint, EndpointGroup, Project, Service

#: What the filters of an endpoint group are about: columns of endpoints.
FILTERS = ("service_id", "region_id", "interface")


@dataclass(frozen=True, slots=True)
class Offer:
    """A service in a catalog, with those of its endpoints that the catalog has."""

    service: Service
    endpoints: Sequence[Endpoint]


class EndpointFilterManager(Manager):
    """Endpoints chosen for projects, one by one; by groups: ``EndpointGroupManager``."""

    @policy("identity:endpoint_filters:list")
    def endpoints_of(self, project_id: str) -> QuerySet[Endpoint]:
        """Return the endpoints chosen for a project, groups counted; raise ProjectNotFound."""
        project = ProjectManager(self.context).get(project_id)
        return Endpoint.objects.filter(_chosen_for(project)).distinct()

    @policy("identity:endpoint_filters:list")
    def groups_of(self, project_id: str) -> QuerySet[EndpointGroup]:
        """Return the endpoint groups of a project; raise ProjectNotFound."""
        return ProjectManager(self.context).get(project_id).endpoint_groups.all()

    @policy("identity:endpoint_filters:list")
    def projects_of(self, endpoint_id: str) -> QuerySet[Project]:
        """Return the projects that an endpoint was chosen for; raise EndpointNotFound."""
        return _endpoint(endpoint_id).projects.all()

    @policy("identity:endpoint_filters:check")
    def check(self, project_id: str, endpoint_id: str) -> None:
        """Raise AssociationNotFound unless the endpoint was chosen for the project."""
        project, endpoint = self._both(project_id, endpoint_id)
        if not endpoint.projects.filter(pk=project.pk).exists():
            raise AssociationNotFound

    @policy("identity:endpoint_filters:create")
    def add(self, project_id: str, endpoint_id: str) -> None:
        """Choose an endpoint for a project; nothing happens if it is."""
        project, endpoint = self._both(project_id, endpoint_id)
        endpoint.projects.add(project)

    @policy("identity:endpoint_filters:delete")
    def remove(self, project_id: str, endpoint_id: str) -> None:
        """Choose it no longer; raise AssociationNotFound."""
        self.check(project_id, endpoint_id)
        project, endpoint = self._both(project_id, endpoint_id)
        endpoint.projects.remove(project)

    def _both(self, project_id: str, endpoint_id: str) -> tuple[Project, Endpoint]:
        return ProjectManager(self.context).get(project_id), _endpoint(endpoint_id)


def offers_to(project_id: str) -> list[Offer]:
    """Return the enabled services with their endpoints, narrowed to what was chosen for a project.

    Where nothing fits what was chosen, or nothing was, all are there. Two statements, and one more
    with a project.
    """
    chosen = Project.objects.filter(pk=project_id, endpoints=OuterRef("pk"))
    endpoints = Endpoint.objects.annotate(chosen=Exists(chosen)).order_by("interface", "id")
    services = list(
        Service.objects.filter(enabled=True)
        .prefetch_related(Prefetch("endpoints", queryset=endpoints))
        .order_by("type", "id")
    )
    filters = _filters_of(project_id) if project_id else []
    offers = [Offer(one, tuple(one.endpoints.all())) for one in services]
    narrow = [Offer(one.service, _narrowed(one.endpoints, filters)) for one in offers]
    return narrow if any(one.endpoints for one in narrow) else offers


def fitting(filters: dict[str, Any]) -> Q:
    """Return the condition of the endpoints that an endpoint group means."""
    return Q(**{name: _stored(name, filters[name]) for name in FILTERS if name in filters})


def _stored(name: str, value: str) -> str:
    return undashed(value) if name == "service_id" else value


def _narrowed(endpoints: Sequence[Any], filters: list[dict[str, Any]]) -> tuple[Endpoint, ...]:
    return tuple(one for one in endpoints if one.chosen or any(_fits(one, f) for f in filters))


def _fits(endpoint: Endpoint, filters: dict[str, Any]) -> bool:
    return all(getattr(endpoint, name) == _stored(name, v) for name, v in filters.items())


def _filters_of(project_id: str) -> list[dict[str, Any]]:
    rows = EndpointGroup.objects.filter(projects=project_id)
    return list(rows.values_list("filters", flat=True))


def _chosen_for(project: Project) -> Q:
    chosen = Q(projects=project)
    for filters in _filters_of(project.pk):
        chosen |= fitting(filters)
    return chosen


def _endpoint(endpoint_id: str) -> Endpoint:
    endpoint = Endpoint.objects.filter(pk=undashed(endpoint_id)).first()
    if endpoint is None:
        raise EndpointNotFound(endpoint_id)
    return endpoint
