"""Images for operators; every button calls a manager."""

from image.admin.images import ImageAdmin
from image.admin.members import ImageMemberAdmin
from image.admin.metadefs import MetadefNamespaceAdmin, MetadefResourceTypeAdmin

__all__ = [
    "ImageAdmin",
    "ImageMemberAdmin",
    "MetadefNamespaceAdmin",
    "MetadefResourceTypeAdmin",
]
