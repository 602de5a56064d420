"""Volumes in a thin pool of LVM, served over NBD."""

from volume.drivers.lvm.driver import LvmDriver

__all__ = ["LvmDriver"]
