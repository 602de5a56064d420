"""The tables of images."""

from image.models.image import Image, ImageProperty, ImageTag

__all__ = ["Image", "ImageProperty", "ImageTag"]
