"""What a guest says of itself, written where tenants and operators read it (conductor's ``heartbeat``)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from databases import rpc
from databases.mail import written
from databases.mailbox.certificates import answer_request
from databases.models import DatabaseInstance, GuestAgent, Letter
from databases.objects import GuestReport, NoArguments
from databases.states import LetterState, Task

GIB = 1024**3


def take(agent: GuestAgent, report: GuestReport) -> None:
    """Write down a report: of the agent all of it, of the instance its status and how full it is.

    What it asks for is answered.
    """
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
    if report.certificate_request:
        answer_request(agent, report)
    if report.held:
        let_serve(agent.instance_id)


def let_serve(instance_id: UUID) -> None:
    """Let one serve that waits to be told, if it still is a source and nobody takes its place.

    Under the row's lock: whoever takes its place withdraws this letter in the same transaction as it is decided.
    """
    with transaction.atomic():
        rows = DatabaseInstance.objects.filter(pk=instance_id, replica_of=None)
        row = locked(rows.exclude(task=Task.EJECT)).first()
        open_ones = Letter.objects.filter(
            instance_id=instance_id,
            method=rpc.START.name,
            state__in=(LetterState.POSTED, LetterState.FETCHED),
            deadline_at__gt=now(),
        )
        if row is not None and not open_ones.exists():
            written(row, rpc.START, NoArguments(), within=timedelta(seconds=rpc.START.deadline))
