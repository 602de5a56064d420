"""How a guest's own stack gets addresses of IPv6, and which it has."""

from __future__ import annotations

import json
from typing import Any

from network.drivers.linuxbridge import namespaces
from tests.host.network.guests import Guest


def wake(guest: Guest) -> None:
    """Let the guest's kernel ask for routers as it does when its card comes up."""
    for name, value in (("router_solicitation_delay", "0"), ("accept_ra", "1")):
        guest.inside(
            lambda name=name, value=value: namespaces.write_sysctl(
                f"net/ipv6/conf/eth0/{name}", value
            )
        )
    guest.ip("link", "set", "eth0", "down")
    guest.ip("link", "set", "eth0", "up")


def addresses(guest: Guest) -> set[str]:
    found = json.loads(guest.ip("-j", "-6", "addr", "show", "dev", "eth0", "scope", "global"))
    return {one["local"] for link in found for one in link.get("addr_info", ()) if "local" in one}


def default_route(guest: Guest) -> dict[str, Any]:
    found = json.loads(guest.ip("-j", "-6", "route", "show", "default"))
    return found[0] if found else {}
