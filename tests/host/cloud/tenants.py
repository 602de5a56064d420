"""A tenant of a running cloud, over HTTP with the OpenStack SDK: its servers, and how to get into them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import openstack
from openstack.connection import Connection

from cloudweb import process
from tests.infrastructure import PATIENCE, Cloud, wait_until

BOOT = 300.0  # a loaded machine without KVM
FLAVOR = "m1.nano"
CIDR = "10.77.0.0/24"  # every tenant's


def connect(cloud: Cloud, **who: Any) -> Connection:
    """Log in."""
    return openstack.connect(
        auth_url=f"{cloud.url}/identity/v3", region_name="RegionOne", user_domain_name="Default",
        project_domain_name="Default", load_yaml_config=False, load_envvars=False, **who,
    )  # fmt: skip


def operator(cloud: Cloud) -> Connection:
    """Log in as the cloud's operator."""
    return connect(
        cloud, username="admin", password=cloud.password("cloudweb-admin"), project_name="admin"
    )


class Tenant:
    """A project, its member, and a network of its own."""

    def __init__(
        self, cloud: Cloud, admin: Connection, home: Path, *, role: str = "member"
    ) -> None:
        self.name = f"t{secrets.token_hex(3)}"
        password = secrets.token_hex(8)
        project = admin.identity.create_project(name=self.name)
        user = admin.identity.create_user(name=self.name, password=password)
        admin.identity.assign_project_role_to_user(project, user, admin.identity.find_role(role))
        self.api = connect(cloud, username=self.name, password=password, project_name=self.name)
        self.network = self.api.network.create_network(name="lan")
        self.api.network.create_subnet(
            network_id=self.network.id, name="lan", cidr=CIDR, ip_version=4
        )
        self.key = home / f"{self.name}.key"
        process.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))
        self.api.compute.create_keypair(
            name="key", public_key=self.key.with_suffix(".key.pub").read_text()
        )

    def group(self, name: str) -> Any:
        """Make a security group that lets nothing in."""
        return self.api.network.create_security_group(name=name)

    def allow(self, group: Any, **rule: Any) -> None:
        """Let something in."""
        self.api.network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", **rule
        )

    def create(
        self, name: str, *, image_id: str, address: str | None = None,
        groups: Sequence[str] = (), **more: Any,
    ) -> Server:  # fmt: skip
        """Ask for a server on the tenant's network."""
        network = {"uuid": self.network.id, **({"fixed_ip": address} if address else {})}
        if groups:
            more["security_groups"] = [{"name": group} for group in groups]
        made = self.api.compute.create_server(
            name=name, image_id=image_id, flavor_id=self.api.compute.find_flavor(FLAVOR).id,
            key_name="key", networks=[network], **more,
        )  # fmt: skip
        return Server(self, made.id, name)


@dataclass(frozen=True)
class Server:
    """A server and its guest."""

    tenant: Tenant
    id: str
    name: str

    @property
    def api(self) -> Any:
        """The compute API as its owner sees it."""
        return self.tenant.api.compute

    @cached_property  # asked once, so that it is known while the API is away
    def address(self) -> str:
        """Its first address."""
        return str(self.api.get_server(self.id).addresses["lan"][0]["addr"])

    def wait(self, status: str, *, timeout: float = BOOT) -> None:
        """Wait until it has this status and no task; fail at once in ERROR."""

        def there() -> bool:
            found = self.api.get_server(self.id)
            assert found.status != "ERROR", f"{self.name}: {found.fault}"
            return bool(found.status == status and found.task_state is None)

        wait_until(there, timeout=timeout, what=f"{self.name} is {status}")

    def is_gone(self) -> bool:
        """Tell whether the API knows it no more."""
        return bool(self.api.get(f"/servers/{self.id}").status_code == 404)

    def delete(self) -> None:
        """Delete it and wait until it is gone."""
        assert self.api.delete(f"/servers/{self.id}").status_code == 204
        wait_until(self.is_gone, what=f"{self.name} is gone")

    def console(self) -> str:
        """What its guest said, whole."""
        return str(self.api.get_server_console_output(self.id)["output"])

    def wait_for_boot(self, count: int = 1) -> str:
        """Wait until the guest has booted so many times; return its console."""
        done = "demo-guest: boot complete"
        wait_until(
            lambda: self.console().count(done) >= count, timeout=BOOT, what=f"{self.name} boots"
        )
        return self.console()

    def ssh(self, *enter: str, command: str, user: str = "demo") -> process.Completed:
        """Run a command in the guest; ``enter`` begins a command line that runs where it is reached."""
        return process.run(
            *enter, "ssh", "-i", str(self.tenant.key), "-o", "BatchMode=yes",
            "-o", "ConnectTimeout=4", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
            f"{user}@{self.address}", command, check=False, timeout=PATIENCE,
        )  # fmt: skip
