"""Get me a network: one for each project, with subnets of the default pools and a router to the outside."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from cloudweb.manager import Manager
from cloudweb.policy import check, policy
from network.exceptions.networks import AutoAllocatedTopologyNotFound, AutoAllocationFailure
from network.manager.network import NetworkManager
from network.manager.router import RouterManager
from network.manager.router_gateway import Gateway
from network.manager.subnet import SubnetManager
from network.models import AutoAllocatedTopology, Network, Subnet, SubnetPool

NETWORK_NAME = "auto_allocated_network"
ROUTER_NAME = "auto_allocated_router"


class AutoAllocatedTopologyManager(Manager):
    """The network that the caller's project gets by a word; an operator asks for any project's."""

    @policy("network:auto_allocated_topologies:get")
    def get(self, project_id: str) -> AutoAllocatedTopology:
        """Return the project's, made if it has none; raise AutoAllocationFailure, QuotaExceeded.

        Of several callers at once all get the same.
        """
        self._check_project(project_id)
        found = self._find(project_id)
        if found is not None:
            return found
        try:
            with transaction.atomic():
                return self._make(project_id)
        except IntegrityError:  # another request was faster
            found = self._find(project_id)
            if found is None:
                raise
            return found

    @policy("network:auto_allocated_topologies:get")
    def check(self, project_id: str) -> None:
        """Raise AutoAllocationFailure if the project has none, and could get none."""
        self._check_project(project_id)
        if self._find(project_id) is None:
            self._outside()
            self._pools()

    @policy("network:auto_allocated_topologies:delete")
    def delete(self, project_id: str) -> None:
        """Remove the project's with all its parts, or nothing.

        Raises AutoAllocatedTopologyNotFound, NetworkInUse and what keeps the router.
        """
        self._check_project(project_id)
        with transaction.atomic():
            found = self._find(project_id)
            if found is None:
                raise AutoAllocatedTopologyNotFound(project_id)
            if found.router_id is not None:
                RouterManager(self.context).delete_with_interfaces(found.router_id)
            NetworkManager(self.context).delete(found.network_id)

    def _make(self, project_id: str) -> AutoAllocatedTopology:
        outside, pools = self._outside(), self._pools()
        network = NetworkManager(self.context).create(name=NETWORK_NAME, project_id=project_id)
        routers = RouterManager(self.context)
        router = routers.create(
            name=ROUTER_NAME, gateway=Gateway(outside.id), project_id=project_id
        )
        for pool in pools:
            routers.add_interface(router.id, subnet_id=self._subnet(network, pool).id)
        return AutoAllocatedTopology.objects.create(
            project_id=project_id, network=network, router=router
        )

    def _subnet(self, network: Network, pool: SubnetPool) -> Subnet:
        mode = "slaac" if pool.ip_version == 6 else ""
        return SubnetManager(self.context).create(
            network_id=network.id,
            name=f"auto_allocated_subnet_v{pool.ip_version}",
            subnet_pool_id=pool.id,
            ip_version=pool.ip_version,
            ipv6_ra_mode=mode,
            ipv6_address_mode=mode,
        )

    def _find(self, project_id: str) -> AutoAllocatedTopology | None:
        return AutoAllocatedTopology.objects.filter(project_id=project_id).first()

    def _outside(self) -> Network:
        rows = Network.objects.visible_to(self.context).filter(external=True, is_default=True)
        found = rows.order_by("created_at", "id").first()
        if found is None:
            raise AutoAllocationFailure("No default router:external network")
        return found

    def _pools(self) -> Sequence[SubnetPool]:
        rows = SubnetPool.objects.visible_to(self.context).filter(is_default=True)
        found = [*rows.order_by("ip_version")]
        if not found:
            raise AutoAllocationFailure("No default pools defined")
        return found

    def _check_project(self, project_id: str) -> None:
        if project_id != self.context.project_id:
            check(self.context, "network:any:set_project")
