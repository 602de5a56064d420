"""/security-group-rules."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.security_group_rules import SECURITY_GROUP_RULE
from network.manager import SecurityGroupRuleManager


class SecurityGroupRuleViewSet(NounViewSet):
    """Security group rules."""

    manager = SecurityGroupRuleManager
    resource = SECURITY_GROUP_RULE
