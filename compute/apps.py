"""Hosts, flavors, placement and hypervisors, as a Django app."""

from typing import ClassVar

from django.apps import AppConfig


class ComputeConfig(AppConfig):
    """Hosts, flavors, placement and hypervisors."""

    name = "compute"
    encrypted_columns: ClassVar[dict[str, tuple[str, ...]]] = {"HostFence": ("password",)}

    def ready(self) -> None:
        """Declare policies and subscribe to what hosts report."""
        from compute import differences, holdings, operations, policies, reports  # noqa: F401
