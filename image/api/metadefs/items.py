"""/v2/metadefs/namespaces/{namespace}/{properties,objects,tags}: at most 256 each, so not paged."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api import answers
from cloudweb.api.answers import within
from cloudweb.api.fields import parse_bool
from cloudweb.api.views import ServiceViewSet, empty
from image.api.serializers.metadefs import (
    ObjectCreate,
    ObjectShown,
    ObjectUpdate,
    PropertyBody,
    PropertyShown,
    TagBody,
    TagsBody,
    TagShown,
    listing,
    namespace_path,
    properties_of,
)
from image.manager import MetadefObjectManager, MetadefPropertyManager, MetadefTagManager

PROPERTIES = within("properties", dict[str, dict[str, Any]], schema=str)
OBJECTS = answers.listing("objects", ObjectShown, first=str, schema=str)
TAGS = answers.listing("tags", TagShown, first=str | None, schema=str)


class MetadefPropertyViewSet(ServiceViewSet):
    """Properties of a namespace."""

    manager = MetadefPropertyManager

    @extend_schema(operation_id="image_metadef_properties_list", responses={200: PROPERTIES})
    def list(self, request: Request, namespace: str) -> Response:
        """Return the properties by name."""
        rows = self.manager(self.context).list(namespace)
        return Response(listing("properties", properties_of(rows)))

    @extend_schema(
        operation_id="image_metadef_properties_create",
        request=PropertyBody,
        responses={201: PropertyShown},
    )
    def create(self, request: Request, namespace: str) -> Response:
        """Define a property."""
        wanted = self.validated(PropertyBody)
        made = self.manager(self.context).create(
            namespace, name=wanted.name, schema=wanted.schema_sent()
        )
        return Response(self.shown(PropertyShown, made), status=201)

    @extend_schema(operation_id="image_metadef_properties_get", responses={200: PropertyShown})
    def retrieve(self, request: Request, namespace: str, name: str) -> Response:
        """Return a property."""
        found = self.manager(self.context).get(namespace, name)
        return Response(self.shown(PropertyShown, found))

    @extend_schema(
        operation_id="image_metadef_properties_update",
        request=PropertyBody,
        responses={200: PropertyShown},
    )
    def update(self, request: Request, namespace: str, name: str) -> Response:
        """Define a property anew."""
        wanted = self.validated(PropertyBody)
        changes = {"name": wanted.name, "schema": wanted.schema_sent()}
        changed = self.manager(self.context).update(namespace, name, changes)
        return Response(self.shown(PropertyShown, changed))

    @extend_schema(operation_id="image_metadef_properties_delete", responses={204: None})
    def destroy(self, request: Request, namespace: str, name: str) -> Response:
        """Take a property away."""
        self.manager(self.context).delete(namespace, name)
        return empty(204)

    @extend_schema(operation_id="image_metadef_properties_clear", responses={204: None})
    def clear(self, request: Request, namespace: str) -> Response:
        """Take all properties away."""
        self.manager(self.context).clear(namespace)
        return empty(204)


class MetadefObjectViewSet(ServiceViewSet):
    """Objects of a namespace."""

    manager = MetadefObjectManager

    @extend_schema(operation_id="image_metadef_objects_list", responses={200: OBJECTS})
    def list(self, request: Request, namespace: str) -> Response:
        """Return the objects."""
        rows = self.manager(self.context).list(namespace)
        path = f"{namespace_path(namespace)}/objects"
        return Response(listing("objects", self.shown_all(ObjectShown, rows), path=path))

    @extend_schema(
        operation_id="image_metadef_objects_create",
        request=ObjectCreate,
        responses={201: ObjectShown},
    )
    def create(self, request: Request, namespace: str) -> Response:
        """Define an object."""
        wanted = self.validated(ObjectCreate)
        made = self.manager(self.context).create(namespace, **wanted.columns())
        return Response(self.shown(ObjectShown, made), status=201)

    @extend_schema(operation_id="image_metadef_objects_get", responses={200: ObjectShown})
    def retrieve(self, request: Request, namespace: str, name: str) -> Response:
        """Return an object."""
        found = self.manager(self.context).get(namespace, name)
        return Response(self.shown(ObjectShown, found))

    @extend_schema(
        operation_id="image_metadef_objects_update",
        request=ObjectUpdate,
        responses={200: ObjectShown},
    )
    def update(self, request: Request, namespace: str, name: str) -> Response:
        """Change an object; what is absent stays."""
        changes = self.validated(ObjectUpdate).columns()
        changed = self.manager(self.context).update(namespace, name, changes)
        return Response(self.shown(ObjectShown, changed))

    @extend_schema(operation_id="image_metadef_objects_delete", responses={204: None})
    def destroy(self, request: Request, namespace: str, name: str) -> Response:
        """Take an object away."""
        self.manager(self.context).delete(namespace, name)
        return empty(204)

    @extend_schema(operation_id="image_metadef_objects_clear", responses={204: None})
    def clear(self, request: Request, namespace: str) -> Response:
        """Take all objects away."""
        self.manager(self.context).clear(namespace)
        return empty(204)


class MetadefTagViewSet(ServiceViewSet):
    """Tags of a namespace."""

    manager = MetadefTagManager

    @extend_schema(operation_id="image_metadef_tags_list", responses={200: TAGS})
    def list(self, request: Request, namespace: str) -> Response:
        """Return the tags."""
        rows = self.manager(self.context).list(namespace)
        path = f"{namespace_path(namespace)}/tags"
        return Response(listing("tags", self.shown_all(TagShown, rows), path=path))

    @extend_schema(
        operation_id="image_metadef_tags_replace", request=TagsBody, responses={201: TAGS}
    )
    def replace(self, request: Request, namespace: str) -> Response:
        """Let these be the tags; with the header ``X-OpenStack-Append: True`` add them."""
        names = [tag.name for tag in self.validated(TagsBody).tags]
        keep = parse_bool(request.headers.get("X-OpenStack-Append"), field="X-OpenStack-Append")
        rows = self.manager(self.context).replace(namespace, names, keep=bool(keep))
        return Response(listing("tags", self.shown_all(TagShown, rows)), status=201)

    @extend_schema(operation_id="image_metadef_tags_get", responses={200: TagShown})
    def retrieve(self, request: Request, namespace: str, name: str) -> Response:
        """Return a tag."""
        return Response(self.shown(TagShown, self.manager(self.context).get(namespace, name)))

    @extend_schema(
        operation_id="image_metadef_tags_create", request=None, responses={201: TagShown}
    )
    def create(self, request: Request, namespace: str, name: str) -> Response:
        """Add the tag that the path names."""
        wanted = self.validated(TagBody, {"name": name})
        made = self.manager(self.context).create(namespace, name=wanted.name)
        return Response(self.shown(TagShown, made), status=201)

    @extend_schema(
        operation_id="image_metadef_tags_update", request=TagBody, responses={200: TagShown}
    )
    def update(self, request: Request, namespace: str, name: str) -> Response:
        """Rename a tag."""
        changes = {"name": self.validated(TagBody).name}
        changed = self.manager(self.context).update(namespace, name, changes)
        return Response(self.shown(TagShown, changed))

    @extend_schema(operation_id="image_metadef_tags_delete", responses={204: None})
    def destroy(self, request: Request, namespace: str, name: str) -> Response:
        """Take a tag away."""
        self.manager(self.context).delete(namespace, name)
        return empty(204)

    @extend_schema(operation_id="image_metadef_tags_clear", responses={204: None})
    def clear(self, request: Request, namespace: str) -> Response:
        """Take all tags away."""
        self.manager(self.context).clear(namespace)
        return empty(204)
