"""Who makes networks real: each host with the kernel's bridges, or OVN for all of them (NETWORK_BACKEND)."""

from __future__ import annotations

from cloudweb.conf import env

LINUXBRIDGE, OVN = "linuxbridge", "ovn"


def backend() -> str:
    """Return which it is; raise ValueError with a sentence for what is none."""
    name = env.str("NETWORK_BACKEND", default="") or LINUXBRIDGE
    if name not in (LINUXBRIDGE, OVN):
        raise ValueError(f"NETWORK_BACKEND is {name!r}; set {LINUXBRIDGE} or {OVN}.")
    return str(name)


def is_ovn() -> bool:
    """Tell whether it is OVN: routers are on no host then, and all networks on every one."""
    return backend() == OVN
