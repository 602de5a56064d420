"""Managers of images."""

from image.manager.data import ImageDataManager
from image.manager.image import ImageManager

__all__ = ["ImageDataManager", "ImageManager"]
