"""/default-security-group-rules."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.default_rules import DEFAULT_RULE
from network.manager import DefaultRuleManager


class DefaultRuleViewSet(NounViewSet):
    """What new security groups have in them."""

    manager = DefaultRuleManager
    resource = DEFAULT_RULE
