"""What a guest says of itself, written where tenants and operators read it (conductor's ``heartbeat``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.objects import IncompatibleObject
from databases import rpc
from databases.mail import waits_for, written_last
from databases.mailbox.certificates import answer_request
from databases.models import DatabaseInstance, Failover, GuestAgent
from databases.objects import GuestReport, NoArguments
from databases.states import Task

GIB = 1024**3
#: Bytes of a report at most; an agent's has some four thousand.
MOST = 64 * 1024
#: After this (Unix time) no certificate counts.
LAST = 1 << 33


def take(agent: GuestAgent, report: GuestReport) -> None:
    """Write down a report: of the agent all of it, of the instance its status and how full it is.

    What it asks for is answered. Raises IncompatibleObject for one that cannot be kept.
    """
    moment, data = now(), _checked(report)
    GuestAgent.objects.filter(pk=agent.pk).update(
        version=report.agent_version[:32], report=data, reported_at=moment
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
    agent.report = data
    if report.certificate_request:
        answer_request(agent, report)
    if report.held:
        let_serve(agent.instance_id)


def last_report(instance: DatabaseInstance) -> Mapping[str, Any]:
    """Return what a guest said of itself last; of a fake one what is known of it."""
    both = DatabaseInstance.objects.filter(pk=instance.pk).values_list(
        "agent__report", "fake_guest__state"
    )
    report, fake = both.first() or (None, None)
    return report or {"tls_until": (fake or {}).get("tls_until", 0)}


def _checked(report: GuestReport) -> dict[str, Any]:
    data: dict[str, Any] = report.dump()["data"]
    try:
        is_small = len(orjson.dumps(data)) <= MOST
    except orjson.JSONEncodeError:  # a number that no database takes
        is_small = False
    if not is_small or not 0 <= report.tls_until < LAST:
        raise IncompatibleObject(detail="a report that cannot be kept")
    return data


def let_serve(instance_id: UUID) -> None:
    """Let one serve that waits to be told, if it still is a source and nobody takes, or has taken, its place.

    Under the row's lock: whoever takes its place withdraws this letter in the same transaction as it is decided.
    """
    with transaction.atomic():
        rows = DatabaseInstance.objects.filter(pk=instance_id, replica_of=None)
        row = locked(rows.exclude(task=Task.EJECT)).first()
        is_replaced = Failover.objects.filter(source_id=instance_id, to_stop=True).exists()
        if row is not None and not is_replaced and not waits_for(row, rpc.START):
            written_last(
                row, rpc.START, NoArguments(), within=timedelta(seconds=rpc.START.deadline)
            )
