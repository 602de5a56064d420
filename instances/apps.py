"""Servers as a Django app."""

from django.apps import AppConfig


class InstancesConfig(AppConfig):
    """Servers: the tenant's virtual machines."""

    name = "instances"

    def ready(self) -> None:
        """Declare policies and quotas, register sagas, subscribe to events."""
        from instances import events, operations, policies, quota  # noqa: F401
