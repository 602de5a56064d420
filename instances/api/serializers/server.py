"""How a server looks at each microversion (contract 3.8 and 8.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from cloudweb.api.links import base_url
from cloudweb.api.versioned import absent, leave_out
from cloudweb.context import RequestContext
from cloudweb.encryption import decrypt
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import since
from cloudweb.times import micros, seconds_z
from instances.api.serializers.server_shown import (
    HOSTNAME,
    HOSTNAME_FOR_ALL,
    ServerRebuilt,
    ServerShown,
    ServerUpdated,
)
from instances.states import WITH_PROGRESS, VmState, status_of

if TYPE_CHECKING:
    from instances.manager import AttachedVolume
    from instances.models import Instance
    from instances.rows import ServerName, ServerRow
    from network.rows import PortCard

    Shown = Instance | ServerRow

#: Where a server shows its flavor as it was, not a link.
FLAVOR_COPIED = since(47)
#: Where a volume of a server says whether it goes with it.
WITH_ITS_SERVER = since(3)
#: Where a rebuild answers the user data, which it may change.
REBUILT_USER_DATA = since(57)


class ServerRenderer:
    """Renders servers for one request: what all have in common is looked up once."""

    def __init__(
        self, request: HttpRequest, context: RequestContext, version: Microversion
    ) -> None:
        base = f"{base_url(request)}/compute"
        self.servers = f"{base}/v2.1/servers"
        self.bookmarks = base
        self.context, self.version = context, version
        self._hosts: dict[tuple[str, str], str] = {}
        self._flavor = flavor_of if version in FLAVOR_COPIED else self._flavor_link
        self._volume = volume_of if version in WITH_ITS_SERVER else _volume_id
        self._left_out = absent(ServerShown, version)
        if version not in HOSTNAME_FOR_ALL and not context.is_admin:
            self._left_out |= {HOSTNAME}

    def links(self, instance_id: str) -> list[dict[str, str]]:
        """Return self and bookmark."""
        return [
            {"rel": "self", "href": f"{self.servers}/{instance_id}"},
            {"rel": "bookmark", "href": f"{self.bookmarks}/servers/{instance_id}"},
        ]

    def brief(self, instance: ServerName) -> dict[str, Any]:
        """Return what a plain list shows."""
        return {"id": instance.id, "name": instance.name, "links": self.links(instance.id)}

    def created(self, instance: Instance, password: str | None) -> dict[str, Any]:
        """Return what a create answers: five keys and no more."""
        key = str(instance.id)
        body = {
            "id": key,
            "links": self.links(key),
            "OS-DCF:diskConfig": instance.disk_config,
            "security_groups": [{"name": name} for name in instance.security_groups or ["default"]],
        }
        return body | ({"adminPass": password} if password else {})

    def full(
        self,
        instance: Shown,
        ports: Sequence[PortCard],
        volumes: Sequence[AttachedVolume] = (),
        *,
        detail_of_one: bool = False,
    ) -> dict[str, Any]:
        """Return the server as this request's microversion shows it."""
        key = str(instance.id)
        status = status_of(instance.vm_state, instance.task_state)
        data: dict[str, Any] = {
            "id": key,
            "name": instance.name,
            "status": status,
            "tenant_id": instance.project_id,
            "user_id": instance.user_id,
            "metadata": instance.metadata,
            "hostId": self._host_id(instance),
            "image": self._image(instance),
            "flavor": self._flavor(instance),
            "created": seconds_z(instance.created_at),
            "updated": seconds_z(instance.updated_at),
            "addresses": addresses(ports),
            "accessIPv4": instance.access_ip_v4,
            "accessIPv6": instance.access_ip_v6,
            "links": self.links(key),
            "OS-DCF:diskConfig": instance.disk_config,
            "OS-EXT-AZ:availability_zone": instance.zone,
            "config_drive": "True" if instance.config_drive else "",
            "key_name": instance.key_name,
            "OS-SRV-USG:launched_at": micros(instance.launched_at),
            "OS-SRV-USG:terminated_at": micros(instance.terminated_at),
            "OS-EXT-STS:task_state": instance.task_state,
            "OS-EXT-STS:vm_state": instance.vm_state,
            "OS-EXT-STS:power_state": instance.power_state,
            "os-extended-volumes:volumes_attached": [*map(self._volume, volumes)],
            "locked": bool(instance.locked_by),
            "description": instance.description,
            "tags": instance.tags,
            "trusted_image_certificates": None,
            "locked_reason": instance.locked_reason or None,
            HOSTNAME: instance.hostname,
            "pinned_availability_zone": instance.wanted_zone or None,
        }
        if status in WITH_PROGRESS:
            data["progress"] = 100 if instance.vm_state == VmState.ACTIVE else 0
        if detail_of_one:
            group = getattr(instance, "server_group_id", None)
            data["server_groups"] = [] if group is None else [str(group)]
        if ports:
            data["security_groups"] = group_names(ports)
        if instance.vm_state in (VmState.ERROR, VmState.DELETED) and instance.fault_code:
            data["fault"] = self._fault(instance)
        if self.context.is_admin:
            data |= self._for_admins(instance)
        for key in self._left_out:
            data.pop(key, None)
        return data

    def _for_admins(self, instance: Shown) -> dict[str, Any]:
        return {
            "OS-EXT-SRV-ATTR:host": instance.host or None,
            "OS-EXT-SRV-ATTR:instance_name": instance.hypervisor_name,
            "OS-EXT-SRV-ATTR:hypervisor_hostname": instance.host or None,
            "OS-EXT-SRV-ATTR:kernel_id": "",
            "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:launch_index": instance.launch_index,
            "OS-EXT-SRV-ATTR:reservation_id": instance.reservation_id,
            "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
            "OS-EXT-SRV-ATTR:user_data": (
                decrypt(instance.user_data) if instance.user_data else None
            ),
            "host_status": "UP" if instance.host else "",
        }

    def updated(
        self, instance: Shown, ports: Sequence[PortCard], volumes: Sequence[AttachedVolume]
    ) -> dict[str, Any]:
        """Return what an update answers: until 2.75 fewer keys than a show."""
        data = self.full(instance, ports, volumes, detail_of_one=True)
        return leave_out(ServerUpdated, self.version, data)

    def rebuilt(
        self, instance: Instance, ports: Sequence[PortCard], volumes: Sequence[AttachedVolume]
    ) -> dict[str, Any]:
        """Return what a rebuild answers: until 2.75 fewer keys than a show, and from 2.57 its user data."""
        data = self.full(instance, ports, volumes, detail_of_one=True)
        data = leave_out(ServerRebuilt, self.version, data)
        if self.version in REBUILT_USER_DATA:
            kept = instance.user_data
            data["OS-EXT-SRV-ATTR:user_data"] = decrypt(kept) if kept else None
        return data

    def _flavor_link(self, instance: Shown) -> dict[str, Any]:
        href = f"{self.bookmarks}/flavors/{instance.flavor_id}"
        return {"id": instance.flavor_id, "links": [{"rel": "bookmark", "href": href}]}

    def _host_id(self, instance: Shown) -> str:
        if not instance.host:
            return ""
        pair = (instance.project_id, instance.host)
        if pair not in self._hosts:
            self._hosts[pair] = hashlib.sha224("".join(pair).encode()).hexdigest()
        return self._hosts[pair]

    def _image(self, instance: Shown) -> Any:
        if not instance.image_id:
            return ""
        href = f"{self.bookmarks}/images/{instance.image_id}"
        return {"id": instance.image_id, "links": [{"rel": "bookmark", "href": href}]}

    def _fault(self, instance: Shown) -> dict[str, Any]:
        fault = {
            "code": instance.fault_code,
            "created": seconds_z(instance.fault_at),
            "message": instance.fault_message,
        }
        if self.context.is_admin:
            fault["details"] = instance.fault_detail
        return fault


def volume_of(volume: AttachedVolume) -> dict[str, Any]:
    """Return a volume of a server, and whether it goes with it."""
    return {"id": volume.volume_id, "delete_on_termination": volume.delete_on_termination}


def _volume_id(volume: AttachedVolume) -> dict[str, Any]:
    return {"id": volume.volume_id}


def flavor_of(instance: Shown) -> dict[str, Any]:
    """Return the flavor as it was when the server was made (from 2.47 on: without an id)."""
    return {
        "vcpus": instance.vcpus,
        "ram": instance.ram,
        "disk": instance.disk,
        "ephemeral": instance.ephemeral,
        "swap": instance.swap,
        "original_name": instance.flavor_name,
        "extra_specs": instance.extra_specs,
    }


def addresses(ports: Sequence[PortCard]) -> dict[str, list[dict[str, Any]]]:
    """Return ``{network name: [address, …]}`` in the order of the cards, floating ones after their fixed."""
    found: dict[str, list[dict[str, Any]]] = {}
    for port in ports:
        for address in port.addresses:
            floating = port.floating_of(address) if port.floating else ()
            for text in (address.ip_address, *(one.floating_ip_address for one in floating)):
                found.setdefault(port.network_name, []).append(
                    {
                        "version": 6 if ":" in text else 4,
                        "addr": text,
                        "OS-EXT-IPS:type": "fixed" if text is address.ip_address else "floating",
                        "OS-EXT-IPS-MAC:mac_addr": port.mac_address,
                    }
                )
    return found


def group_names(ports: Sequence[PortCard]) -> list[dict[str, str]]:
    """Return the names of the groups of all ports, each once."""
    names = {group.name: None for port in ports for group in port.groups}
    return [{"name": name} for name in names]
