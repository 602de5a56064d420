"""/v2/metadefs/resource_types, and what a namespace is for."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.views import ServiceViewSet, empty
from image.api.serializers.metadefs import AssociationCreate, AssociationShown, ResourceTypeShown
from image.manager import MetadefResourceTypeManager

TYPES = listing("resource_types", ResourceTypeShown, schema=str)
ASSOCIATIONS = listing("resource_type_associations", AssociationShown)


class MetadefResourceTypeViewSet(ServiceViewSet):
    """Resource types."""

    manager = MetadefResourceTypeManager

    @extend_schema(operation_id="image_metadef_resource_types_all", responses={200: TYPES})
    def list_types(self, request: Request) -> Response:
        """Return all resource types: at most 256."""
        rows = self.shown_all(ResourceTypeShown, self.manager(self.context).list_types())
        return Response({"resource_types": rows, "schema": "/v2/schemas/metadefs/resource_types"})

    @extend_schema(operation_id="image_metadef_resource_types_list", responses={200: ASSOCIATIONS})
    def list(self, request: Request, namespace: str) -> Response:
        """Return what a namespace is for."""
        rows = self.manager(self.context).list(namespace)
        return Response({"resource_type_associations": self.shown_all(AssociationShown, rows)})

    @extend_schema(
        operation_id="image_metadef_resource_types_associate",
        request=AssociationCreate,
        responses={201: AssociationShown},
    )
    def associate(self, request: Request, namespace: str) -> Response:
        """Say that a namespace is for a resource type."""
        wanted = self.validated(AssociationCreate)
        made = self.manager(self.context).associate(
            namespace,
            name=wanted.name,
            prefix=wanted.prefix,
            properties_target=wanted.properties_target,
        )
        return Response(self.shown(AssociationShown, made), status=201)

    @extend_schema(operation_id="image_metadef_resource_types_dissociate", responses={204: None})
    def dissociate(self, request: Request, namespace: str, name: str) -> Response:
        """Say that a namespace is not for a resource type."""
        self.manager(self.context).dissociate(namespace, name)
        return empty(204)
