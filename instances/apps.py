"""Servers as a Django app."""

from typing import ClassVar

from django.apps import AppConfig


class InstancesConfig(AppConfig):
    """Servers: the tenant's virtual machines."""

    name = "instances"
    encrypted_columns: ClassVar[dict[str, tuple[str, ...]]] = {
        "Instance": (
            *("user_data", "injected_files", "admin_password"),
            *("rescue_password", "before_rebuild"),
        ),
        "ConsoleRecordingPart": ("content",),
    }

    def ready(self) -> None:
        """Declare policies and quotas, register sagas, subscribe to events."""
        from instances import (  # noqa: F401
            copying,
            differences,
            events,
            operations,
            policies,
            quiescing,
            quota,
        )
