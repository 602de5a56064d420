"""The part of libvirt-python's QEMU module that Cloudweb uses."""

from libvirt import virDomain

def qemuMonitorCommand(domain: virDomain, cmd: str, flags: int) -> str: ...
