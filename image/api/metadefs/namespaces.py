"""/v2/metadefs/namespaces."""

from __future__ import annotations

from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api import answers
from cloudweb.api.links import base_url
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import InvalidInput
from image.api.serializers.metadefs import (
    NamespaceCreate,
    NamespaceListed,
    NamespaceShown,
    NamespaceUpdate,
    listing,
)
from image.manager import MetadefNamespaceManager
from image.metadefs import DEFAULT_ORDER, SORT_KEYS, NamespaceFilter

_PATH = "/v2/metadefs/namespaces"
_LIMIT = 25
#: With links relative to the service.
NAMESPACES = answers.listing("namespaces", NamespaceListed, first=str, next=str | None, schema=str)


class MetadefNamespaceViewSet(ServiceViewSet):
    """Namespaces of metadata definitions."""

    manager = MetadefNamespaceManager

    @extend_schema(operation_id="image_metadef_namespaces_list", responses={200: NAMESPACES})
    def list(self, request: Request) -> Response:
        """Return a page of namespaces with what they are for."""
        query = request._request.GET
        page = self.manager(self.context).list(
            wanted=_filter(query),
            order=_order(query),
            marker=query.get("marker"),
            limit=parse_limit(query.get("limit"), default=_LIMIT),
        )
        rows = self.shown_all(NamespaceListed, page.rows)
        links = links_after(request, "namespaces", page, "namespace")
        return Response({**listing("namespaces", rows), **links})

    @extend_schema(
        operation_id="image_metadef_namespaces_create",
        request=NamespaceCreate,
        responses={201: NamespaceShown},
    )
    def create(self, request: Request) -> Response:
        """Record a namespace and what it holds, as a whole or not at all."""
        wanted = self.validated(NamespaceCreate)
        manager = self.manager(self.context)
        made = manager.create(
            **wanted.columns(),
            properties={name: one.schema_sent() for name, one in wanted.properties.items()},
            objects=[one.columns() for one in wanted.objects],
            tags=[one.name for one in wanted.tags],
            associations=[one.model_dump() for one in wanted.resource_type_associations],
        )
        location = f"{base_url(request._request)}/image{_PATH}/{made.namespace}"
        body = self.shown(NamespaceShown, made)
        return Response(body, status=201, headers={"Location": location})

    @extend_schema(operation_id="image_metadef_namespaces_get", responses={200: NamespaceShown})
    def retrieve(self, request: Request, namespace: str) -> Response:
        """Return a namespace; ``resource_type`` gives its properties the prefix they have there."""
        return Response(self.shown(NamespaceShown, self.manager(self.context).get(namespace)))

    @extend_schema(
        operation_id="image_metadef_namespaces_update",
        request=NamespaceUpdate,
        responses={200: NamespaceShown},
    )
    def update(self, request: Request, namespace: str) -> Response:
        """Change a namespace; what is absent stays."""
        changes = self.validated(NamespaceUpdate).columns()
        changed = self.manager(self.context).update(namespace, changes)
        return Response(self.shown(NamespaceShown, changed))

    @extend_schema(operation_id="image_metadef_namespaces_delete", responses={204: None})
    def destroy(self, request: Request, namespace: str) -> Response:
        """Delete a namespace with all that is in it."""
        self.manager(self.context).delete(namespace)
        return empty(204)


def _filter(query: QueryDict) -> NamespaceFilter:
    visibility = query.get("visibility")
    if visibility not in (None, "public", "private"):
        raise InvalidInput(field="visibility", value=visibility, reason="One of public, private.")
    kinds = tuple(kind for kind in str(query.get("resource_types", "")).split(",") if kind)
    return NamespaceFilter(visibility=visibility, resource_types=kinds)


def _order(query: QueryDict) -> tuple[str, ...]:
    key, direction = query.get("sort_key", "created_at"), query.get("sort_dir", "desc")
    if key not in SORT_KEYS or direction not in ("asc", "desc"):
        raise InvalidInput(
            field="sort_key",
            value=f"{key}:{direction}",
            reason=f"Keys are {', '.join(sorted(SORT_KEYS))}, directions asc and desc.",
        )
    first = str(key) if direction == "asc" else f"-{key}"
    return (first, *(one for one in DEFAULT_ORDER if one.lstrip("-") != key))
