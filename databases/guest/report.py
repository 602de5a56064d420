"""What the agent says of itself with every word."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from databases.guest import wire
from databases.guest.failures import GuestFailure
from databases.guest.methods import SPEAKS, Methods
from databases.guest.version import VERSION


def boot_id() -> str:
    """Return what differs from one start of the guest to the next."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return secrets.token_hex(16)


def report(methods: Methods, *, boot: str, under_way: Iterable[str] = ()) -> dict[str, Any]:
    """Return a GuestReport as it crosses. It never fails: what cannot be found out is left out."""
    kept = methods.kept
    found: dict[str, Any] = {
        "agent_version": VERSION,
        "boot_id": boot,
        "speaks": [
            {"method": name, "version": wire.VERSIONS.get(takes, "1.0")}
            for name, (takes, _) in sorted(SPEAKS.items())
        ],
        "datastore": str(kept.get("datastore", "")),
        "datastore_version": str(kept.get("version", "")),
        "status": "NEW",
        "error": str(kept.get("error", "")),
        "restart_required": list(kept.get("waiting", ())),
        "under_way": sorted(under_way),
        "held": methods.held,
        "certificate_request": methods.certificate.request(),
        "tls_until": methods.certificate.until,
    }
    try:
        if kept.get("datastore"):
            found["status"] = _status(methods)
            found["role"] = "replica" if methods.store().is_following() else "primary"
            if found["status"] in ("HEALTHY", "RESTART_REQUIRED"):
                found["position"] = methods.point()["position"]
        found["metrics"] = methods.metrics()
    except (GuestFailure, OSError, ValueError, LookupError) as error:
        found["error"] = found["error"] or getattr(error, "public", str(error))
    return wire.dumped("GuestReport", found)


def _status(methods: Methods) -> str:
    if not methods.kept.get("version"):
        return "BUILDING"
    if methods.held or not methods.kept.get("wanted"):
        return "SHUTDOWN"
    if not methods.store().is_up():
        return "FAILED"
    return "RESTART_REQUIRED" if methods.kept.get("waiting") else "HEALTHY"
