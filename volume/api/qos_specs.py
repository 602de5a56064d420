"""QoS specs; types come to refer to them, and no longer, by GET."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.fields import parse_bool
from cloudweb.api.links import resource_links
from cloudweb.api.queries import FLAG, parameters
from cloudweb.api.resource import PAGING, SORTING, ResourceViewSet
from cloudweb.api.views import empty
from cloudweb.exceptions import InvalidInput
from volume.api.serializers import qos_specs as wire
from volume.manager import QosSpecManager
from volume.models import QosSpec

ONE = within("qos_specs", wire.QosSpecShown, links=list[Link])
OF_TYPE = parameters("vol_type_id")


class QosSpecViewSet(ResourceViewSet):
    """QoS specs, for admins."""

    manager: ClassVar[type[QosSpecManager]] = QosSpecManager
    resource = wire.QOS_SPEC
    controls = (*PAGING, "sort", *SORTING)

    @extend_schema(request=within("qos_specs", wire.QosSpecCreate), responses={200: ONE})
    def create(self, request: Request, *_: Any, **path: Any) -> Response:
        """Make QoS specs that no type refers to yet (200)."""
        wanted = self.validated(wire.QosSpecCreate, self.body("qos_specs"))
        return self._one(self.manager(self.context).create(**wanted.said()))

    @extend_schema(responses={200: ONE})
    def retrieve(self, request: Request, spec_id: str, **path: Any) -> Response:
        """Return QoS specs."""
        return self._one(self.manager(self.context).get(spec_id))

    @extend_schema(
        request=within("qos_specs", wire.QosSpecUpdate),
        responses={200: within("qos_specs", wire.QosSpecChanged)},
    )
    def update(self, request: Request, spec_id: str, **path: Any) -> Response:
        """Set some keys; the answer holds what was said."""
        body = self.body("qos_specs")
        wanted = self.validated(wire.QosSpecUpdate, body)
        self.manager(self.context).update(spec_id, **wanted.said())
        return Response({"qos_specs": body})

    @extend_schema(parameters=parameters(force=FLAG), responses={202: None})
    def destroy(self, request: Request, spec_id: str, **path: Any) -> Response:
        """Remove QoS specs; those that types refer to only by force (202)."""
        force = parse_bool(request.query_params.get("force"), field="force", default=False)
        self.manager(self.context).delete(spec_id, force=bool(force))
        return empty(202)

    @extend_schema(request=wire.Keys, responses={202: None})
    def delete_keys(self, request: Request, spec_id: str) -> Response:
        """Remove some keys (202)."""
        self.manager(self.context).delete_keys(spec_id, self.validated(wire.Keys).keys)
        return empty(202)

    @extend_schema(
        operation_id="volume_qos_specs_associations",
        responses={200: listing("qos_associations", wire.AssociationShown)},
    )
    def associations(self, request: Request, spec_id: str) -> Response:
        """Return the types that refer to QoS specs."""
        found = self.manager(self.context).associations(spec_id)
        return Response({"qos_associations": self.shown_all(wire.AssociationShown, found)})

    @extend_schema(
        operation_id="volume_qos_specs_associate", parameters=OF_TYPE, responses={202: None}
    )
    def associate(self, request: Request, spec_id: str) -> Response:
        """Let a type refer to QoS specs (202)."""
        self.manager(self.context).associate(spec_id, self._type_id())
        return empty(202)

    @extend_schema(
        operation_id="volume_qos_specs_disassociate", parameters=OF_TYPE, responses={202: None}
    )
    def disassociate(self, request: Request, spec_id: str) -> Response:
        """Let a type refer to QoS specs no longer (202)."""
        self.manager(self.context).disassociate(spec_id, self._type_id())
        return empty(202)

    @extend_schema(operation_id="volume_qos_specs_disassociate_all", responses={202: None})
    def disassociate_all(self, request: Request, spec_id: str) -> Response:
        """Let no type refer to QoS specs (202)."""
        self.manager(self.context).disassociate_all(spec_id)
        return empty(202)

    def _type_id(self) -> str:
        found = self.request.query_params.get("vol_type_id")
        if not found:
            raise InvalidInput(field="vol_type_id", value=found, reason="It must name a type.")
        return found

    def _one(self, row: QosSpec) -> Response:
        links = resource_links(self.request, f"qos-specs/{row.id}")
        return Response({"qos_specs": self.shown(wire.QosSpecShown, row), "links": links})
