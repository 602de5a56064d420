"""The tables of images."""

from image.models.image import Image, ImageProperty, ImageTag
from image.models.member import ImageMember
from image.models.metadef import (
    MetadefAssociation,
    MetadefNamespace,
    MetadefObject,
    MetadefProperty,
    MetadefResourceType,
    MetadefTag,
)

__all__ = [
    "Image",
    "ImageMember",
    "ImageProperty",
    "ImageTag",
    "MetadefAssociation",
    "MetadefNamespace",
    "MetadefObject",
    "MetadefProperty",
    "MetadefResourceType",
    "MetadefTag",
]
