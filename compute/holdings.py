"""What a host still has of guests, for one that wants to leave, and what is forgotten with it."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.events import on
from cloudweb.holdings import hangs_on
from compute.models import Claim, Host
from operations.events import HostLeft


@hangs_on("host")
def count_claims(host: str) -> Mapping[str, int]:
    """Return how many guests a host has room promised for."""
    return {"claims of servers": Claim.objects.filter(host__name=host).count()}


@on(HostLeft)
def forget_host(left: HostLeft) -> None:
    """Forget what a host had."""
    Host.objects.filter(name=left.host).delete()
