"""Who makes networks real: each host with the kernel's bridges, or OVN for all of them (NETWORK_BACKEND)."""

from __future__ import annotations

from cloudweb.conf import network_backend
from cloudweb.exceptions import InvalidInput

OVN = "ovn"


def is_ovn() -> bool:
    """Tell whether it is OVN: routers are on no host then, and all networks on every one."""
    return network_backend() == OVN


def refuse_under_ovn(*, field: str, value: object, what: str) -> None:
    """Raise InvalidInput where OVN is what makes networks: it cannot do this."""
    if is_ovn():
        raise InvalidInput(
            field=field, value=value, reason=f"This cloud's networks have no {what}."
        )
