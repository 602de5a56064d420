"""The networks that a server is put on where nobody says which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloudweb.context import RequestContext
from network.manager import NetworkManager

if TYPE_CHECKING:
    from network.models import Network


def unasked_networks(context: RequestContext) -> Sequence[Network]:
    """Return the project's own networks with a subnet; those that are shared with it where it has none."""
    usable = NetworkManager(context).usable_by_servers()
    project = context.scoped_project_id
    return [network for network in usable if network.project_id == project] or list(usable)
