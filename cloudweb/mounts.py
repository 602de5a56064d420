"""Where each OpenStack service is mounted, and which service a path belongs to."""

from __future__ import annotations

#: URL prefix -> service name. The first element of the path decides.
MOUNTS = {
    "identity": "identity",
    "compute": "compute",
    "network": "network",
    "image": "image",
    "volume": "volume",
    "database": "database",
    "audit": "audit",
}


def service_of(path: str) -> str | None:
    """Return the service that a path is under, or None for the dashboard and admin."""
    return MOUNTS.get(path.lstrip("/").split("/", 1)[0])
