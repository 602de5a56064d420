"""Servers: their rules, rows and operations."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from cloudweb import policy as policies
from cloudweb.encryption import encrypt
from cloudweb.exceptions import BadRequest, InvalidInput, NotFound, QuotaExceeded
from cloudweb.policy import policy
from compute.manager import FlavorManager
from image.manager import ImageManager
from instances import injected_files as user_files
from instances import quota
from instances.block_devices import DestinationType, SourceType
from instances.conf import MAX_AT_ONCE
from instances.exceptions import FlavorDoesNotFit, NetworkAmbiguous
from instances.items import check_items
from instances.manager.console import InstanceConsoles
from instances.manager.key_pair import KeyPairManager
from instances.manager.lifecycle import InstanceLifecycle
from instances.manager.listing import InstanceLists
from instances.manager.metadata import InstanceMetadata
from instances.manager.power import InstancePower
from instances.models import BlockDevice, Instance, InstancePort
from instances.operations import CreateInstance
from instances.states import TaskState
from instances.user_data import check_user_data
from network.exceptions import PortInUse
from network.manager import NetworkManager, PortManager, SecurityGroupManager

if TYPE_CHECKING:
    from compute.models import Flavor
    from network.models import Network, Port


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRequest:
    """One card a user asks for: a network (and perhaps an address of it), or a port it brings."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None


class InstanceManager(
    InstanceLists, InstancePower, InstanceLifecycle, InstanceMetadata, InstanceConsoles
):
    """The servers of the caller's project (of all, for an admin who says so).

    By activity: lookup.py, listing.py, power.py, lifecycle.py, metadata.py, console.py; here they are made.
    """

    @policy("compute:servers:create")
    def create(
        self,
        *,
        name: str,
        flavor_id: str,
        image_id: str,
        networks: Sequence[NetworkRequest] | None = None,
        security_groups: Sequence[str] = (),
        key_name: str | None = None,
        user_data: str | None = None,
        metadata: Mapping[str, str] | None = None,
        description: str | None = None,
        hostname: str | None = None,
        zone: str | None = None,
        host: str | None = None,
        config_drive: bool = False,
        injected_files: Sequence[tuple[str, str]] = (),
        admin_password: str | None = None,
        tags: Sequence[str] = (),
        disk_config: str = "MANUAL",
        access_ip_v4: str = "",
        access_ip_v6: str = "",
        count: int = 1,
        least: int | None = None,
    ) -> Sequence[Instance]:
        """Record new servers and start building them.

        ``networks`` None: the project's own network, or the one that is shared with it. ``user_data``
        is base64, as are the contents of ``injected_files``, (path, contents) of each, which come on a
        config drive. ``count`` servers are made, or as many as the quota allows but at least ``least``.
        Raises what is wrong with flavor, image, key, network, port or group, and QuotaExceeded.
        """
        if host is not None:
            policies.check(self.context, "compute:servers:create_on_host")
        project = self.context.scoped_project_id
        if not 1 <= count <= MAX_AT_ONCE:
            raise InvalidInput(field="max_count", value=count, reason=f"At most {MAX_AT_ONCE}.")
        with _named_by_the_caller():
            flavor = FlavorManager(self.context).get(flavor_id)
            self._check_image(image_id, flavor)
            key = KeyPairManager(self.context).get(key_name) if key_name else None
            wishes = self._networks(networks, count)
            self._check_groups(security_groups, project)
        check_items(metadata or {}, project)
        check_user_data(user_data)
        kept_files = user_files.kept(project, injected_files)
        common: dict[str, Any] = {
            "project_id": project,
            "user_id": self.context.user_id or "",
            "description": description,
            "task_state": TaskState.SCHEDULING,
            "wanted_zone": zone or "",
            "wanted_host": host or "",
            "flavor_id": flavor.id,
            "flavor_name": flavor.name,
            "vcpus": flavor.vcpus,
            "ram": flavor.ram,
            "disk": flavor.disk,
            "ephemeral": flavor.ephemeral,
            "swap": flavor.swap,
            "extra_specs": flavor.specs(),
            "image_id": image_id,
            "key_name": key.name if key else None,
            "public_key": key.public_key if key else "",
            "user_data": encrypt(user_data) if user_data else "",
            "admin_password": encrypt(admin_password) if admin_password else "",
            "injected_files": kept_files,
            "config_drive": config_drive or bool(injected_files),
            "metadata": dict(metadata or {}),
            "tags": list(tags),
            "security_groups": list(dict.fromkeys(security_groups)),
            "access_ip_v4": access_ip_v4,
            "access_ip_v6": access_ip_v6,
            "disk_config": disk_config,
            "reservation_id": f"r-{secrets.token_hex(4)}",
        }
        with transaction.atomic():
            count = self._reserve(project, flavor, count, least or count)
            made = []
            for index in range(count):
                own = name if count == 1 else f"{name}-{index + 1}"
                instance = Instance.objects.create(
                    name=own,
                    hostname=hostname or hostname_of(own),
                    launch_index=index,
                    **common,
                )
                made.append(instance)
            InstancePort.objects.bulk_create(
                InstancePort(instance=instance, position=position, **wish)
                for instance in made
                for position, wish in enumerate(wishes)
            )
            BlockDevice.objects.bulk_create(
                BlockDevice(
                    instance=instance,
                    source_type=SourceType.IMAGE,
                    source_id=image_id,
                    destination_type=DestinationType.LOCAL,
                    boot_index=0,
                    size=flavor.disk,
                )
                for instance in made
            )
            for instance in made:
                CreateInstance.start(self.context, resource_id=str(instance.id))
        return made

    def _reserve(self, project: str, flavor: Flavor, count: int, least: int) -> int:
        """Return how many of ``count`` the quota lets in; raise QuotaExceeded below ``least``."""
        while True:
            try:
                quota.reserve(project, count=count, vcpus=flavor.vcpus, ram=flavor.ram)
            except QuotaExceeded:
                if count <= least:
                    raise
                count -= 1
            else:
                return count

    def _check_image(self, image_id: str, flavor: Flavor) -> None:
        images = ImageManager(self.context)
        location = images.location(image_id)
        if location.kernel_id is not None:
            images.location(location.kernel_id, role="kernel")
            if location.ramdisk_id is not None:
                images.location(location.ramdisk_id, role="ramdisk")
        if location.min_ram > flavor.ram:
            raise FlavorDoesNotFit("Flavor's memory is too small for requested image.")
        disk = flavor.disk * 1024**3
        if disk and (location.min_disk > flavor.disk or location.virtual_size > disk):
            raise FlavorDoesNotFit("Flavor's disk is too small for requested image.")

    def _networks(
        self, networks: Sequence[NetworkRequest] | None, count: int
    ) -> Sequence[dict[str, Any]]:
        """Return what the rows of the ports say, each checked against what the caller can see."""
        if networks is None:
            return self._default_network()
        wishes: list[dict[str, Any]] = []
        for wish in networks:
            if wish.port_id is not None:
                if count > 1:
                    raise BadRequest("A port can be given to one server only.")
                port = self._free_port(wish.port_id)
                if any(other.get("requested_port_id") == port.id for other in wishes):
                    raise BadRequest(f"Port {port.id} is asked for twice.")
                wishes.append({"requested_port_id": port.id, "network_id": port.network_id})
                continue
            if wish.fixed_ip is not None and count > 1:
                raise BadRequest("A fixed address can be given to one server only.")
            network = PortManager(self.context).check_network(
                wish.network_id or "",
                fixed_ips=[{"ip_address": wish.fixed_ip}] if wish.fixed_ip else None,
            )
            wishes.append(self._wish(network, wish.fixed_ip))
        return wishes

    def _wish(self, network: Network, fixed_ip: str | None = None) -> dict[str, Any]:
        """Return a wish for a port; it is made later, by the rights the caller has now."""
        by_admin = self.context.is_admin
        return {"network_id": network.id, "fixed_ip": fixed_ip or "", "by_admin": by_admin}

    def _free_port(self, port_id: str) -> Port:
        port = PortManager(self.context).get(port_id)
        if port.project_id != self.context.project_id:
            raise BadRequest(f"Port {port.id} not usable for instance.")
        if port.device_id:
            raise PortInUse(port.id)
        return port

    def _default_network(self) -> Sequence[dict[str, Any]]:
        usable = NetworkManager(self.context).usable_by_servers()
        project = self.context.scoped_project_id
        own = [network for network in usable if network.project_id == project] or list(usable)
        if len(own) > 1:
            raise NetworkAmbiguous
        return [self._wish(network) for network in own]

    def _check_groups(self, names: Sequence[str], project: str) -> None:
        manager = SecurityGroupManager(self.context)
        for name in names:
            manager.resolve(name, project)


@contextlib.contextmanager
def _named_by_the_caller() -> Iterator[None]:
    """Make what a create names, but its caller cannot see, a 400: a 404 would be about the server."""
    try:
        yield
    except NotFound as error:
        raise BadRequest(error.message) from error


def hostname_of(name: str) -> str:
    """Return a host name made of a server's name: letters, digits and hyphens, at most 63."""
    made = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63].strip("-")
    return made or "server"
