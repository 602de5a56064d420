"""What compute takes from the reports of hosts."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.events import emit
from compute.events import GuestChanged, GuestsMoving, GuestsSeen, HostSurveyed
from compute.manager import HostManager
from compute.objects import ComputeReport
from compute.querysets import DOMAIN
from operations.reporting import Heard, takes_reports


@takes_reports(DOMAIN, ComputeReport)
def note_reports(heard: Sequence[Heard[ComputeReport]]) -> None:
    """Record what hosts have and what is free, and pass on which guests changed by themselves."""
    hosts = HostManager(RequestContext.system())
    hosts.note_loads({one.host: (one.part.measured, one.part.problems) for one in heard})
    told = {one.host: one.part.inventory for one in heard if one.part.inventory is not None}
    hosts.note_inventories(told)
    for one in heard:
        _note_guests(hosts, one)


def _note_guests(hosts: HostManager, one: Heard[ComputeReport]) -> None:
    host, report = one.host, one.part
    if report.survey is not None:  # before what is seen of it becomes the servers' state
        emit(HostSurveyed(host, report.survey, one.time(report.survey.at)))
    if report.inventory is not None:
        seen = {guest.id: guest.power_state for guest in report.inventory.guests}
        emit(GuestsSeen(host, seen, one.time(report.at)))
    if report.moving:
        emit(GuestsMoving(host, report.moving))
    if not report.changes:
        return
    with transaction.atomic():
        for change in hosts.take_changes(host, start=report.start, changes=report.changes):
            emit(GuestChanged(host, change.id, change.power_state))
