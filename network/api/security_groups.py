"""/security-groups."""

from __future__ import annotations

from network.api.resource import ResourceViewSet
from network.api.serializers.security_groups import SECURITY_GROUP
from network.manager import SecurityGroupManager


class SecurityGroupViewSet(ResourceViewSet):
    """Security groups."""

    manager = SecurityGroupManager
    resource = SECURITY_GROUP
