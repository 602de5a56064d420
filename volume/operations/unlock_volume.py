"""Tell hosts again what opens encrypted volumes: they keep it in memory, and lost that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.rpc import Order
from operations.saga import Run, Saga, Step
from volume import orders
from volume.models import Volume


def unlock(run: Run) -> Order | None:
    """Order the volume to be served again; nothing where nobody has it any more."""
    rows = Volume.objects.wanted_open().select_related("pool")
    volume = rows.filter(id=run.resource_id).first()
    return None if volume is None else orders.unlock_order(volume)


class UnlockVolume(Saga):
    """Have an encrypted volume served again; a host that still lacks its key says so again."""

    kind = "volume.unlock"
    resource_type = "volume_key"
    coalesce = True
    deadline = timedelta(minutes=10)
    steps = (Step("unlock", unlock),)


def unlock_volumes(host: str, volume_ids: Sequence[str]) -> None:
    """Start that for the volumes that a host asks for: those that it keeps and that somebody has.

    It calls one that was moved by another id.
    """
    ids = [key for one in volume_ids if (key := as_uuid(one))]
    called = Q(name_id__in=ids) | Q(name_id=None, id__in=ids)
    rows = Volume.objects.wanted_open().filter(called, pool__host=host)
    with transaction.atomic():
        for volume_id in rows.values_list("id", flat=True):
            UnlockVolume.start(RequestContext.system(), resource_id=str(volume_id))
