"""Networks, subnets, ports and security groups, as a Django app."""

from django.apps import AppConfig


class NetworkConfig(AppConfig):
    """Networks, subnets, ports and security groups."""

    name = "network"

    def ready(self) -> None:
        """Declare policies, quotas and sagas; subscribe to news."""
        from network import holdings, policies, quota, reports  # noqa: F401
        from network.operations import (  # noqa: F401
            host_up,
            plug_subport,
            refresh_host,
            refresh_router,
            remove_router,
            unplug_port,
        )
