"""What compute hears from below: the reports of hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import structlog

from cloudweb.context import RequestContext
from cloudweb.events import on
from cloudweb.objects import IncompatibleObject, VersionedObject
from compute.manager import HostManager
from compute.objects import HostInventory, HostLoad
from compute.querysets import DOMAIN

log = structlog.get_logger(__name__)
V = TypeVar("V", bound=VersionedObject)


@on("host.reported")
def note_report(
    *,
    host: str,
    services: Sequence[Mapping[str, Any]],
    load: Mapping[str, Any] | None = None,
    inventory: Mapping[str, Any] | None = None,
    **_more: Any,
) -> None:
    """Record the report of a host that runs a compute agent; its parts are in their wire form."""
    if any(service.get("domain") == DOMAIN for service in services):
        HostManager(RequestContext.system()).report(
            host,
            load=_loaded(HostLoad, load, host),
            inventory=_loaded(HostInventory, inventory, host),
        )


def _loaded(kind: type[V], wire: Mapping[str, Any] | None, host: str) -> V | None:
    """Read a part; one that cannot be read must not keep the rest of the report out."""
    if wire is None:
        return None
    try:
        return kind.load(dict(wire))
    except IncompatibleObject as error:
        log.warning("part of a report refused", host=host, part=kind.__name__, detail=error.detail)
        return None
