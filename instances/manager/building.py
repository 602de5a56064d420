"""Servers are made: what is asked for is checked, recorded and started."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import transaction

from cloudweb import policy as policies
from cloudweb.context import RequestContext
from cloudweb.encryption import encrypt
from cloudweb.exceptions import BadRequest, QuotaExceeded
from cloudweb.policy import policy
from compute.manager import FlavorManager
from compute.scheduler import Verdict, judge, needs
from instances import injected_files, quota
from instances.build_request import BuildRequest, NetworkRequest
from instances.exceptions import NetworkAmbiguous, PortNotUsable, ServerGroupNotFound
from instances.items import check_items
from instances.manager.disks import InstanceDisks, named_by_the_caller
from instances.manager.key_pair import KeyPairManager
from instances.manager.networks import unasked_networks
from instances.manager.server_groups import ServerGroupManager, reserve_members
from instances.models import Instance, InstancePort
from instances.operations import CreateInstance, CreateInstanceWithVolumes
from instances.operations.rows import flavor_of
from instances.placement import request_for
from instances.states import TaskState
from network.exceptions.networks import AutoAllocationFailure
from network.exceptions.ports import PortInUse
from network.manager import (
    AutoAllocatedTopologyManager,
    PortManager,
    SecurityGroupManager,
)

if TYPE_CHECKING:
    from compute.models import Flavor
    from instances.models import KeyPair, ServerGroup
    from network.models import Port
    from operations.saga import Saga


class InstanceBuilding(InstanceDisks):
    """Makes servers in the caller's project."""

    @policy("compute:servers:create")
    def create(self, wanted: BuildRequest) -> Sequence[Instance]:
        """Record new servers and start building them.

        Raises what is wrong with flavor, image, key, network, port or group, and QuotaExceeded.
        """
        prepared = self._prepared(wanted)
        with transaction.atomic():
            made, saga = self._recorded(*prepared)
            saga.start_new(self.context, resource_ids=[str(instance.id) for instance in made])
        return made

    @policy("compute:servers:create")
    def record(self, wanted: BuildRequest) -> tuple[Sequence[Instance], type[Saga]]:
        """Record new servers; return them with the saga that will build each, say as a child of another.

        Raises what ``create`` raises.
        """
        prepared = self._prepared(wanted)
        with transaction.atomic():
            return self._recorded(*prepared)

    def _recorded(
        self,
        wanted: BuildRequest,
        flavor: Flavor,
        columns: dict[str, Any],
        cards: Sequence[dict[str, Any]],
    ) -> tuple[Sequence[Instance], type[Saga]]:
        count = self._reserve(columns["project_id"], flavor, wanted, columns["server_group"])
        names = [wanted.name] if count == 1 else numbered(wanted.name, count)
        made = Instance.objects.bulk_create(
            Instance(
                name=name,
                hostname=wanted.hostname or hostname_of(name),
                launch_index=index,
                **columns,
            )
            for index, name in enumerate(names)
        )
        InstancePort.objects.bulk_create(
            InstancePort(instance=instance, position=position, **card)
            for instance in made
            for position, card in enumerate(cards)
        )
        with named_by_the_caller():
            self._make_disks(wanted, flavor, made)
        return made, CreateInstanceWithVolumes if wanted.has_volumes else CreateInstance

    @policy("compute:servers:consider")
    def consider(self, wanted: BuildRequest) -> Verdict:
        """Return what ``create`` would come to now: nothing is recorded, and no place is taken.

        Raises what ``create`` raises.
        """
        wanted, flavor, columns, cards = self._prepared(replace(wanted, make_network=False))
        with transaction.atomic():
            self._reserve(columns["project_id"], flavor, wanted, columns["server_group"])
            transaction.set_rollback(True)
        instance = Instance(name=wanted.name, hostname=hostname_of(wanted.name), **columns)
        request = request_for(
            RequestContext.system(project_id=instance.project_id),
            instance,
            [InstancePort(instance=instance, **card) for card in cards],
            flavor_of(instance),
        )
        return judge(
            replace(request, host=instance.wanted_host or None), project_id=instance.project_id
        )

    def _prepared(
        self, wanted: BuildRequest
    ) -> tuple[BuildRequest, Flavor, dict[str, Any], Sequence[dict[str, Any]]]:
        """Return what is wanted, whole, with the columns of its servers and of their cards, checked."""
        if wanted.host is not None:
            policies.check(self.context, "compute:servers:create_on_host")
        project = self.context.scoped_project_id
        with named_by_the_caller():
            flavor = FlavorManager(self.context).get(wanted.flavor_id)
            wanted = self._with_disks(wanted, flavor)
            key = KeyPairManager(self.context).get(wanted.key_name) if wanted.key_name else None
            cards = self._cards(wanted.networks, make=wanted.make_network)
            self._check_groups(wanted.security_groups, project)
            group = self._server_group(wanted, project)
        check_items(wanted.metadata, project)
        columns = self._columns(wanted, flavor, key) | {"server_group": group}
        needs(columns["extra_specs"], wanted.image_properties, vcpus=flavor.vcpus, ram=flavor.ram)
        return wanted, flavor, columns, cards

    def _columns(self, wanted: BuildRequest, flavor: Flavor, key: KeyPair | None) -> dict[str, Any]:
        """Return what the rows of all the servers say alike."""
        project = self.context.scoped_project_id
        return {
            "project_id": project,
            "user_id": self.context.user_id or "",
            "description": wanted.description,
            "task_state": (
                TaskState.BLOCK_DEVICE_MAPPING if wanted.has_volumes else TaskState.SCHEDULING
            ),
            "wanted_zone": wanted.zone or "",
            "wanted_host": wanted.host or "",
            "flavor_id": flavor.id,
            "flavor_name": flavor.name,
            "vcpus": flavor.vcpus,
            "ram": flavor.ram,
            "disk": flavor.disk,
            "ephemeral": flavor.ephemeral,
            "swap": flavor.swap,
            "extra_specs": flavor.specs(),
            "image_id": wanted.image_id,
            "image_properties": dict(wanted.image_properties),
            "key_name": key.name if key else None,
            "public_key": key.public_key if key else "",
            "user_data": encrypt(wanted.user_data) if wanted.user_data else "",
            "admin_password": encrypt(wanted.admin_password) if wanted.admin_password else "",
            "injected_files": injected_files.kept(project, wanted.injected_files),
            "config_drive": wanted.config_drive or bool(wanted.injected_files),
            "metadata": dict(wanted.metadata),
            "tags": list(wanted.tags),
            "security_groups": list(dict.fromkeys(wanted.security_groups)),
            "access_ip_v4": wanted.access_ip_v4,
            "access_ip_v6": wanted.access_ip_v6,
            "disk_config": wanted.disk_config,
            "scheduler_hints": dict(wanted.scheduler_hints),
            "reservation_id": f"r-{secrets.token_hex(4)}",
        }

    def _server_group(self, wanted: BuildRequest, project: str) -> ServerGroup | None:
        """Return the group that the hints name; raise ServerGroupNotFound for one of another project."""
        named = wanted.scheduler_hints.get("group")
        if not named:
            return None
        group = ServerGroupManager(self.context).get(named)
        if group.project_id != project:
            raise ServerGroupNotFound(named)
        return group

    def _reserve(
        self, project: str, flavor: Flavor, wanted: BuildRequest, group: ServerGroup | None
    ) -> int:
        """Return how many servers the quota lets in, all or found by halving; raise QuotaExceeded for too few."""
        least, most = wanted.min_count, wanted.max_count
        count = most
        while True:
            try:
                quota.reserve(project, count=count, vcpus=flavor.vcpus, ram=flavor.ram)
                if group is not None:
                    reserve_members(group, count=count)
            except QuotaExceeded:
                if count == wanted.min_count:
                    raise
                most = count - 1
            else:
                if count == most:
                    return count
                least = count
            count = (least + most + 1) // 2

    def _cards(
        self, networks: Sequence[NetworkRequest] | None, *, make: bool
    ) -> Sequence[dict[str, Any]]:
        """Return what the rows of the ports say, each checked against what the caller can see.

        Ports are made later, by the rights the caller has now.
        """
        if networks is None:
            networks = self._default_network(make=make)
        cards = []
        for wanted in networks:
            card: dict[str, Any] = {"tag": wanted.tag or ""}
            if wanted.port_id is not None:
                port = self._free_port(wanted.port_id)
                card |= {"requested_port_id": port.id, "network_id": port.network_id}
            else:
                network = PortManager(self.context).check_network(
                    wanted.network_id or "",
                    fixed_ips=[{"ip_address": wanted.fixed_ip}] if wanted.fixed_ip else None,
                )
                card |= {"network_id": network.id, "fixed_ip": wanted.fixed_ip or ""}
                card["by_admin"] = self.context.is_admin
            cards.append(card)
        return cards

    def _free_port(self, port_id: str) -> Port:
        port = PortManager(self.context).get(port_id)
        if port.project_id != self.context.project_id:
            raise PortNotUsable(port.id)
        if port.device_id:
            raise PortInUse(port.id)
        return port

    def _default_network(self, *, make: bool) -> Sequence[NetworkRequest]:
        project, own = self.context.scoped_project_id, unasked_networks(self.context)
        if len(own) > 1:
            raise NetworkAmbiguous
        if not own and make:
            return [NetworkRequest(network_id=self._made_network(project))]
        return [NetworkRequest(network_id=str(network.id)) for network in own]

    def _made_network(self, project: str) -> str:
        """Return the id of the network that a project gets by a word."""
        try:
            return str(AutoAllocatedTopologyManager(self.context).get(project).network_id)
        except (AutoAllocationFailure, QuotaExceeded) as error:
            raise BadRequest(
                f"Unable to automatically allocate a network for project {project}: {error.message}"
            ) from error

    def _check_groups(self, names: Sequence[str], project: str) -> None:
        manager = SecurityGroupManager(self.context)
        for name in names:
            manager.resolve(name, project)


def numbered(name: str, count: int) -> Sequence[str]:
    """Return the names of several servers that are made as one."""
    return [f"{name}-{number}" for number in range(1, count + 1)]


def hostname_of(name: str) -> str:
    """Return a host name made of a server's name: letters, digits and hyphens, at most 63."""
    made = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63].strip("-")
    return made or "server"
