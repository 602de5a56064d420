"""/subnetpools."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from network.api.resource import NounViewSet
from network.api.serializers.subnet_pools import SUBNET_POOL, Onboarding, Prefixes
from network.manager import SubnetPoolManager


class SubnetPoolViewSet(NounViewSet):
    """Subnet pools."""

    manager = SubnetPoolManager
    resource = SUBNET_POOL

    @extend_schema(
        operation_id="network_subnetpools_add_prefixes",
        request=Prefixes,
        responses={200: Prefixes},
    )
    def add_prefixes(self, request: Request, identifier: str) -> Response:
        """Add prefixes; return all."""
        wanted = self.validated(Prefixes).prefixes
        return Response({"prefixes": self._manager().add_prefixes(identifier, wanted)})

    @extend_schema(
        operation_id="network_subnetpools_remove_prefixes",
        request=Prefixes,
        responses={200: Prefixes},
    )
    def remove_prefixes(self, request: Request, identifier: str) -> Response:
        """Take prefixes away; return what is left."""
        wanted = self.validated(Prefixes).prefixes
        return Response({"prefixes": self._manager().remove_prefixes(identifier, wanted)})

    @extend_schema(
        operation_id="network_subnetpools_onboard",
        request=Onboarding,
        responses={200: Onboarding},
    )
    def onboard_network_subnets(self, request: Request, identifier: str) -> Response:
        """Take the subnets of a network into the pool."""
        network_id = self.validated(Onboarding).network_id
        self._manager().onboard_network_subnets(identifier, network_id)
        return Response({"network_id": str(network_id)})
