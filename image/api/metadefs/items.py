"""/v2/metadefs/namespaces/{namespace}/{properties,objects,tags}: at most 256 each, so not paged."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import parse_bool
from cloudweb.api.views import ServiceViewSet, empty
from image.api.serializers.metadefs import (
    ObjectCreate,
    ObjectUpdate,
    PropertyBody,
    TagBody,
    TagsBody,
    listing,
    namespace_path,
    object_body,
    properties_body,
    property_body,
    tag_body,
)
from image.manager import MetadefObjectManager, MetadefPropertyManager, MetadefTagManager


class MetadefPropertyViewSet(ServiceViewSet):
    """Properties of a namespace."""

    manager = MetadefPropertyManager

    @extend_schema(operation_id="image_metadef_properties_list", responses={200: dict})
    def list(self, request: Request, namespace: str) -> Response:
        """Return the properties by name."""
        rows = MetadefPropertyManager(self.context).list(namespace)
        return Response(listing("properties", properties_body(rows)))

    @extend_schema(
        operation_id="image_metadef_properties_create", request=PropertyBody, responses={201: dict}
    )
    def create(self, request: Request, namespace: str) -> Response:
        """Define a property."""
        wanted = self.validated(PropertyBody)
        made = MetadefPropertyManager(self.context).create(
            namespace, name=wanted.name, schema=wanted.schema_sent()
        )
        return Response(property_body(made), status=201)

    @extend_schema(operation_id="image_metadef_properties_get", responses={200: dict})
    def retrieve(self, request: Request, namespace: str, name: str) -> Response:
        """Return a property."""
        return Response(property_body(MetadefPropertyManager(self.context).get(namespace, name)))

    @extend_schema(
        operation_id="image_metadef_properties_update", request=PropertyBody, responses={200: dict}
    )
    def update(self, request: Request, namespace: str, name: str) -> Response:
        """Define a property anew."""
        wanted = self.validated(PropertyBody)
        changes = {"name": wanted.name, "schema": wanted.schema_sent()}
        changed = MetadefPropertyManager(self.context).update(namespace, name, changes)
        return Response(property_body(changed))

    @extend_schema(operation_id="image_metadef_properties_delete", responses={204: None})
    def destroy(self, request: Request, namespace: str, name: str) -> Response:
        """Take a property away."""
        MetadefPropertyManager(self.context).delete(namespace, name)
        return empty(204)

    @extend_schema(operation_id="image_metadef_properties_clear", responses={204: None})
    def clear(self, request: Request, namespace: str) -> Response:
        """Take all properties away."""
        MetadefPropertyManager(self.context).clear(namespace)
        return empty(204)


class MetadefObjectViewSet(ServiceViewSet):
    """Objects of a namespace."""

    manager = MetadefObjectManager

    @extend_schema(operation_id="image_metadef_objects_list", responses={200: dict})
    def list(self, request: Request, namespace: str) -> Response:
        """Return the objects."""
        rows = MetadefObjectManager(self.context).list(namespace)
        path = f"{namespace_path(namespace)}/objects"
        return Response(
            listing("objects", [object_body(namespace, row) for row in rows], path=path)
        )

    @extend_schema(
        operation_id="image_metadef_objects_create", request=ObjectCreate, responses={201: dict}
    )
    def create(self, request: Request, namespace: str) -> Response:
        """Define an object."""
        wanted = self.validated(ObjectCreate)
        made = MetadefObjectManager(self.context).create(namespace, **wanted.columns())
        return Response(object_body(namespace, made), status=201)

    @extend_schema(operation_id="image_metadef_objects_get", responses={200: dict})
    def retrieve(self, request: Request, namespace: str, name: str) -> Response:
        """Return an object."""
        found = MetadefObjectManager(self.context).get(namespace, name)
        return Response(object_body(namespace, found))

    @extend_schema(
        operation_id="image_metadef_objects_update", request=ObjectUpdate, responses={200: dict}
    )
    def update(self, request: Request, namespace: str, name: str) -> Response:
        """Change an object; what is absent stays."""
        changes = self.validated(ObjectUpdate).columns()
        changed = MetadefObjectManager(self.context).update(namespace, name, changes)
        return Response(object_body(namespace, changed))

    @extend_schema(operation_id="image_metadef_objects_delete", responses={204: None})
    def destroy(self, request: Request, namespace: str, name: str) -> Response:
        """Take an object away."""
        MetadefObjectManager(self.context).delete(namespace, name)
        return empty(204)

    @extend_schema(operation_id="image_metadef_objects_clear", responses={204: None})
    def clear(self, request: Request, namespace: str) -> Response:
        """Take all objects away."""
        MetadefObjectManager(self.context).clear(namespace)
        return empty(204)


class MetadefTagViewSet(ServiceViewSet):
    """Tags of a namespace."""

    manager = MetadefTagManager

    @extend_schema(operation_id="image_metadef_tags_list", responses={200: dict})
    def list(self, request: Request, namespace: str) -> Response:
        """Return the tags."""
        rows = MetadefTagManager(self.context).list(namespace)
        path = f"{namespace_path(namespace)}/tags"
        return Response(listing("tags", [tag_body(row) for row in rows], path=path))

    @extend_schema(
        operation_id="image_metadef_tags_replace", request=TagsBody, responses={201: dict}
    )
    def replace(self, request: Request, namespace: str) -> Response:
        """Let these be the tags; with the header ``X-OpenStack-Append: True`` add them."""
        names = [tag.name for tag in self.validated(TagsBody).tags]
        keep = parse_bool(request.headers.get("X-OpenStack-Append"), field="X-OpenStack-Append")
        rows = MetadefTagManager(self.context).replace(namespace, names, keep=bool(keep))
        return Response(listing("tags", [tag_body(row) for row in rows]), status=201)

    @extend_schema(operation_id="image_metadef_tags_get", responses={200: dict})
    def retrieve(self, request: Request, namespace: str, name: str) -> Response:
        """Return a tag."""
        return Response(tag_body(MetadefTagManager(self.context).get(namespace, name)))

    @extend_schema(operation_id="image_metadef_tags_create", request=None, responses={201: dict})
    def create(self, request: Request, namespace: str, name: str) -> Response:
        """Add the tag that the path names."""
        wanted = self.validated(TagBody, {"name": name})
        made = MetadefTagManager(self.context).create(namespace, name=wanted.name)
        return Response(tag_body(made), status=201)

    @extend_schema(operation_id="image_metadef_tags_update", request=TagBody, responses={200: dict})
    def update(self, request: Request, namespace: str, name: str) -> Response:
        """Rename a tag."""
        changes = {"name": self.validated(TagBody).name}
        return Response(tag_body(MetadefTagManager(self.context).update(namespace, name, changes)))

    @extend_schema(operation_id="image_metadef_tags_delete", responses={204: None})
    def destroy(self, request: Request, namespace: str, name: str) -> Response:
        """Take a tag away."""
        MetadefTagManager(self.context).delete(namespace, name)
        return empty(204)

    @extend_schema(operation_id="image_metadef_tags_clear", responses={204: None})
    def clear(self, request: Request, namespace: str) -> Response:
        """Take all tags away."""
        MetadefTagManager(self.context).clear(namespace)
        return empty(204)
