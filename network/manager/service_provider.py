"""What serves the network API's services: routers have one provider, this cloud's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cloudweb.manager import Manager
from cloudweb.policy import policy


class ServiceProvider(NamedTuple):
    """A provider of a service."""

    service_type: str
    name: str
    default: bool


PROVIDERS = (ServiceProvider("L3_ROUTER_NAT", "single_node", default=True),)


class ServiceProviderManager(Manager):
    """The providers."""

    @policy("network:service_providers:list")
    def list(self) -> Sequence[ServiceProvider]:
        """Return all."""
        return PROVIDERS
