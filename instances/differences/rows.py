"""Ports and volumes that are held for servers which are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from cloudweb.context import RequestContext
from cloudweb.exceptions import NotFound
from cloudweb.identifiers import as_uuid
from instances.models import Instance
from network.manager import PortManager
from operations.saga import Run
from reconciliation import conf
from reconciliation.kinds import Finding, Kind, declare, looks_at_rows
from volume.manager import AttachmentManager, StuckAttachments

if TYPE_CHECKING:
    from reconciliation.models import Difference

PORT, ATTACHMENT = "port_without_server", "attachment_without_server"


@looks_at_rows
def find_orphans() -> Mapping[str, list[Finding]]:
    """Find what is held for servers that are not there any more."""
    context = RequestContext.system()
    ports, attachments = PortManager(context).of_servers(), AttachmentManager(context).of_servers()
    gone = _gone([*ports.values(), *(server for server, _ in attachments.values())])
    return {
        PORT: [
            Finding(port, f"Port {port} is that of server {server}, which is gone.", server)
            for port, server in ports.items()
            if server in gone
        ],
        ATTACHMENT: [
            Finding(
                key,
                f"Volume {volume} is held for server {server}, which is gone.",
                server,
                {"volume": volume},
            )
            for key, (server, volume) in attachments.items()
            if server in gone
        ],
    }


def _gone(servers: Iterable[str]) -> set[str]:
    """Return those of these ids of which there is no server any more."""
    wanted = {one: key for one in set(servers) if (key := as_uuid(one)) is not None}
    rows = Instance.objects.alive().filter(id__in=[*wanted.values()])
    return set(wanted) - {str(key) for key in rows.values_list("id", flat=True)}


def _is_orphan(difference: Difference) -> bool:
    return difference.held in _gone([difference.held])


def _delete_port(_run: Run, difference: Difference) -> None:
    with suppress(NotFound):
        PortManager(RequestContext.system()).delete(difference.subject)


def _let_go(_run: Run, difference: Difference) -> None:
    with suppress(NotFound):
        StuckAttachments(RequestContext.system()).force_detach(
            difference.facts["volume"], difference.subject
        )


declare(
    Kind(
        name=PORT,
        title="Port of no server",
        remedy="The port is deleted.",
        is_true=_is_orphan,
        heal=_delete_port,
        hold=conf.HOLD,
        resource_type="instance",
    ),
    Kind(
        name=ATTACHMENT,
        title="Volume held for no server",
        remedy="The volume is let go.",
        is_true=_is_orphan,
        heal=_let_go,
        resource_type="instance",
    ),
)
