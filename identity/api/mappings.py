"""/OS-FEDERATION/mappings."""

from __future__ import annotations

from identity.api.resource import NamedViewSet
from identity.api.serializers.federation import MAPPING
from identity.manager import MappingManager


class MappingViewSet(NamedViewSet):
    """Rules that turn a provider's claims into users here."""

    manager = MappingManager
    resource = MAPPING
