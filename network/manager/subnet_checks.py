"""What a network and its subnets need of each other."""

from __future__ import annotations

from cloudweb.exceptions import InvalidInput

LEAST_MTU = 1280


def check_mtu(mtu: int, ip_version: int) -> None:
    """Raise InvalidInput for a network whose packets are too small for IPv6 (RFC 8200)."""
    if ip_version == 6 and mtu < LEAST_MTU:
        raise InvalidInput(field="mtu", value=mtu, reason=f"IPv6 needs {LEAST_MTU} at least.")
