"""A server gets another size: what it has beside what it would have."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from compute.manager import FlavorManager
from dashboard.views.server import ServerPage
from instances.manager import InstanceManager

if TYPE_CHECKING:
    from compute.models import Flavor
    from instances.models import Instance


class Size(NamedTuple):
    """A flavor that is offered: how much more or less of each it has, and why it cannot be taken."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int
    more_vcpus: int
    more_ram: int
    more_disk: int
    why_not: str


class ServerResize(ServerPage):
    """Choose a size; what is chosen is tried until it is confirmed."""

    tab: ClassVar[str] = "server_resize"
    template = ""
    below = "dashboard/servers/resize.html"

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Add the sizes, smallest first."""
        facts = super().facts(server_id)
        server = facts["server"]
        flavors = FlavorManager(self.context).list(sort_key="memory_mb").rows
        sizes = [_size(one, server) for one in flavors if not one.disabled]
        return {**facts, "sizes": sizes, "may_resize": self.may("compute:servers:resize")}

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Start it, or say what is in the way."""
        chosen = request.POST.get("flavor", "")
        try:
            InstanceManager(self.context).resize(str(server_id), flavor_id=chosen)
        except CloudwebError as error:
            if error.status == 404:
                raise
            facts = self.facts(server_id)
            return self.shown(facts, status=422, wrong=error.message, chosen=chosen)
        name = InstanceManager(self.context).get(server_id).name
        return self.done(f"{name} is being resized.", reverse("server", args=[server_id]))


def _size(flavor: Flavor, server: Instance) -> Size:
    why_not = ""
    if flavor.id == server.flavor_id:
        why_not = "It has this size."
    elif server.image_id and flavor.disk < server.disk:
        why_not = "A disk does not shrink."
    return Size(
        id=flavor.id,
        name=flavor.name,
        vcpus=flavor.vcpus,
        ram=flavor.ram,
        disk=flavor.disk,
        more_vcpus=flavor.vcpus - server.vcpus,
        more_ram=flavor.ram - server.ram,
        more_disk=flavor.disk - server.disk,
        why_not=why_not,
    )
