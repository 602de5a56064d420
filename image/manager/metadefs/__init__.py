"""Managers of metadata definitions."""

from image.manager.metadefs.items import (
    MetadefObjectManager,
    MetadefPropertyManager,
    MetadefTagManager,
)
from image.manager.metadefs.namespaces import MetadefNamespaceManager
from image.manager.metadefs.resource_types import MetadefResourceTypeManager

__all__ = [
    "MetadefNamespaceManager",
    "MetadefObjectManager",
    "MetadefPropertyManager",
    "MetadefResourceTypeManager",
    "MetadefTagManager",
]
