"""What compute takes from the reports of hosts."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.events import emit
from compute.manager import HostManager
from compute.objects import ComputeReport
from compute.querysets import DOMAIN
from operations.reporting import takes_report

GUEST_CHANGED = "guest.changed"  # host, guest_id, power_state
GUESTS_SEEN = "guests.seen"  # host; guests: id -> power state of all that are there; at: when


@takes_report(DOMAIN, ComputeReport)
def note_report(host: str, report: ComputeReport) -> None:
    """Record what a host has and what is free, and pass on which guests changed by themselves."""
    hosts = HostManager(RequestContext.system())
    hosts.report(host, load=report.measured, inventory=report.inventory, problems=report.problems)
    if report.inventory is not None:
        seen = {guest.id: guest.power_state for guest in report.inventory.guests}
        emit(GUESTS_SEEN, host=host, guests=seen, at=datetime.fromtimestamp(report.at, UTC))
    if not report.changes:
        return
    with transaction.atomic():
        for change in hosts.take_changes(host, start=report.start, changes=report.changes):
            emit(GUEST_CHANGED, host=host, guest_id=change.id, power_state=change.power_state)
