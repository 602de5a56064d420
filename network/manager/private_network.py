"""A network of a project's own in one go: with its subnet, and a router to the outside if wanted."""

from __future__ import annotations

from django.db import transaction

from cloudweb.manager import Manager
from cloudweb.policy import policy
from network.manager.network import NetworkManager
from network.manager.router import RouterManager
from network.manager.router_ports import Gateway
from network.manager.standard import Identifier
from network.manager.subnet import SubnetManager
from network.models import Network


class PrivateNetworkManager(Manager):
    """What people mean by a private network."""

    @policy("network:networks:create")
    def create(self, *, name: str, cidr: str, outside: Identifier | None = None) -> Network:
        """Make a network with one subnet; with ``outside`` (an external network) a router joins the two.

        All of it or nothing. Raises as the managers of each do.
        """
        with transaction.atomic():
            network = NetworkManager(self.context).create(name=name)
            subnet = SubnetManager(self.context).create(network_id=network.id, name=name, cidr=cidr)
            if outside is not None:
                routers = RouterManager(self.context)
                router = routers.create(name=name, gateway=Gateway(outside))
                routers.add_interface(router.id, subnet_id=subnet.id)
        return network
