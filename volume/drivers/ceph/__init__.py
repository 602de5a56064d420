"""Volumes that are images of Ceph's RBD."""

from volume.drivers.ceph.driver import CephDriver

__all__ = ["CephDriver"]
