"""/registered_limits."""

from __future__ import annotations

from identity.api.resource import SeveralViewSet
from identity.api.serializers.limits import REGISTERED_LIMIT
from identity.manager import RegisteredLimitManager


class RegisteredLimitViewSet(SeveralViewSet):
    """The resources that limits are kept for."""

    manager = RegisteredLimitManager
    resource = REGISTERED_LIMIT
