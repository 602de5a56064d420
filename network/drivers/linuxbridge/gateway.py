"""The gateway of a network on this host, and the way out.

An isolated network's gateway is in its namespace; guests leave by a veth to the root namespace, once
translated to the veth's address and once more to the host's own. A flat network's gateway is in the
root namespace itself.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.drivers.linuxbridge import namespaces, nft, texts
from network.drivers.linuxbridge.config import (
    GATEWAY,
    METADATA_ADDRESS,
    OUT,
    BridgeConfig,
    NetworkNames,
)
from network.drivers.linuxbridge.links import Links
from network.drivers.linuxbridge.resolvers import resolvers
from network.drivers.linuxbridge.slots import Slot
from network.objects import NetworkWiring, SubnetWiring

_HOST_TABLE = re.compile(r"^cloudweb(_[a-z]{1,3})?\Z")


class Gateways:
    """Gateway addresses, forwarding and NAT."""

    def __init__(self, directory: Path, config: BridgeConfig) -> None:
        self._config = config
        self._uplinks_file = directory / "uplinks.json"
        self._lock = threading.Lock()

    def ensure_isolated(self, network: NetworkWiring, names: NetworkNames, slot: Slot) -> None:
        """Make the namespace the network's gateway, and its way out be there or not, as told."""
        if network.nat:
            with Links.open() as links:
                links.ensure_veth(names.way_out, peer=OUT, namespace=names.namespace)
                links.ensure(names.way_out, alias=names.alias)
                links.ensure_addresses(names.way_out, [f"{slot.host}/30"])
            namespaces.write_sysctl(f"net/ipv6/conf/{names.way_out}/disable_ipv6", "1")
            namespaces.write_sysctl(f"net/ipv4/conf/{names.way_out}/forwarding", "1")
        else:
            with Links.open() as links:
                links.delete(names.way_out)
            self._guard_host()
        nft.apply(_namespace_table(network), namespace=names.namespace)
        namespaces.inside(names.namespace, lambda: self._inside(network, slot))
        if network.nat:
            self._ensure_host()

    def ensure_flat(self, network: NetworkWiring, names: NetworkNames) -> None:
        """Make the host itself the network's gateway."""
        self._guard_host()
        nft.apply(_edge_table(network, names, self._config))
        namespaces.write_sysctl(f"net/ipv6/conf/{names.host_leg}/accept_ra", "0")
        namespaces.write_sysctl(f"net/ipv4/conf/{names.host_leg}/forwarding", "1")
        with Links.open() as links:
            links.ensure(names.host_leg, alias=names.alias, mtu=network.mtu)
            links.ensure_addresses(names.host_leg, gateway_addresses(network))
        if network.nat:
            self._ensure_host()

    def release_host(self) -> None:
        """Put the host's own forwarding back as it was and drop the table (no network is left)."""
        with self._lock:
            others = [
                name
                for _family, name in nft.tables("cloudweb")
                if _HOST_TABLE.match(name) and name != self._config.table
            ]
            for uplink in () if others else self._switched_on():
                namespaces.write_sysctl(f"net/ipv4/conf/{uplink}/forwarding", "0")
            self._uplinks_file.unlink(missing_ok=True)
            nft.delete(("inet", self._config.table))

    def _inside(self, network: NetworkWiring, slot: Slot) -> None:
        namespaces.write_sysctl("net/ipv6/conf/default/accept_ra", "0")
        namespaces.write_sysctl("net/ipv4/ip_forward", "1")
        namespaces.write_sysctl("net/ipv6/conf/all/forwarding", "1")
        with Links.open() as links:
            links.ensure(GATEWAY, mtu=network.mtu)
            links.ensure_addresses(GATEWAY, [*gateway_addresses(network), f"{METADATA_ADDRESS}/32"])
            if network.nat:
                links.ensure(OUT)
                links.ensure_addresses(OUT, [f"{slot.inside}/30"])
                links.ensure_default_route(str(slot.host))

    def _ensure_host(self) -> None:
        """Let the host forward for our networks: on its uplinks, and for nothing else there."""
        with self._lock:
            with Links.open() as links:
                uplinks = links.uplinks()
            switched = set(self._switched_on())
            if namespaces.read_sysctl("net/ipv4/ip_forward") == "1":
                # Somebody made the whole host a router: what it forwards besides is not ours to stop.
                self._uplinks_file.unlink(missing_ok=True)
                switched = set()
            fresh = {
                uplink
                for uplink in uplinks
                if namespaces.read_sysctl(f"net/ipv4/conf/{uplink}/forwarding") == "0"
            }
            if fresh - switched:
                write_atomically(self._uplinks_file, json.dumps(sorted(switched | fresh)))
            # First what forbids, then the switch: nothing is forwarded in between.
            nft.apply(host_table(self._config, self._switched_on(), resolvers()))
            for uplink in fresh:
                namespaces.write_sysctl(f"net/ipv4/conf/{uplink}/forwarding", "1")

    def _guard_host(self) -> None:
        """Close the host to guests, before there is an interface that they could come by."""
        with self._lock:
            nft.apply(host_table(self._config, self._switched_on(), resolvers()))

    def _switched_on(self) -> Sequence[str]:
        return read_record(self._uplinks_file, _names) or ()


def _names(kept: Any) -> Sequence[str]:
    if not isinstance(kept, list) or not all(isinstance(name, str) for name in kept):
        raise ValueError("not a list of interfaces")
    return kept


def gateway_addresses(network: NetworkWiring) -> Sequence[str]:
    """Return the addresses this host answers on: the gateway's, and the DHCP server's where it differs."""
    found: dict[str, None] = {}
    for subnet in network.subnets:
        block = texts.block(subnet.cidr)
        for text in (subnet.gateway_ip, server_address(subnet)):
            if text is not None:
                address = texts.address(text)
                near = address in block or address.is_link_local
                found[f"{address}/{block.prefixlen if near else block.max_prefixlen}"] = None
    return list(found)


def server_address(subnet: SubnetWiring) -> str | None:
    """Return the address DHCP and DNS answer from, or None when they do not."""
    if not subnet.enable_dhcp:
        return None
    return subnet.dhcp_server_ip or subnet.gateway_ip


def host_table(
    config: BridgeConfig, switched_on: Sequence[str], name_servers: Sequence[str] = ()
) -> str:
    """Return the root namespace's table.

    NAT outwards, no way from one tenant to another, and of the host itself no more than ICMP, and on
    flat networks DHCP, DNS and metadata. ``name_servers`` may be the host itself: networks ask them.
    """
    ours, legs = f'"{config.prefix}*"', f'"{config.prefix}o*"'
    flat = f'"{config.prefix}h*"'
    guarded = ", ".join(f'"{name}"' for name in switched_on)
    lines = [
        nft.fresh("inet", config.table).rstrip(),
        f"table inet {config.table} {{",
        "  chain input {",
        "    type filter hook input priority filter; policy accept;",
        f"    iifname {flat} goto flat",
        f"    iifname {legs} goto leg",
        "  }",
        "  chain flat {",
        "    ct state established,related accept",
        "    icmp type echo-request accept",
        "    meta l4proto ipv6-icmp accept",
        "    udp dport { 53, 67, 547 } accept",
        "    tcp dport 53 accept",
        f"    ct status dnat tcp dport {config.metadata_port} accept",
        "    drop",
        "  }",
        "  chain leg {",
        "    ct state established,related accept",
        "    icmp type echo-request accept",
        *(
            [
                f"    ip daddr {{ {', '.join(name_servers)} }} meta l4proto {{ tcp, udp }} th dport 53 accept"
            ]
            if name_servers
            else []
        ),
        "    drop",
        "  }",
        "  chain forward {",
        "    type filter hook forward priority filter; policy accept;",
        f"    iifname {legs} oifname {legs} drop",
        f"    oifname {legs} ct state != {{ established, related }} drop",
        # Forwarding is on there for our sake alone.
        *(
            [
                f"    iifname {{ {guarded} }} oifname != {ours} ct state != {{ established, related }} drop"
            ]
            if guarded
            else []
        ),
        "  }",
        "  chain postrouting {",
        "    type nat hook postrouting priority srcnat; policy accept;",
        f"    ip saddr {config.way_out} oifname != {ours} masquerade",
        "  }",
        "}",
        "",
    ]
    return "\n".join(lines)


def _namespace_table(network: NetworkWiring) -> str:
    four = _cidrs(network, 4)
    lines = [
        nft.fresh("inet", "cloudweb").rstrip(),
        "table inet cloudweb {",
        "  chain input {",
        "    type filter hook input priority filter; policy drop;",
        '    iifname "lo" accept',
        "    ct state established,related accept",
        f'    iifname "{GATEWAY}" icmp type echo-request accept',
        f'    iifname "{GATEWAY}" meta l4proto ipv6-icmp accept',
        f'    iifname "{GATEWAY}" udp dport {{ 53, 67, 547 }} accept',
        f'    iifname "{GATEWAY}" tcp dport 53 accept',
        f'    iifname "{GATEWAY}" ip daddr {METADATA_ADDRESS} tcp dport 80 accept',
        "  }",
        "  chain forward {",
        "    type filter hook forward priority filter; policy drop;",
        f'    iifname "{GATEWAY}" oifname "{GATEWAY}" accept',
        "    ct state established,related accept",
        *(
            [f'    iifname "{GATEWAY}" oifname "{OUT}" ip saddr {{ {four} }} accept']
            if four and network.nat
            else []
        ),
        "  }",
        "  chain postrouting {",
        "    type nat hook postrouting priority srcnat; policy accept;",
        f'    oifname "{OUT}" masquerade',
        "  }",
        "}",
        "",
    ]
    return "\n".join(lines)


def _edge_table(network: NetworkWiring, names: NetworkNames, config: BridgeConfig) -> str:
    four = _cidrs(network, 4)
    redirect = f"redirect to :{config.metadata_port}"
    lines: Iterable[str] = [
        nft.fresh("inet", names.edge).rstrip(),
        f"table inet {names.edge} {{",
        "  chain direct {",  # the proxy's port is reached by the metadata address alone
        "    type filter hook prerouting priority raw; policy accept;",
        f'    iifname "{names.host_leg}" tcp dport {config.metadata_port} drop',
        "  }",
        "  chain prerouting {",
        "    type nat hook prerouting priority dstnat; policy accept;",
        f'    iifname "{names.host_leg}" ip daddr {METADATA_ADDRESS} tcp dport 80 {redirect}',
        "  }",
        "  chain postrouting {",
        "    type nat hook postrouting priority srcnat; policy accept;",
        *(
            [f'    ip saddr {{ {four} }} oifname != "{config.prefix}*" masquerade']
            if four and network.nat
            else []
        ),
        "  }",
        "}",
        "",
    ]
    return "\n".join(lines)


def _cidrs(network: NetworkWiring, version: int) -> str:
    networks = [
        texts.block(subnet.cidr) for subnet in network.subnets if subnet.ip_version == version
    ]
    return ", ".join(str(found) for found in networks)
