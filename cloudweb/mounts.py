"""Which service a path belongs to: its first element decides."""

from __future__ import annotations

from cloudweb.dialect import Dialect
from cloudweb.dialects import CLOUD, DIALECTS

#: URL prefixes, which are the services' names.
MOUNTS = tuple(DIALECTS)


def dialect_of(path: str) -> Dialect:
    """Return the dialect of the service that a path is under, or of the cloud outside of them."""
    return DIALECTS.get(path.lstrip("/").split("/", 1)[0], CLOUD)


def service_of(path: str) -> str | None:
    """Return the service that a path is under, or None for the dashboard and admin."""
    found = dialect_of(path)
    return None if found is CLOUD else found.service
