"""What a guest says of itself, written where tenants and operators read it (conductor's ``heartbeat``)."""

from __future__ import annotations

from typing import Any

from cloudweb.database.clock import now
from databases.models import DatabaseInstance, GuestAgent
from databases.objects import GuestReport

GIB = 1024**3


def take(agent: GuestAgent, report: GuestReport) -> None:
    """Write down a report: of the agent all of it, of the instance its status and how full it is."""
    moment = now()
    GuestAgent.objects.filter(pk=agent.pk).update(
        version=report.agent_version[:32], report=report.dump()["data"], reported_at=moment
    )
    facts: dict[str, Any] = {"reported_at": moment}
    if report.datastore:
        facts |= {
            "operating_status": report.status,
            "restart_required": bool(report.restart_required),
        }
    if report.metrics.volume_used >= 0:
        facts["volume_used"] = report.metrics.volume_used / GIB
    DatabaseInstance.objects.filter(pk=agent.instance_id).update(**facts)
    agent.report = report.dump()["data"]
