"""A host that comes up is told what it missed of its routers, and those that waited for a host get one."""

from __future__ import annotations

from django.db import transaction

from cloudweb.events import on
from network.models import Router
from network.operations.refresh_router import refresh
from network.routers.placing import place_waiting
from network.routers.resolution import DOMAIN
from operations.events import HostUp


@on(HostUp)
def catch_up(up: HostUp) -> None:
    """Tell a host which of its routers changed while it was down; those that waited for a host get one."""
    if up.domain == DOMAIN:
        with transaction.atomic():
            place_waiting()
        for router_id in Router.objects.outdated_on(up.host).values_list("id", flat=True):
            refresh(router_id, after=0)
