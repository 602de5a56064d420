"""The thin driver of hosts under OVN."""

from network.drivers.ovn.driver import OvnDriver

__all__ = ["OvnDriver"]
