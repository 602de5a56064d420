"""Subports follow the port that carries them: onto its host, onto another, and off it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F

from network import states
from network.models import Port, Trunk
from network.moved import ports_moved
from network.operations.plug_subport import start_plugging
from network.operations.unplug_port import start_unplugging
from network.resolution import port_ref
from network.trunks.status import settle

UNPLUGGED = {"status": states.DOWN, "ordered_revision": 0, "applied_revision": 0}


def follow(parent_id: UUID) -> None:
    """Bring the subports of a parent to where it is now; those that are there stay untouched.

    The parent's row is locked by the caller; then the trunk's, then those of the subports in their order:
    so nobody waits crosswise.
    """
    with transaction.atomic(savepoint=False):
        if not Trunk.objects.filter(port=parent_id).update(status=F("status")):
            return
        trunk = Trunk.objects.select_related("port").get(port=parent_id)
        rows = Port.objects.complete().filter(subport__trunk=trunk)
        for port in rows.order_by("id"):
            _bring(port, trunk.port)
        settle(trunk.id)


def let_go(port: Port) -> None:
    """Take a port off the host that it has by its trunk; it is nobody's then."""
    _unplug(port)
    Port.objects.filter(id=port.id).touch(host="", device_id="", device_owner="", trunk_role="")
    Port.objects.filter(id=port.id).raise_wiring()
    if port.host:
        ports_moved(port)


def _bring(port: Port, parent: Port) -> None:
    if port.host != parent.host or not parent.applied_revision:
        _unplug(port)
    if port.host != parent.host:
        Port.objects.filter(id=port.id).touch(host=parent.host)
        Port.objects.filter(id=port.id).raise_wiring()
        ports_moved(port)
    if parent.host and parent.applied_revision and not port.applied_revision:
        start_plugging(port.id)


def _unplug(port: Port) -> None:
    """Take it off the host that was told of it; nothing for one that none was."""
    if port.ordered_revision:
        start_unplugging(port_ref(port), host=port.host)
    Port.objects.filter(id=port.id).update(**UNPLUGGED)
    port.applied_revision = 0
