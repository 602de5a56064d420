"""What ``/readyz`` asks: could a server be built now?"""

from __future__ import annotations

from compute.models import Host


def a_host_is_up() -> bool:
    """Tell whether any host has told what it has, and is up."""
    return Host.objects.all().up().exists()
