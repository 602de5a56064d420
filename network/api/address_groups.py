"""/address-groups."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from network.api.resource import NounViewSet
from network.api.serializers.address_groups import ADDRESS_GROUP, Addresses
from network.manager import AddressGroupManager


class AddressGroupViewSet(NounViewSet):
    """Address groups."""

    manager = AddressGroupManager
    resource = ADDRESS_GROUP

    @extend_schema(
        operation_id="network_address_groups_add_addresses",
        request=Addresses,
        responses={200: ADDRESS_GROUP.one()},
    )
    def add_addresses(self, request: Request, identifier: str) -> Response:
        """Add addresses, all or none."""
        wanted = self.validated(Addresses).addresses
        return self.answer(self._manager().add_addresses(identifier, wanted))

    @extend_schema(
        operation_id="network_address_groups_remove_addresses",
        request=Addresses,
        responses={200: ADDRESS_GROUP.one()},
    )
    def remove_addresses(self, request: Request, identifier: str) -> Response:
        """Take addresses away, all or none."""
        wanted = self.validated(Addresses).addresses
        return self.answer(self._manager().remove_addresses(identifier, wanted))
