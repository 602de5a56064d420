"""A record as an event for a SIEM: the field names of CADF (DMTF DSP0262), one JSON line each."""

from __future__ import annotations

from typing import Any

from audit.models import Outcome, Record
from cloudweb.times import micros_z


def event_of(row: Record) -> dict[str, Any]:
    """Return the event; what is empty is left out."""
    initiator = {
        "typeURI": "data/security/account/user",
        "id": row.user_id,
        "name": row.user_name,
        "domain_id": row.user_domain_id,
        "project_id": row.project_id,
        "host": _filled({"address": row.remote_address}),
        "request_id": row.request_id,
    }
    service = row.action.partition(":")[0]
    event = {
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "eventType": "activity",
        "id": str(row.id),
        "eventTime": micros_z(row.created_at),
        "action": row.action,
        "outcome": "success" if row.outcome == Outcome.SUCCESS else "failure",
        "initiator": _filled(initiator),
        "target": _filled(
            {
                "typeURI": f"service/{service}/{row.target_kind}",
                "id": row.target_id,
                "name": row.target_name,
            }
        ),
        "observer": {"typeURI": f"service/{service}", "name": "cloudweb"},
        "origin": row.origin,
        "scope": _filled({"domain_id": row.domain_id, "system": row.is_system_scope}),
    }
    if row.outcome != Outcome.SUCCESS:
        reason = {"reasonType": "HTTP", "reasonCode": str(row.status or ""), "text": row.reason}
        event["reason"] = _filled({**reason, "policyId": row.code})
    return _filled(event)


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
