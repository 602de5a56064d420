"""A network of a project's own in one go: with its subnet, and a router to the outside if wanted."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from cloudweb.addresses import Block, parse_block
from cloudweb.manager import Manager
from cloudweb.policy import policy
from network.exceptions.networks import NetworkNotFound
from network.exceptions.subnets import SubnetNotFound
from network.manager.network import NetworkManager
from network.manager.router import RouterManager
from network.manager.router_gateway import Gateway
from network.manager.standard import Identifier, number
from network.manager.subnet import SubnetManager
from network.models import Network, Router, Subnet

NAME = "private"
#: Where the blocks of networks that nobody chose an own one for are taken from, in this length.
BLOCKS, LENGTH = ("10.0.0.0/8", "192.168.0.0/16"), 24


class PrivateNetworkManager(Manager):
    """What people mean by a private network."""

    @policy("network:networks:create")
    def create(self, *, name: str, cidr: str, outside: Identifier | None = None) -> Network:
        """Make a network with one subnet; with ``outside`` (an external network) a router joins the two.

        All of it or nothing. Raises as the managers of each do.
        """
        with transaction.atomic():
            network = NetworkManager(self.context).create(name=name)
            mode = fitting_mode(cidr)
            subnet = SubnetManager(self.context).create(
                network_id=network.id,
                name=name,
                cidr=cidr,
                ipv6_ra_mode=mode,
                ipv6_address_mode=mode,
            )
            if outside is not None:
                routers = RouterManager(self.context)
                router = routers.create(name=name, gateway=Gateway(outside))
                routers.add_interface(router.id, subnet_id=subnet.id)
        return network

    @policy("network:networks:create")
    def create_with_internet(self) -> Network:
        """Make a network with a name and a block that are free, joined to the outside.

        Of several external networks the default one is taken, else the oldest. Raises
        NetworkNotFound where there is none, and as ``create`` does.
        """
        outside = self.outside()
        if outside is None:
            raise NetworkNotFound("external")
        with transaction.atomic():
            return self.create(name=self._free_name(), cidr=self._free_block(), outside=outside.id)

    @policy("network:networks:list")
    def outside(self) -> Network | None:
        """Return the external network that is taken where nobody chooses."""
        rows = Network.objects.visible_to(self.context).filter(external=True)
        return rows.order_by("-is_default", "created_at", "id").first()

    @policy("network:routers:create")
    def connect(self, subnet_id: Identifier, *, outside: Identifier) -> Router:
        """Join a subnet of the project's to an external network, by a router that leads there already if there is one.

        Raises SubnetNotFound, and as the manager of routers does.
        """
        own = Subnet.objects.filter(project_id=self.context.project_id)
        subnet = own.select_related("network").filter(id=number(subnet_id)).first()
        if subnet is None:
            raise SubnetNotFound(subnet_id)
        routers = RouterManager(self.context)
        with transaction.atomic():
            leading = Router.objects.filter(
                project_id=self.context.project_id,
                router_ports__is_gateway=True,
                router_ports__network=number(outside),
            )
            router = leading.order_by("created_at", "id").first() or routers.create(
                name=subnet.network.name, gateway=Gateway(outside)
            )
            routers.add_interface(router.id, subnet_id=subnet.id)
        return router

    def _free_name(self) -> str:
        """Return a name that no network of the project has."""
        rows = Network.objects.filter(project_id=self.context.project_id, name__startswith=NAME)
        taken = {*rows.values_list("name", flat=True)}
        names = (NAME, *(f"{NAME}-{count}" for count in range(2, len(taken) + 2)))
        return next(name for name in names if name not in taken)

    def _free_block(self) -> str:
        """Return a block that overlaps none of the project's, nor one that all share: all can be joined."""
        seen = Subnet.objects.filter(
            Q(project_id=self.context.project_id)
            | Q(network__shared=True)
            | Q(network__external=True),
            ip_version=4,
        )
        taken = [parse_block(cidr) for cidr in seen.values_list("cidr", flat=True)]
        for outer in BLOCKS:
            for block in parse_block(outer).subnets(new_prefix=LENGTH):
                if not any(_overlap(block, other) for other in taken):
                    return str(block)
        return str(next(iter(parse_block(BLOCKS[0]).subnets(new_prefix=LENGTH))))


def fitting_mode(cidr: str) -> str:
    """Return how guests get IPv6 addresses: they make them themselves where the block is as long as that takes."""
    block = parse_block(cidr)
    if block.version == 4:
        return ""
    return "slaac" if block.prefixlen == 64 else "dhcpv6-stateful"


def _overlap(one: Block, other: Block) -> bool:
    return one.version == other.version and (
        one.network_address in other or other.network_address in one
    )
