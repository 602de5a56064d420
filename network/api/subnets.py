"""/subnets."""

from __future__ import annotations

from network.api.resource import ResourceViewSet
from network.api.serializers.subnets import SUBNET
from network.manager import SubnetManager


class SubnetViewSet(ResourceViewSet):
    """Subnets."""

    manager = SubnetManager
    resource = SUBNET
