"""What hangs below a server: addresses, metadata, groups, cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest, NotFound
from instances.api.serializers.network_proxies import rules
from instances.api.serializers.server import addresses
from instances.api.serializers.server_bodies import MetadataBody, MetadataItem
from instances.api.serializers.server_shown import BareAddresses, GroupOfServer
from instances.manager import InstanceManager, ports_of
from network.manager import SecurityGroupManager
from network.rows import PortCard


class ServerMetadataViewSet(ServiceViewSet):
    """The metadata of a server."""

    manager = InstanceManager

    @extend_schema(responses={200: MetadataBody})
    def list(self, request: Request, server_id: str) -> Response:
        """Show all items."""
        return Response({"metadata": self.manager(self.context).metadata(server_id)})

    @extend_schema(request=MetadataBody, responses={200: MetadataBody})
    def merge(self, request: Request, server_id: str) -> Response:
        """Add or change items."""
        items = self.validated(MetadataBody).metadata
        return Response({"metadata": self.manager(self.context).update_metadata(server_id, items)})

    @extend_schema(request=MetadataBody, responses={200: MetadataBody})
    def replace(self, request: Request, server_id: str) -> Response:
        """Replace all items."""
        items = self.validated(MetadataBody).metadata
        return Response({"metadata": self.manager(self.context).replace_metadata(server_id, items)})

    @extend_schema(responses={200: MetadataItem})
    def retrieve(self, request: Request, server_id: str, key: str) -> Response:
        """Show one item."""
        return Response({"meta": {key: self.manager(self.context).metadata_item(server_id, key)}})

    @extend_schema(request=MetadataItem, responses={200: MetadataItem})
    def update(self, request: Request, server_id: str, key: str) -> Response:
        """Set one item."""
        item = self.validated(MetadataItem).meta
        if key not in item:
            raise BadRequest("Request body and URI mismatch")
        self.manager(self.context).update_metadata(server_id, item)
        return Response({"meta": item})

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, server_id: str, key: str) -> Response:
        """Remove one item."""
        self.manager(self.context).delete_metadata_item(server_id, key)
        return empty(204)


class ServerPortViewSet(ServiceViewSet):
    """What a server's ports say about it."""

    manager = InstanceManager

    def _ports(self, server_id: str) -> Sequence[PortCard]:
        instance = InstanceManager(self.context).get(server_id)
        return ports_of(self.context, [instance])[str(instance.id)]

    @extend_schema(responses={200: within("addresses", BareAddresses)})
    def addresses(self, request: Request, server_id: str) -> Response:
        """Show all addresses by network."""
        found = addresses(self._ports(server_id))
        return Response({"addresses": {name: _bare(list_) for name, list_ in found.items()}})

    @extend_schema(responses={200: BareAddresses})
    def addresses_of(self, request: Request, server_id: str, label: str) -> Response:
        """Show the addresses on one network."""
        found = addresses(self._ports(server_id))
        if label not in found:
            raise NotFound("Network name is not found")
        return Response({label: _bare(found[label])})

    @extend_schema(responses={200: listing("security_groups", GroupOfServer)})
    def security_groups(self, request: Request, server_id: str) -> Response:
        """Show the security groups of a server's ports."""
        manager = SecurityGroupManager(self.context)
        groups = {group.id for port in self._ports(server_id) for group in port.groups}
        rows = [manager.get(group_id) for group_id in sorted(groups)]
        return Response(
            {
                "security_groups": [
                    {
                        "id": str(row.id),
                        "name": row.name,
                        "description": row.description,
                        "tenant_id": row.project_id,
                        "rules": rules(row),
                    }
                    for row in rows
                ]
            }
        )


def _bare(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"version": one["version"], "addr": one["addr"]} for one in found]
