"""Who makes networks real: each host with the kernel's bridges, or OVN for all of them (NETWORK_BACKEND)."""

from __future__ import annotations

from cloudweb.conf import network_backend

OVN = "ovn"


def is_ovn() -> bool:
    """Tell whether it is OVN: routers are on no host then, and all networks on every one."""
    return network_backend() == OVN
