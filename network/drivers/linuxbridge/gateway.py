"""The gateway of a network on this host, and the way out.

An isolated network's gateway is in its namespace; guests leave by a veth to the root namespace, once
translated to the veth's address and once more to the host's own. A flat network's gateway is in the
root namespace itself.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from cloudweb.driver import DriverError
from network.drivers.linuxbridge import namespaces, nft, texts
from network.drivers.linuxbridge.announcing import announce
from network.drivers.linuxbridge.config import (
    GATEWAY,
    METADATA_ADDRESS,
    METADATA_SIX,
    OUT,
    BridgeConfig,
    NetworkNames,
)
from network.drivers.linuxbridge.links import Links
from network.drivers.linuxbridge.resolvers import resolvers
from network.drivers.linuxbridge.slots import Slot
from network.drivers.linuxbridge.tunnels import Tunnels
from network.drivers.linuxbridge.uplinks import TABLE, Uplinks
from network.objects import NetworkWiring, SubnetWiring


class Gateways:
    """Gateway addresses, forwarding and NAT."""

    def __init__(self, directory: Path, config: BridgeConfig, tunnels: Tunnels) -> None:
        self._config, self._tunnels = config, tunnels
        self._uplinks = Uplinks(directory, config.prefix)
        self._lock = threading.Lock()

    def ensure_isolated(self, network: NetworkWiring, names: NetworkNames, slot: Slot) -> None:
        """Make the namespace the network's gateway, and its way out be there or not, as told."""
        if network.nat:
            with Links.open() as links:
                if Links.lacks(OUT, namespace=names.namespace):
                    links.delete(
                        names.way_out
                    )  # its namespace was lost, and it goes only after a while
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
            wanted = gateway_addresses(network)
            for address, holder in links.held_elsewhere(names.host_leg, wanted):
                raise DriverError(
                    "The network's gateway address is another interface's of this host.",
                    detail=f"{address} is on {holder}",
                )
            links.ensure_addresses(names.host_leg, wanted)
        if network.nat:
            self._ensure_host()

    def facts(self, network: NetworkWiring) -> Sequence[object]:
        """Return what of this host a gateway depends on; while it is the same there is nothing to do."""
        used = self._uplinks.facts() if network.nat else ()
        return (*resolvers(), self._tunnels.underlay, *used)

    def release_host(self) -> None:
        """Put the host's own forwarding back as it was and drop the table (no network is left)."""
        with self._lock:
            self._uplinks.release()
            nft.delete(("inet", self._config.table))

    def is_unguarded(self, tables: Collection[tuple[str, str]]) -> bool:
        """Tell whether the host forwards for us and the table that guards it is not among ``tables``."""
        return ("inet", TABLE) not in tables and self._uplinks.are_used()

    def _inside(self, network: NetworkWiring, slot: Slot) -> None:
        namespaces.write_sysctl("net/ipv6/conf/default/accept_ra", "0")
        namespaces.write_sysctl("net/ipv4/ip_forward", "1")
        namespaces.write_sysctl("net/ipv6/conf/all/forwarding", "1")
        # Its addresses are its own, so servers need not wait until nobody objected to them.
        namespaces.write_sysctl(f"net/ipv6/conf/{GATEWAY}/accept_dad", "0")
        with Links.open() as links:
            links.ensure(GATEWAY, mtu=network.mtu)
            fresh = links.ensure_addresses(
                GATEWAY, [*gateway_addresses(network), f"{METADATA_ADDRESS}/32"]
            )
            announce(GATEWAY, fresh)
            if namespaces.has_six(GATEWAY):
                links.ensure_link_local(GATEWAY, METADATA_SIX)
            if network.nat:
                links.ensure(OUT)
                links.ensure_addresses(OUT, [f"{slot.inside}/30"])
                links.ensure_default_route(str(slot.host))

    def _ensure_host(self) -> None:
        """Let the host forward for our networks, once it is closed to guests."""
        self._guard_host()
        with self._lock:
            self._uplinks.ensure()

    def _guard_host(self) -> None:
        """Close the host to guests, before there is an interface that they could come by."""
        with self._lock:
            underlay = self._tunnels.underlay
            nft.apply(host_table(self._config, resolvers(), underlay=underlay))


def gateway_addresses(network: NetworkWiring) -> Sequence[str]:
    """Return the addresses this host answers on: the gateway's unless it is a router's, and the DHCP server's."""
    found: dict[str, None] = {}
    for subnet in network.subnets:
        block = texts.block(subnet.cidr)
        for text in (None if subnet.routed else subnet.gateway_ip, server_address(subnet)):
            if text is not None:
                address = texts.address(text)
                near = address in block or address.is_link_local
                found[f"{address}/{block.prefixlen if near else block.max_prefixlen}"] = None
    return list(found)


def server_address(subnet: SubnetWiring) -> str | None:
    """Return the address DHCP and DNS answer from, or None when they do not.

    An IPv6 subnet without a mode is left to those on it.
    """
    modes = subnet.ipv6_ra_mode, subnet.ipv6_address_mode
    if not subnet.enable_dhcp or (subnet.ip_version == 6 and not any(modes)):
        return None
    return subnet.dhcp_server_ip or subnet.gateway_ip


def routes_six(network: NetworkWiring) -> bool:
    """Tell whether guests may take this host's end of the network for their IPv6 router.

    A router of theirs is one for all their subnets; the host forwards for a flat network if it does at all.
    """
    six = [subnet for subnet in network.subnets if subnet.ip_version == 6]
    if any(subnet.routed for subnet in six) or not any(subnet.gateway_ip for subnet in six):
        return False
    if network.kind == "isolated":
        return True
    return namespaces.read_sysctl("net/ipv6/conf/all/forwarding") == "1"


def host_table(
    config: BridgeConfig, name_servers: Sequence[str] = (), *, underlay: str = ""
) -> str:
    """Return the root namespace's table.

    NAT outwards, no way from one tenant to another, and of the host itself no more than ICMP, and on
    flat networks DHCP, DNS and metadata. ``name_servers`` may be the host itself: networks ask them.
    Nobody sends into the tunnels between hosts, and nothing to ``underlay``, an interface that has them alone.
    """
    ours, legs = f'"{config.prefix}*"', f'"{config.prefix}o*"'
    flat = f'"{config.prefix}h*"'
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
        *(
            [f"    iifname {ours} oifname != {ours} udp dport {config.tunnel_port} drop"]
            if config.tunnel
            else []
        ),
        *([f'    iifname {ours} oifname "{underlay}" drop'] if underlay else []),
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
        f'    iifname "{GATEWAY}" ip6 daddr {METADATA_SIX} tcp dport 80 accept',
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
        texts.block(subnet.cidr)
        for subnet in network.subnets
        if subnet.ip_version == version and not subnet.routed
    ]
    return ", ".join(str(found) for found in networks)
