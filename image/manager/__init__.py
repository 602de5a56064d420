"""Managers of images."""

from image.manager.data import ImageDataManager
from image.manager.image import ImageManager
from image.manager.members import ImageMemberManager

__all__ = ["ImageDataManager", "ImageManager", "ImageMemberManager"]
