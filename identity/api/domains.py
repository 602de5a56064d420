"""/domains."""

from __future__ import annotations

from identity.api.resource import NounViewSet
from identity.api.serializers.domains import DOMAIN
from identity.manager import DomainManager


class DomainViewSet(NounViewSet):
    """Name spaces of users and projects."""

    manager = DomainManager
    resource = DOMAIN
