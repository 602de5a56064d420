"""The driver for real hosts: Linux bridges, namespaces, nftables and dnsmasq."""

from network.drivers.linuxbridge.driver import LinuxBridgeDriver

__all__ = ["LinuxBridgeDriver"]
