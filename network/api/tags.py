"""/{collection}/{id}/tags: labels on every noun."""

from __future__ import annotations

from typing import Annotated

from drf_spectacular.utils import extend_schema
from pydantic import Field, TypeAdapter, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import Body
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import InvalidInput
from network.api.serializers.attributes import Tag
from network.exceptions import TagNotFound
from network.manager import (
    AddressGroupManager,
    AddressScopeManager,
    FloatingIpManager,
    NetworkManager,
    PortManager,
    QosPolicyManager,
    RouterManager,
    SecurityGroupManager,
    SecurityGroupRuleManager,
    SegmentRangeManager,
    SubnetManager,
    SubnetPoolManager,
    TrunkManager,
)
from network.manager.standard import StandardManager

#: The collections whose members carry tags.
MANAGERS: dict[str, type[StandardManager]] = {  # type: ignore[type-arg]
    "networks": NetworkManager,
    "subnets": SubnetManager,
    "ports": PortManager,
    "policies": QosPolicyManager,
    "routers": RouterManager,
    "floatingips": FloatingIpManager,
    "subnetpools": SubnetPoolManager,
    "address-scopes": AddressScopeManager,
    "address-groups": AddressGroupManager,
    "security-groups": SecurityGroupManager,
    "security-group-rules": SecurityGroupRuleManager,
    "trunks": TrunkManager,
    "network_segment_ranges": SegmentRangeManager,
}
_TAG: TypeAdapter[str] = TypeAdapter(Tag)


class Tags(Body):
    """PUT and POST …/tags."""

    tags: Annotated[tuple[Tag, ...], Field(max_length=50)]


class TagViewSet(ServiceViewSet):
    """The tags of one resource."""

    @extend_schema(operation_id="network_tags_list", responses={200: Tags})
    def list(self, request: Request, collection: str, identifier: str) -> Response:
        """Return the tags."""
        return Response({"tags": self._manager(collection).tags(identifier)})

    @extend_schema(operation_id="network_tags_replace", request=Tags, responses={200: Tags})
    def replace(self, request: Request, collection: str, identifier: str) -> Response:
        """Put these tags in place of all others."""
        wanted = self.validated(Tags).tags
        return Response({"tags": self._manager(collection).set_tags(identifier, wanted)})

    @extend_schema(operation_id="network_tags_add", request=Tags, responses={200: Tags})
    def add(self, request: Request, collection: str, identifier: str) -> Response:
        """Add several tags."""
        wanted = self.validated(Tags).tags
        return Response({"tags": self._manager(collection).add_tags(identifier, wanted)})

    @extend_schema(operation_id="network_tags_clear", responses={204: None})
    def clear(self, request: Request, collection: str, identifier: str) -> Response:
        """Take all tags away."""
        self._manager(collection).set_tags(identifier, ())
        return empty(204)

    @extend_schema(operation_id="network_tags_get", responses={204: None})
    def check(self, request: Request, collection: str, identifier: str, tag: str) -> Response:
        """Tell whether the resource carries the tag: 204 or 404."""
        if tag not in self._manager(collection).tags(identifier):
            raise TagNotFound(tag)
        return empty(204)

    @extend_schema(operation_id="network_tags_put", request=None, responses={201: None})
    def put_one(self, request: Request, collection: str, identifier: str, tag: str) -> Response:
        """Add one tag."""
        try:
            wanted = _TAG.validate_python(tag)
        except ValidationError as error:
            raise InvalidInput(field="tag", value=tag, reason="No tag looks like this.") from error
        self._manager(collection).add_tags(identifier, [wanted])
        return empty(201)

    @extend_schema(operation_id="network_tags_delete", responses={204: None})
    def destroy(self, request: Request, collection: str, identifier: str, tag: str) -> Response:
        """Take one tag away."""
        self._manager(collection).remove_tag(identifier, tag)
        return empty(204)

    def _manager(self, collection: str) -> StandardManager:  # type: ignore[type-arg]
        return MANAGERS[collection](self.context)
