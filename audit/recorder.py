"""Writes what cloudweb/audit.py reports: a row, and a line of the log for those who collect it."""

from __future__ import annotations

from typing import Any

import structlog

from audit import repetitions
from audit.cadf import event_of
from audit.models import Outcome, Record
from cloudweb.audit import Act
from cloudweb.database.prepared import insert
from cloudweb.exceptions import CloudwebError, InvalidInput
from cloudweb.refusals import normalize, status_of

log = structlog.get_logger("cloudweb.audit")
UNDONE = "It was taken back with the transaction that it was part of."


def record(act: Act) -> None:
    """Keep what somebody did, or tried to do (settings: CLOUDWEB_AUDIT)."""
    row = Record(**_bounded(values_of(act)))
    log.info("audit", **event_of(row))
    if not repetitions.count(row):
        insert(row)


def values_of(act: Act) -> dict[str, Any]:
    """Return the columns of a record."""
    context, visit = act.context, act.visit
    service, kind = act.action.split(":")[:2]
    values: dict[str, Any] = {
        "request_id": visit.request_id or context.request_id,
        "user_id": context.user_id or "",
        "user_name": context.user_name,
        "user_domain_id": context.user_domain_id,
        "project_id": context.project_id or "",
        "domain_id": context.domain_id or "",
        "is_system_scope": context.system_scope,
        "remote_address": context.remote_address or visit.remote_address,
        "origin": visit.origin,
        "action": act.action,
        "target_kind": kind.removesuffix("s"),
        "target_id": act.target_id,
        "target_name": act.target_name,
    }
    return values | act.facts | _ending(act, service)


def _ending(act: Act, service: str) -> dict[str, Any]:
    if act.error is None:
        if act.undone:
            return {"outcome": Outcome.FAILED, "code": "undone", "reason": UNDONE}
        more = f"and {act.others} more" if act.others else ""
        return {"outcome": Outcome.SUCCESS, "reason": more}
    error = normalize(act.error)
    status = status_of(error, service)
    return {
        "outcome": Outcome.REFUSED if status < 500 else Outcome.FAILED,
        "code": error.code,
        "status": status,
        "reason": _sentence(error),
    }


def _sentence(error: CloudwebError) -> str:
    """Return what the caller was told, without the value he sent: it may be a password."""
    if isinstance(error, InvalidInput):
        return f"Invalid input for field/attribute {error.field}. {error.reason}"
    return error.message


def _bounded(values: dict[str, Any]) -> dict[str, Any]:
    """Cut texts to their columns, and leave out what no database can keep."""
    for name, value in values.items():
        longest = getattr(Record._meta.get_field(name), "max_length", None)
        if isinstance(value, str) and longest is not None:
            text = value.replace("\0", "").encode(errors="replace").decode()
            values[name] = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return values
