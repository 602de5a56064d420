"""A port as the servers of its network know it: worked out once, and kept while the port is as it was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from network.drivers.linuxbridge import texts
from network.drivers.linuxbridge.dhcp_lines import host_lines, name_lines, own_option_lines
from network.objects import NetworkWiring, PortWiring, SubnetWiring


@dataclass(frozen=True, slots=True)
class ServedPort:
    """``hosts`` are its lines for DHCP and ``names`` those for DNS, without a control character.

    ``options`` are those for its own options.
    """

    id: str
    project_id: str
    mac: str
    addresses: Sequence[str]
    hosts: Sequence[str]
    names: Sequence[str]
    options: Sequence[str] = ()

    @classmethod
    def of(
        cls, network: NetworkWiring, served: Sequence[SubnetWiring], port: PortWiring
    ) -> ServedPort:
        """Return what servers are told of a port; raise DriverError for what is no address or line."""
        return cls(
            id=port.id,
            project_id=port.project_id,
            mac=port.mac.lower(),
            addresses=tuple(address.ip_address for address in port.addresses),
            hosts=tuple(texts.checked(host_lines(served, [port]))),
            names=tuple(texts.checked(name_lines(network, [port]))),
            options=tuple(texts.checked(own_option_lines(port))),
        )


def lines(found: Iterable[str]) -> str:
    """Return checked lines as the text of a file."""
    return "".join(f"{line}\n" for line in found)


def holders(host_lines: Collection[str]) -> set[str]:
    """Return the MACs and addresses that host lines are about."""
    return {word for line in host_lines for word in line.split(",")[:2]}
