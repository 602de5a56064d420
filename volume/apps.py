"""Volumes as a Django app."""

from typing import ClassVar

from django.apps import AppConfig


class VolumeConfig(AppConfig):
    """Volumes: disks that outlive their servers."""

    name = "volume"
    encrypted_columns: ClassVar[dict[str, tuple[str, ...]]] = {
        "Attachment": ("connection",),
        "Volume": ("encryption_key",),
        "BackupLineage": ("encrypted_key",),
    }

    def ready(self) -> None:
        """Declare policies and quotas, register sagas, subscribe to what hosts report."""
        from volume import holdings, operations, policies, quota, reports  # noqa: F401
