"""The servers whose guests can be compared: nobody is at work on them, nor was a moment ago."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from cloudweb.identifiers import as_uuid
from instances.models import Instance, Migration
from instances.states import VmState

#: A server that changed so shortly before its host looked may be on its way.
RESTED = timedelta(seconds=5)
REST = (VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED)


def resting(host: str, at: datetime) -> Mapping[str, Instance]:
    """Return by id the servers of a host that rested when it looked, and have a guest."""
    rows = Instance.objects.filter(host=host, task_state=None, vm_state__in=REST)
    return {str(row.id): row for row in rows.filter(updated_at__lt=at - RESTED)}


def known(ids: Iterable[str]) -> Mapping[str, Instance]:
    """Return by id those of these servers that are not deleted."""
    keys = [key for one in ids if (key := as_uuid(one)) is not None]
    return {str(row.id): row for row in Instance.objects.alive().filter(id__in=keys)}


def moving(host: str) -> set[str]:
    """Return the servers that a migration has something of on a host: it is its own to clear away."""
    rows = Migration.objects.live().filter(Q(source_host=host) | Q(dest_host=host))
    return {str(key) for key in rows.values_list("instance_id", flat=True)}


def holders_of_places() -> set[UUID]:
    """Return what else than a server holds a place: moves that are not decided."""
    return {*Migration.objects.live().values_list("uuid", flat=True)}


def find_resting(instance_id: str, host: str) -> Instance | None:
    """Return a server that rests on a host."""
    rows = Instance.objects.filter(id=instance_id, host=host, task_state=None)
    return rows.filter(vm_state__in=REST).first()
