"""What the network takes from the reports of hosts."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.events import emit
from network.differences import find_taps
from network.events import MilestoneReached
from network.manager import AgentManager
from network.news import wirings_lost
from network.objects import NetworkReport
from network.operations.refresh_host import start_refresh
from network.places import differing_places, note_places
from network.routers.told import note_routers
from network.telling import differing, note_generations
from operations.reporting import Heard, takes_reports
from reconciliation.manager import DifferenceManager


@takes_reports("network", NetworkReport)
def note_reports(heard: Sequence[Heard[NetworkReport]]) -> None:
    """Record what operators must see, and pass on what guests reached."""
    told = {one.host: one.part.inventory for one in heard if one.part.inventory is not None}
    AgentManager(RequestContext.system()).report(told)
    for host, groups in differing({one.host: one.part.groups for one in heard}).items():
        with transaction.atomic():
            if note_generations(host, groups):
                start_refresh({host})
    for host, tables in differing_places({one.host: one.part.forwarding for one in heard}).items():
        with transaction.atomic():
            if note_places(host, tables):
                start_refresh({host})
    for host, inventory in told.items():
        DifferenceManager(RequestContext.system()).note(find_taps(host, inventory), host=host)
    for one in heard:
        if one.part.routers is not None:
            with transaction.atomic():
                note_routers(one.host, one.part.routers)
        _note(one.host, one.part)


def _note(host: str, report: NetworkReport) -> None:
    if report.lost:
        with transaction.atomic():  # the change, and the order that it leads to
            wirings_lost(host, report.lost)
    for milestone in report.milestones:
        emit(MilestoneReached(host, milestone))
