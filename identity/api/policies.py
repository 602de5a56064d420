"""/policies."""

from __future__ import annotations

from identity.api.resource import NounViewSet
from identity.api.serializers.policies import POLICY
from identity.manager import PolicyManager


class PolicyViewSet(NounViewSet):
    """Documents that other services keep here."""

    manager = PolicyManager
    resource = POLICY
