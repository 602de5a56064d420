"""A tenant's server with the way to it, on a machine with a cloud of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openstack.connection import Connection

from cloudweb import process
from tests.host.cloud.conftest import Machine
from tests.host.cloud.tenants import Server, Tenant

ADDRESS = "10.77.0.10"


class Room:
    """A tenant with a server, and the namespace of its network, from which it is reached."""

    def __init__(self, machine: Machine, admin: Connection, home: Path) -> None:
        self.tenant = Tenant(machine.cloud, admin, home)
        self.image = next(image.id for image in admin.image.images() if image.name == "demo")
        self.group = self.tenant.group("gate")
        table = f"cloudweb_{machine.settings['NETWORK_PREFIX']}"
        self.enter = ("nsenter", f"--net=/run/netns/{table}-{self.tenant.network.id}")
        self.server = self.create(self.tenant.name, address=ADDRESS)

    def create(self, name: str, *, address: str, image_id: str = "") -> Server:
        return self.tenant.create(
            name, image_id=image_id or self.image, address=address, groups=[self.group.name]
        )

    def open(self) -> None:
        """Let ping and SSH in."""
        self.tenant.allow(self.group, protocol="icmp", ether_type="IPv4")
        self.tenant.allow(self.group, protocol="tcp", port_range_min=22, port_range_max=22)

    def pings(self, address: str = ADDRESS) -> bool:
        words = (*self.enter, "ping", "-n", "-c", "1", "-W", "1", address)
        return process.run(*words, check=False).returncode == 0

    def says(self, command: str, server: Server | None = None) -> str:
        """Run a command in the guest."""
        return (server or self.server).ssh(*self.enter, command=command).text.strip()

    def does(self, command: str, server: Server | None = None) -> str:
        """Run a command in the guest as root; fail where it fails."""
        done = (server or self.server).ssh(*self.enter, command=command, user="root")
        assert done.returncode == 0, done
        return done.text.strip()

    def port(self) -> Any:
        (port,) = self.tenant.api.network.ports(device_id=self.server.id)
        return port
