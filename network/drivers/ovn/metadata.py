"""Where a network's guests ask for metadata on this host: a namespace on the network's own port for it."""

from __future__ import annotations

from cloudweb import process
from cloudweb.addresses import parse_block
from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.linuxbridge.links import Links
from network.drivers.ovn.switch import Switch
from network.objects import NetworkWiring
from network.ovn_names import METADATA_ADDRESS, metadata_mac, metadata_port

INSIDE = "meta0"


def leg_of(config: BridgeConfig, network_id: str) -> str:
    """Return what the host's end of the wire into the namespace is called."""
    return config.names(network_id).leg


def ensure_place(
    network: NetworkWiring, config: BridgeConfig, switch: Switch, *, offloads: bool
) -> bool:
    """Make the namespace be on the network's port; return False where no subnet has an address for it."""
    served = {
        subnet.dhcp_server_ip: parse_block(subnet.cidr).prefixlen
        for subnet in network.subnets
        if subnet.ip_version == 4 and subnet.enable_dhcp and subnet.dhcp_server_ip
        and subnet.dhcp_server_ip != subnet.gateway_ip
    }  # fmt: skip
    if not served:
        return False
    names, leg = config.names(network.id), leg_of(config, network.id)
    namespaces.ensure(names.namespace)
    mac = metadata_mac(network.id)
    with Links.open() as links:
        if namespaces.inside(names.namespace, _has_end) is False:
            links.delete(leg)  # its namespace was lost
        links.ensure_veth(leg, peer=INSIDE, namespace=names.namespace, mac=mac)
        namespaces.write_sysctl(f"net/ipv6/conf/{leg}/disable_ipv6", "1")
        links.ensure(leg, alias=names.alias, mtu=network.mtu)
    inside = ("ip", "-n", names.namespace)
    process.run(*inside, "link", "set", INSIDE, "mtu", str(network.mtu), "up")
    process.run(*inside, "addr", "flush", "dev", INSIDE, "scope", "global")
    for address, length in {**served, METADATA_ADDRESS: 32}.items():
        process.run(*inside, "addr", "replace", f"{address}/{length}", "dev", INSIDE)
    if not offloads:
        words = ("ethtool", "-K", INSIDE, "tx", "off", "gro", "off")
        process.run(*namespaces.command(names.namespace, *words))
    switch.plug(leg, interface_id=metadata_port(network.id), mac=mac, network_id=network.id)
    return True


def remove_place(network_id: str, config: BridgeConfig, switch: Switch) -> None:
    """Make the namespace absent."""
    leg = leg_of(config, network_id)
    switch.unplug([leg])
    with Links.open() as links:
        links.delete(leg)
    namespaces.delete(config.names(network_id).namespace)


def _has_end() -> bool:
    with Links.open() as links:
        return links.find(INSIDE) is not None
