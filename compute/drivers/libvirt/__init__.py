"""The driver for real guests: QEMU and KVM through libvirt."""

from compute.drivers.libvirt.driver import LibvirtDriver

__all__ = ["LibvirtDriver"]
