"""/subnets."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.subnets import SUBNET
from network.manager import SubnetManager


class SubnetViewSet(NounViewSet):
    """Subnets."""

    manager = SubnetManager
    resource = SUBNET
