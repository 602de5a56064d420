"""/quotas: limits of projects."""

from __future__ import annotations

from typing import Annotated, Any

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing, within
from cloudweb.api.fields import Body, LooseBool
from cloudweb.api.views import ServiceViewSet, empty
from network.api.serializers.attributes import FROM_TEXT
from network.manager import QuotaManager

Limit = Annotated[int, Field(strict=True, ge=-1, le=2**31 - 1), FROM_TEXT]


class QuotaUpdate(Body):
    """PUT /quotas/{project}. Without ``force`` no limit is below what is used; ``check_limit`` says the same."""

    check_limit: LooseBool = False
    force: LooseBool | None = None

    network: Limit = 0
    subnet: Limit = 0
    port: Limit = 0
    router: Limit = 0
    floatingip: Limit = 0
    security_group: Limit = 0
    security_group_rule: Limit = 0
    rbac_policy: Limit = 0
    subnetpool: Limit = 0
    address_scope: Limit = 0
    address_group: Limit = 0
    trunk: Limit = 0


class QuotaShown(Answer):
    """Limits of a project; -1 is none."""

    network: int
    subnet: int
    port: int
    router: int
    floatingip: int
    security_group: int
    security_group_rule: int
    rbac_policy: int
    subnetpool: int
    address_scope: int
    address_group: int
    trunk: int


class QuotaOf(QuotaShown):
    """Whose they are, too."""

    tenant_id: str
    project_id: str


class ProjectShown(Answer):
    """Whose quota the caller would get."""

    tenant_id: str
    project_id: str


class Usage(Answer):
    """A limit beside what is used."""

    limit: int
    used: int
    reserved: int


QUOTA = within("quota", QuotaShown)


class QuotaViewSet(ServiceViewSet):
    """Limits of projects; -1 is none."""

    @extend_schema(operation_id="network_quotas_list", responses={200: listing("quotas", QuotaOf)})
    def list(self, request: Request) -> Response:
        """Return the limits of every project that has some of its own."""
        found = QuotaManager(self.context).list()
        quotas = [
            {"tenant_id": project, "project_id": project, **limits}
            for project, limits in found.items()
        ]
        return Response({"quotas": quotas})

    @extend_schema(responses={200: within("tenant", ProjectShown)})  # two paths, so two ids
    def project(self, request: Request) -> Response:
        """Return whose quota the caller would get."""
        project = self.context.scoped_project_id
        return Response({"tenant": {"tenant_id": project, "project_id": project}})

    @extend_schema(operation_id="network_quotas_get", responses={200: QUOTA})
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Return the limits of a project."""
        return Response({"quota": QuotaManager(self.context).get(project_id)})

    @extend_schema(operation_id="network_quotas_defaults", responses={200: QUOTA})
    def defaults(self, request: Request, project_id: str) -> Response:
        """Return the limits of a project without limits of its own."""
        return Response({"quota": QuotaManager(self.context).get_defaults(project_id)})

    @extend_schema(
        operation_id="network_quotas_details", responses={200: within("quota", dict[str, Usage])}
    )
    def details(self, request: Request, project_id: str) -> Response:
        """Return limits beside what is used; what is used was never reserved before."""
        manager = QuotaManager(self.context)
        used = manager.used(project_id)
        found: dict[str, Any] = {
            name: {"limit": limit, "used": used[name], "reserved": 0}
            for name, limit in manager.get(project_id).items()
        }
        return Response({"quota": found})

    @extend_schema(
        operation_id="network_quotas_update",
        request=within("quota", QuotaUpdate),
        responses={200: QUOTA},
    )
    def update(self, request: Request, project_id: str) -> Response:
        """Set some limits; return all."""
        wanted = self.validated(QuotaUpdate, self.body("quota"))
        changes = wanted.model_dump(exclude_unset=True, exclude={"check_limit", "force"})
        manager = QuotaManager(self.context)
        found = manager.update(project_id, changes, above_used=not wanted.force)
        return Response({"quota": found})

    @extend_schema(operation_id="network_quotas_delete", responses={204: None})
    def destroy(self, request: Request, project_id: str) -> Response:
        """Put a project back to the defaults."""
        QuotaManager(self.context).delete(project_id)
        return empty(204)
