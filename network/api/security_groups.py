"""/security-groups."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.security_groups import SECURITY_GROUP
from network.manager import SecurityGroupManager


class SecurityGroupViewSet(NounViewSet):
    """Security groups."""

    manager = SecurityGroupManager
    resource = SECURITY_GROUP
