"""/rbac-policies."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.rbac_policies import RBAC_POLICY
from network.manager import RbacPolicyManager


class RbacPolicyViewSet(NounViewSet):
    """What projects let others use."""

    manager = RbacPolicyManager
    resource = RBAC_POLICY
