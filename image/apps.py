"""Images: what servers boot from, as a Django app."""

from typing import ClassVar

from django.apps import AppConfig


class ImageConfig(AppConfig):
    """Images: what servers boot from."""

    name = "image"
    encrypted_columns: ClassVar[dict[str, tuple[str, ...]]] = {"Image": ("import_source",)}

    def ready(self) -> None:
        """Declare policies and quotas, and subscribe to housekeeping."""
        from image import holdings, policies, protections, quotas  # noqa: F401

        protections.protections()  # a file that makes no sense is said at once
        from image.operations import cache_image, copy_image, delete_image, import_image  # noqa: F401
