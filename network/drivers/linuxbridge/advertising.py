"""A router's advertisements on its legs: by them guests learn prefixes, and the way to elsewhere (RFC 4861)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cloudweb.files import write_atomically
from network.drivers.linuxbridge import texts
from network.drivers.linuxbridge.dhcp_lines import (
    announcement_words,
    router_range,
    six_options,
)
from network.drivers.linuxbridge.dnsmasq import Dnsmasq, server_user
from network.objects import NetworkWiring, SubnetWiring
from network.routers.objects import RouterWiring, leg_name


@dataclass(frozen=True, slots=True)
class Announced:
    """A subnet that a router's leg is on."""

    leg: str
    network: NetworkWiring
    subnet: SubnetWiring


class Advertiser:
    """The dnsmasq of one router, which only advertises: the router's table keeps DHCP's questions from it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process = Dnsmasq(directory)

    def ensure(self, router: RouterWiring, *, namespace: str) -> None:
        """Make it advertise what the router's interfaces are on; nothing to advertise means no process."""
        found = announced(router) if router.admin_up else ()
        if not found:
            self.stop()
            return
        command = texts.checked(self._command(found))
        start = "\n".join(command)
        if self._read() == start and self._process.pid() is not None:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        self._process.start(namespace, command)
        write_atomically(self._directory / "command", start)

    def stop(self) -> None:
        """End it and drop its files; absent is fine."""
        self._process.halt()
        shutil.rmtree(self._directory, ignore_errors=True)

    def is_dead(self) -> bool:
        """Tell whether one was started here and runs no more."""
        return (self._directory / "command").exists() and self._process.pid() is None

    def _command(self, found: Sequence[Announced]) -> list[str]:
        mtus = {one.leg: one.network.mtu for one in found}
        words = [*self._process.words(server_user()), "--port=0"]
        words += [f"--interface={leg}" for leg in mtus]
        for number, one in enumerate(found):
            words.append(f"--dhcp-range={router_range(number, one.subnet)}")
            options = six_options(number, one.network, one.subnet)
            words += [f"--dhcp-option={line}" for line in options]
        words += announcement_words([one.subnet for one in found], mtus, routes=True)
        return words

    def _read(self) -> str:
        path = self._directory / "command"
        return path.read_text(errors="replace") if path.exists() else ""


def announced(router: RouterWiring) -> Sequence[Announced]:
    """Return the subnets whose guests this router tells how to get their addresses."""
    found = []
    for port in router.interfaces:
        mine = {address.subnet_id for address in port.addresses}
        found += [
            Announced(leg_name(port.id), port.network, subnet)
            for subnet in port.network.subnets
            if subnet.id in mine and subnet.ip_version == 6 and subnet.ipv6_ra_mode
        ]
    return found
