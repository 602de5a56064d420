"""What a guest learns about itself: the OpenStack and the EC2 tree, on a config drive or over HTTP.

The OpenStack layout is ``openstack/<version>/{meta_data.json,user_data,network_data.json,
vendor_data.json}``; EC2's is ``<version>/meta-data/…``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase
from typing import Any

from cloudweb.addresses import parse_block
from cloudweb.encryption import decrypt
from instances import injected_files
from instances.certificates import BEGINNING
from instances.models import BlockDevice, Instance, InstancePort
from network.objects import PortWiring

OPENSTACK_VERSIONS = (
    "2012-08-10",
    "2013-10-17",
    "2015-10-15",
    "2016-10-06",
    "2018-08-27",
    "latest",
)
#: Where a device is plugged is the hypervisor's choice.
ANYWHERE = {"bus": "none", "address": "none"}
DISK_NAMES = tuple(f"vd{letter}" for letter in ascii_lowercase)
EC2_VERSIONS = ("1.0", "2007-01-19", "2008-02-01", "2009-04-04", "latest")


class GuestMetadata:
    """The documents of one server; ``ports`` in the order of its cards.

    ``cards`` and ``disks``, the latter in the order the guest sees them, say how they are tagged.
    """

    def __init__(
        self,
        instance: Instance,
        ports: Sequence[PortWiring],
        *,
        cards: Iterable[InstancePort] = (),
        disks: Iterable[BlockDevice] = (),
    ) -> None:
        self.instance, self.ports = instance, ports
        self.cards, self.disks = cards, disks

    @property
    def hostname(self) -> str:
        """The name with the domain of the first network, unless it has one of its own."""
        name = self.instance.hostname
        domain = self.ports[0].network.dns_domain if self.ports else ""
        return f"{name}.{domain}" if domain and "." not in name else name

    @property
    def has_certificate(self) -> bool:
        """Tell whether the server's key is a certificate, which is no line for authorized_keys."""
        return self.instance.public_key.lstrip().startswith(BEGINNING)

    def meta_data(self) -> dict[str, Any]:
        """Return meta_data.json."""
        instance = self.instance
        data: dict[str, Any] = {
            "uuid": str(instance.id),
            "name": instance.name,
            "hostname": self.hostname,
            "project_id": instance.project_id,
            "availability_zone": instance.zone,
            "launch_index": instance.launch_index,
            "meta": instance.metadata,
            "devices": [*self._cards(), *self._disks()],
        }
        password = instance.rescue_password or instance.admin_password
        if password:
            data["admin_pass"] = decrypt(password)
        if instance.public_key:
            name = instance.key_name or "default"
            key = f"{instance.public_key.strip()}\n"
            if not self.has_certificate:
                data["public_keys"] = {name: key}
            kind = "x509" if self.has_certificate else "ssh"
            data["keys"] = [{"name": name, "type": kind, "data": key}]
        return data

    def _cards(self) -> Iterator[dict[str, Any]]:
        """Yield the cards that have a tag; a guest knows them by their address."""
        tags = {str(card.port_id): card.tag for card in self.cards if card.tag}
        for port in self.ports:
            if port.id in tags:
                yield {"type": "nic", "mac": port.mac, **ANYWHERE, "tags": [tags[port.id]]}

    def _disks(self) -> Iterator[dict[str, Any]]:
        """Yield the disks that have a tag; a guest knows them by their name."""
        for name, disk in zip(DISK_NAMES, self.disks, strict=False):
            if disk.tag:
                yield {"type": "disk", "path": f"/dev/{name}", **ANYWHERE, "tags": [disk.tag]}

    def user_data(self) -> bytes | None:
        """Return the user data as it was given, or None."""
        if not self.instance.user_data:
            return None
        return base64.b64decode(decrypt(self.instance.user_data))

    def network_data(self) -> dict[str, Any]:
        """Return network_data.json: links, networks and DNS services."""
        links, networks, services = [], [], []
        for number, port in enumerate(self.ports):
            link = f"tap{number}"
            links.append(
                {
                    "id": link,
                    "vif_id": port.id,
                    "type": "bridge",
                    "mtu": port.network.mtu,
                    "ethernet_mac_address": port.mac,
                }
            )
            subnets = {subnet.id: subnet for subnet in port.network.subnets}
            for place, address in enumerate(port.addresses):
                subnet = subnets.get(address.subnet_id)
                if subnet is None:
                    continue
                net = parse_block(subnet.cidr)
                kind = (
                    "ipv4_dhcp" if subnet.enable_dhcp and net.version == 4 else f"ipv{net.version}"
                )
                entry: dict[str, Any] = {
                    "id": f"network{number}-{place}",
                    "type": kind,
                    "link": link,
                    "network_id": port.network.id,
                }
                if kind != "ipv4_dhcp":
                    entry |= {
                        "ip_address": address.ip_address,
                        "netmask": str(net.netmask),
                        "routes": _routes(subnet.gateway_ip, net.version),
                    }
                networks.append(entry)
                services += [{"type": "dns", "address": dns} for dns in subnet.dns_nameservers]
        return {"links": links, "networks": networks, "services": services}

    def ec2(self) -> dict[str, Any]:
        """Return the EC2 meta-data tree: dictionaries are folders."""
        instance = self.instance
        addresses = [
            address.ip_address
            for port in self.ports
            for address in port.addresses
            if "." in address.ip_address
        ]
        tree: dict[str, Any] = {
            "ami-id": f"ami-{instance.image_id[:8]}" if instance.image_id else "None",
            "ami-launch-index": str(instance.launch_index),
            "ami-manifest-path": "unknown",
            "hostname": self.hostname,
            "instance-action": "none",
            "instance-id": f"i-{instance.id.hex[:8]}",
            "instance-type": instance.flavor_name,
            "local-hostname": self.hostname,
            "local-ipv4": addresses[0] if addresses else "",
            "placement": {"availability-zone": instance.zone},
            "public-hostname": self.hostname,
            "public-ipv4": "",
            "reservation-id": instance.reservation_id,
            "security-groups": "\n".join(instance.security_groups),
        }
        if instance.public_key and not self.has_certificate:
            name = instance.key_name or "default"
            tree["public-keys"] = {
                "": f"0={name}",
                "0": {"openssh-key": instance.public_key.strip()},
            }
        return tree

    def config_drive(self) -> dict[str, str]:
        """Return the files of the config drive, as base64 of their content."""
        files: dict[str, bytes] = {}
        listed = []
        for number, (path, content) in enumerate(injected_files.read(self.instance.injected_files)):
            content_path = f"/content/{number:04}"
            listed.append({"path": path, "content_path": content_path})
            files[f"openstack{content_path}"] = content
        meta_data = {**self.meta_data(), **({"files": listed} if listed else {})}
        for version in ("latest", "2018-08-27"):
            root = f"openstack/{version}"
            files[f"{root}/meta_data.json"] = _json(meta_data)
            files[f"{root}/network_data.json"] = _json(self.network_data())
            files[f"{root}/vendor_data.json"] = b"{}"
            user_data = self.user_data()
            if user_data is not None:
                files[f"{root}/user_data"] = user_data
        files["ec2/latest/meta-data.json"] = _json(self.ec2())
        return {path: base64.b64encode(content).decode() for path, content in files.items()}

    def document(self, path: str) -> bytes | None:
        """Return what stands at a path of the metadata service; None where there is nothing."""
        parts = [part for part in path.split("/") if part]
        if not parts:
            return "\n".join((*EC2_VERSIONS, "openstack")).encode()
        if parts[0] == "openstack":
            return self._openstack(parts[1:])
        return self._ec2(parts)

    def _openstack(self, parts: Sequence[str]) -> bytes | None:
        if not parts:
            return "\n".join(OPENSTACK_VERSIONS).encode()
        if parts[0] not in OPENSTACK_VERSIONS or len(parts) > 2:
            return None
        user_data = self.user_data()
        documents = {
            "meta_data.json": _json(self.meta_data()),
            "network_data.json": _json(self.network_data()),
            "vendor_data.json": b"{}",
            "password": self.instance.posted_password.encode(),
            **({"user_data": user_data} if user_data is not None else {}),
        }
        if len(parts) == 1:
            return "\n".join(documents).encode()
        return documents.get(parts[1])

    def _ec2(self, parts: Sequence[str]) -> bytes | None:
        if parts[0] not in EC2_VERSIONS:
            return None
        user_data = self.user_data()
        if len(parts) == 1:
            return ("meta-data/\nuser-data" if user_data is not None else "meta-data/").encode()
        if parts[1] == "user-data":
            return user_data if len(parts) == 2 else None
        if parts[1] != "meta-data":
            return None
        node: Any = self.ec2()
        for part in parts[2:]:
            if not isinstance(node, dict) or part not in node or not part:
                return None
            node = node[part]
        if not isinstance(node, dict):
            return str(node).encode()
        if "" in node:
            return str(node[""]).encode()
        return "\n".join(f"{k}/" if isinstance(v, dict) else k for k, v in node.items()).encode()


def _routes(gateway: str | None, version: int) -> list[dict[str, str]]:
    if gateway is None:
        return []
    everywhere = parse_block("0.0.0.0/0" if version == 4 else "::/0")
    return [
        {
            "network": str(everywhere.network_address),
            "netmask": str(everywhere.netmask),
            "gateway": gateway,
        }
    ]


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
