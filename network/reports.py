"""What the network takes from the reports of hosts."""

from __future__ import annotations

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.events import emit
from network import events
from network.manager import AgentManager
from network.objects import NetworkReport
from operations.reporting import takes_report

PORT_MILESTONE = "port.milestone"  # host; milestone: PortMilestone


@takes_report("network", NetworkReport)
def note_report(host: str, report: NetworkReport) -> None:
    """Record what operators must see, and pass on what guests reached."""
    if report.inventory is not None:
        AgentManager(RequestContext.system()).report(host, report.inventory)
    if report.lost:
        with transaction.atomic():  # the change, and the order that it leads to
            events.wirings_lost(host, report.lost)
    for milestone in report.milestones:
        emit(PORT_MILESTONE, host=host, milestone=milestone)
