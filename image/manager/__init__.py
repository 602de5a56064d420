"""Managers of images and of metadata definitions."""

from image.manager.cache import ImageCacheManager
from image.manager.copies import ImageCopyManager
from image.manager.data import ImageDataManager
from image.manager.image import ImageManager
from image.manager.members import ImageMemberManager
from image.manager.metadefs import (
    MetadefNamespaceManager,
    MetadefObjectManager,
    MetadefPropertyManager,
    MetadefResourceTypeManager,
    MetadefTagManager,
)
from image.manager.tasks import ImageTaskManager

__all__ = [
    "ImageCacheManager",
    "ImageCopyManager",
    "ImageDataManager",
    "ImageManager",
    "ImageMemberManager",
    "ImageTaskManager",
    "MetadefNamespaceManager",
    "MetadefObjectManager",
    "MetadefPropertyManager",
    "MetadefResourceTypeManager",
    "MetadefTagManager",
]
