"""A host leaves for good: nothing may be left on it, then nothing it says is believed any more."""

from __future__ import annotations

import structlog

from cloudweb.events import emit
from cloudweb.exceptions import Conflict
from cloudweb.holdings import hangs_on, holdings_of, listed
from cloudweb.remotes import HostService
from cloudweb.topics import HOST_DOMAINS
from operations import services
from operations.events import HostLeft
from operations.joining import withdraw_host
from operations.models import Debt, HostCredential, Step
from operations.states import StepState

log = structlog.get_logger(__name__)


class HostHoldsThings(Conflict):
    """What is on a host has to go first."""

    code = "host_in_use"

    def __init__(self, host: str, what: str) -> None:
        super().__init__(f"Host {host} cannot leave: it still has {what}.")


def host_of(service: HostService) -> str | None:
    """Return whom a host's own service belongs to: itself, if it has joined."""
    joined = HostCredential.objects.filter(host=service.host)
    return service.host if joined.exists() else None


@hangs_on("host")
def count_orders(host: str) -> dict[str, int]:
    """Return what the engine still wants of a host."""
    return {
        "orders under way": Step.objects.filter(host=host, state=StepState.STARTED).count(),
        "undos to pay": Debt.objects.filter(host=host, paid_at__isnull=True).count(),
    }


def destroy(host: str, _service: HostService) -> None:
    """Let a host go, in the caller's transaction; raise HostHoldsThings."""
    held = holdings_of("host", host)
    if held:
        raise HostHoldsThings(host, listed(held))
    emit(HostLeft(host))
    for domain in HOST_DOMAINS:
        services.forget(host, domain)
    withdraw_host(host)
    log.info("host left", host=host)
