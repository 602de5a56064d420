"""Hosts, flavors, placement and hypervisors, as a Django app."""

from django.apps import AppConfig


class ComputeConfig(AppConfig):
    """Hosts, flavors, placement and hypervisors."""

    name = "compute"

    def ready(self) -> None:
        """Declare policies and subscribe to what hosts report."""
        from compute import policies, reports  # noqa: F401
