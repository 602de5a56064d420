"""Databases as a Django app."""

from typing import ClassVar

from django.apps import AppConfig


class DatabasesConfig(AppConfig):
    """Databases: servers that tenants see as a database alone."""

    name = "databases"
    encrypted_columns: ClassVar[dict[str, tuple[str, ...]]] = {
        "DatabaseInstance": ("first_contents", "replication_secret"),
        "GuestAgent": ("key", "next_key"),
        "Letter": ("payload",),
        "ProjectAuthority": ("pem",),
    }

    def ready(self) -> None:
        """Declare policies and quotas, register sagas, subscribe to what goes with a project."""
        from databases import holdings, operations, policies, quota  # noqa: F401
