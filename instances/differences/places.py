"""Places on hosts that no server needs, and servers that hold none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from compute.scheduler import claim_where_it_is, claimed_host, claims_on, release
from instances.differences.resting import RESTED, find_resting, holders_of_places, known
from instances.models import Instance
from operations.saga import Run
from reconciliation.kinds import Finding, Kind, declare

if TYPE_CHECKING:
    from reconciliation.models import Difference

UNKNOWN, MISSING = "claim_unknown", "claim_missing"


def find_places(
    host: str, at: datetime, rest: Mapping[str, Instance]
) -> Mapping[str, list[Finding]]:
    """Compare who holds a place on a host with who is there."""
    found: dict[str, list[Finding]] = {UNKNOWN: [], MISSING: []}
    claims = claims_on(host)
    holders = {str(one.holder) for one in claims}
    strangers = [one for one in claims if str(one.holder) not in rest]
    if strangers:
        servers, moves = known([str(one.holder) for one in strangers]), holders_of_places()
        for one in strangers:
            if one.holder in moves or one.created_at > at - RESTED:
                continue
            server = servers.get(str(one.holder))
            if server is None:
                sentence = f"A place is held for server {one.holder}, which is not there any more."
                found[UNKNOWN].append(Finding(str(one.holder), sentence, str(one.holder)))
    for server_id, server in rest.items():
        if server_id not in holders:
            sentence = f"Server {server.name} holds no place on its host."
            found[MISSING].append(Finding(server_id, sentence, server_id))
    return found


def _is_nobodys(difference: Difference) -> bool:
    subject = difference.subject
    return subject not in known([subject]) and subject not in {*map(str, holders_of_places())}


def _release(_run: Run, difference: Difference) -> None:
    release(difference.subject)


def _holds_none(difference: Difference) -> bool:
    server = find_resting(difference.subject, difference.host)
    return server is not None and claimed_host(difference.subject) != difference.host


def _claim(_run: Run, difference: Difference) -> None:
    server = find_resting(difference.subject, difference.host)
    if server is not None:
        claim_where_it_is(
            difference.subject,
            host=server.host,
            project_id=server.project_id,
            size=_size(server),
            group_id=server.server_group.id if server.server_group else None,
            cells=server.cells,
        )


def _size(server: Instance) -> Mapping[str, int]:
    """Return what its flavor takes of a host; a disk in a volume takes nothing there."""
    disk = (server.disk if server.image_id else 0) + server.ephemeral
    return {"vcpus": server.vcpus, "ram": server.ram, "disk": disk}


declare(
    Kind(
        name=UNKNOWN,
        title="Place of no server",
        remedy="The place is given back.",
        is_true=_is_nobodys,
        heal=_release,
        resource_type="instance",
    ),
    Kind(
        name=MISSING,
        title="Server without a place",
        remedy="The place that it takes is written down.",
        is_true=_holds_none,
        heal=_claim,
        resource_type="instance",
    ),
)
