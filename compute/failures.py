"""Whether a host is provably dead: nobody may run its guests elsewhere before that (docs/host-failure.md).

A proof counts for as long as the host says nothing that it sent later.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import IntegrityError, transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from compute.conf import SELF_FENCE_MARGIN
from compute.models import Claim, Host, HostFailure, ProofKind
from compute.querysets import DOMAIN
from operations import services

log = structlog.get_logger(__name__)


def standing(name: str) -> HostFailure | None:
    """Return the proof that a host is dead, as far as it counts now; None for one that may be alive."""
    row = HostFailure.objects.filter(host=name, returned_at=None).first()
    if row is None or services.is_up(name, DOMAIN):
        return None
    heard = services.heard_at(name, DOMAIN)
    return None if heard is not None and heard > row.proved_at else row


def record(
    name: str, kind: ProofKind, *, context: RequestContext | None = None, reason: str = ""
) -> HostFailure:
    """Note that a host is dead, by what and by whom; a newer proof takes the place of an older one."""
    held = Claim.objects.filter(host__name=name).values_list("instance_id", flat=True)
    facts = {
        "proof": kind,
        "proved_at": now(),
        "silent_at": services.heard_at(name, DOMAIN),
        "user_id": (context.user_id if context else "") or "",
        "reason": reason[:255],
    }
    with transaction.atomic():
        known = HostFailure.objects.filter(host=name, returned_at=None).first()
        if known is not None and standing(name) is None:
            end(name)  # it came back meanwhile: this is another death
            known = None
        if known is None:
            servers = sorted(str(one) for one in held)
            try:
                with transaction.atomic():
                    row = HostFailure.objects.create(host=name, servers=servers, **facts)
            except IntegrityError:  # somebody else was faster
                row = HostFailure.objects.get(host=name, returned_at=None)
        else:
            HostFailure.objects.filter(pk=known.pk).update(**facts)
            row = HostFailure.objects.get(pk=known.pk)
    log.warning("host is dead", host=name, proof=str(kind), reason=reason, user_id=row.user_id)
    return row


def end(name: str) -> None:
    """Note that a host is there again, or that nobody says any more that it is dead."""
    HostFailure.objects.filter(host=name, returned_at=None).update(returned_at=now())


def outlived_its_lease(host: Host) -> bool:
    """Tell whether a host has heard nothing for so long that it has stopped its guests by itself.

    It counts from the newest report that was read of it, up to the time up to which reports are read.
    """
    if not host.self_fence:
        return False
    silent = services.silent_for(host.name, DOMAIN)
    limit = timedelta(seconds=host.self_fence + SELF_FENCE_MARGIN)
    return silent is not None and silent > limit


def proof_of(name: str) -> HostFailure | None:
    """Return what proves that a host is dead; a lease that ran out is noted here."""
    row = standing(name)
    if row is not None or services.is_up(name, DOMAIN):
        return row
    host = Host.objects.filter(name=name).first()
    if host is None or not outlived_its_lease(host):
        return None
    return record(name, ProofKind.LEASE, reason=f"silent for more than {host.self_fence} s")
