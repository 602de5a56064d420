"""/auto-allocated-topology: get me a network."""

from __future__ import annotations

from typing import Annotated

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, within
from cloudweb.api.shown import Form, Of, shown
from cloudweb.api.views import ServiceViewSet, empty
from network.manager import AutoAllocatedTopologyManager

DRY_RUN = "dry-run"


class TopologyShown(Answer):
    """The project's network; ``dry-run=pass`` where one was only asked for whether it could be."""

    id: Annotated[str, Of("network_id"), Form(str)]
    tenant_id: Annotated[str, Of("project_id")]
    project_id: str


class AutoAllocatedTopologyViewSet(ServiceViewSet):
    """The network that a project gets without asking for its parts."""

    @extend_schema(
        operation_id="network_auto_allocated_topology_get",
        responses={200: within("auto_allocated_topology", TopologyShown)},
    )
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Return it, made if need be; ``fields=dry-run`` tells whether it could be."""
        manager = AutoAllocatedTopologyManager(self.context)
        if DRY_RUN in request.query_params.getlist("fields"):
            manager.check(project_id)
            body = {"id": f"{DRY_RUN}=pass", "tenant_id": project_id, "project_id": project_id}
        else:
            (body,) = shown(TopologyShown, [manager.get(project_id)], self.scene)
        return Response({"auto_allocated_topology": body})

    @extend_schema(operation_id="network_auto_allocated_topology_delete", responses={204: None})
    def destroy(self, request: Request, project_id: str) -> Response:
        """Remove it with all its parts."""
        AutoAllocatedTopologyManager(self.context).delete(project_id)
        return empty(204)
