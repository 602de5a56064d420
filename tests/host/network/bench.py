"""The real driver on this machine, under names of its own, and what is left of it at the end."""

from __future__ import annotations

import ipaddress
import json
import random
import re
import string
from collections.abc import Sequence
from pathlib import Path

from cloudweb import process
from network.agent import NetworkAgent
from network.drivers.linuxbridge import LinuxBridgeDriver, namespaces, nft
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.linuxbridge.links import Links
from network.drivers.linuxbridge.member_sets import set_names
from network.objects import NetworkWiring, PortWiring
from tests.builders.ports import make_network, make_subnet
from tests.host.network.waiting import appears


def make_config(**overrides: object) -> BridgeConfig:
    """Return a configuration that meets no running installation and no other run of the suite."""
    draw = random.SystemRandom()
    number = draw.randrange(512)
    values: dict[str, object] = {
        "prefix": "c" + "".join(draw.choices(string.ascii_lowercase, k=2)),
        "way_out": ipaddress.IPv4Network(
            (int(ipaddress.IPv4Address("198.18.0.0")) + number * 256, 24)
        ),
        "zones": 30_000 + number * 64,
        **overrides,
    }
    return BridgeConfig(**values)  # type: ignore[arg-type]


def make_flat_network(**overrides: object) -> NetworkWiring:
    """Return a flat network of a range that no other run uses; it lies in the root namespace."""
    draw = random.SystemRandom()
    start = f"100.{draw.randrange(64, 128)}.{draw.randrange(256)}"
    gateway = f"{start}.1"
    subnet = make_subnet(cidr=f"{start}.0/24", gateway_ip=gateway, dhcp_server_ip=gateway)
    return make_network(kind="flat", subnets=(subnet,), **overrides)


class KernelBench:
    """An agent with LinuxBridgeDriver."""

    def __init__(self, directory: Path, **overrides: object) -> None:
        self.directory = directory
        self.config = make_config(**overrides)
        self.restart()

    def restart(self) -> None:
        """Let a new process take over: new objects over the same state."""
        self.driver = LinuxBridgeDriver(self.directory / "driver", "h1", config=self.config)
        self.agent = NetworkAgent(self.driver, self.directory / "agent")
        problems = self.agent.init_host()
        assert not problems, problems

    def filters_of(self, port: PortWiring) -> int:
        """Return how many rules the kernel holds in the chains of a port."""
        table = self.config.names(port.network.id).filters
        listed = "".join(
            process.run("nft", "list", "table", family, table).text for family in ("bridge", "inet")
        )
        number = re.search(rf'"{port.tap}" : jump from_(\d+)', listed)
        assert number is not None
        chains = re.findall(r"chain (\S+) \{(.*?)\n\t\}", listed, re.DOTALL)
        return sum(
            len(body.strip().splitlines())
            for name, body in chains
            if name.endswith(f"_{number[1]}")
        )

    def members_of(self, network_id: str, group_id: str) -> set[str]:
        """Return who is in the kernel's sets of a group."""
        table, found = self.config.names(network_id).filters, set()
        for name in (*set_names(group_id, 4), *set_names(group_id, 6)):
            listed = process.run("nft", "-j", "list", "set", "inet", table, name)
            (entry,) = (one["set"] for one in json.loads(listed.stdout)["nftables"] if "set" in one)
            for one in entry.get("elem", ()):
                if isinstance(one, dict):
                    found.add(f"{one['prefix']['addr']}/{one['prefix']['len']}")
                else:
                    found.add(f"{one}/{128 if ':' in one else 32}")
        return found

    def census(self) -> Sequence[str]:
        """Return every link, namespace, table, process and file of a network that is left."""
        config = self.config
        with Links.open() as links:
            left = [
                link.name
                for link in links.all()
                if link.alias.startswith(f"{config.prefix} ") or link.name.startswith(config.prefix)
            ]
        left += namespaces.names(f"{config.table}-")
        left += [name for _family, name in nft.tables(config.table)]
        home = str(self.directory).encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if home in words and (b"dnsmasq" in words or b"metadata_proxy" in words):
                    left.append(words.decode())
        left += [str(path) for path in (self.directory / "driver" / "networks").glob("*")]
        left += [str(path) for path in (self.directory / "driver").glob("metadata")]
        return left

    def close(self) -> None:
        """Take all away."""
        self.agent.delete_everything()
        # a server's helper ends by itself, a moment after it
        appears(lambda: not self.census())
