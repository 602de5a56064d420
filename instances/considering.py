"""Where a server would go, for operators: asked on behalf of a project, and nothing is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudweb.context import RequestContext
from compute.scheduler import Verdict
from instances.build_request import BlockDeviceRequest, BuildRequest, NetworkRequest
from instances.manager import InstanceManager


def consider(
    *,
    project_id: str,
    flavor_id: str,
    image_id: str,
    networks: Sequence[str] = (),
    zone: str = "",
    host: str = "",
    hints: Mapping[str, Any] | None = None,
) -> Verdict:
    """Return what a member of the project would get who asked for this server now.

    Without networks it is on none; a ``host`` is asked for as by an operator. Raises what a create raises.
    """
    roles = {"reader", "member", *(["admin"] if host else [])}
    wanted = BuildRequest(
        name="considered",
        flavor_id=flavor_id,
        block_devices=(BlockDeviceRequest(source_id=image_id),),
        networks=tuple(NetworkRequest(network_id=one) for one in networks),
        zone=zone or None,
        host=host or None,
        scheduler_hints=dict(hints or {}),
    )
    context = RequestContext(user_id="cloudweb", project_id=project_id, roles=frozenset(roles))
    return InstanceManager(context).consider(wanted)
