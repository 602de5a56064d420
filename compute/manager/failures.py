"""Failures of hosts: what proves them, who said so, what was on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudweb.context import RequestContext
from cloudweb.exceptions import InvalidInput
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from compute import failures
from compute.exceptions import HostIsUp, HostNotProvenDead
from compute.manager.hosts import HostManager
from compute.models import Host, HostFailure, ProofKind
from compute.querysets import DOMAIN
from operations import services


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a host is dead, and since when that is known."""

    kind: str
    proved_at: datetime


class HostFailureManager(Manager):
    """Deaths of hosts."""

    @policy("compute:failures:list")
    def list(self) -> Sequence[HostFailure]:
        """Return all there were, the newest first."""
        return list(HostFailure.objects.all())

    @policy("compute:failures:proof")
    def proof(self, name: str) -> Proof | None:
        """Return what proves that a host is dead; None for one that may be alive.

        For managers that act on what was there; nobody else learns of it.
        """
        found = failures.proof_of(name)
        return None if found is None else Proof(found.proof, found.proved_at)

    @policy("compute:failures:proof")
    def check_dead(self, name: str) -> None:
        """Raise HostIsUp for a host that reports, HostNotProvenDead for one that may be alive."""
        if failures.proof_of(name) is None:
            raise HostIsUp(name) if services.is_up(name, DOMAIN) else HostNotProvenDead(name)

    @policy("compute:failures:confirm")
    def confirm_off(self, name: str, *, reason: str) -> HostFailure:
        """Note that a human says a host is off; what he says is in the audit log, too.

        Raises HostNotFound, HostIsUp for one that reports, InvalidInput without a reason.
        """
        HostManager(RequestContext.system()).get(name)
        if services.is_up(name, DOMAIN):
            raise HostIsUp(name)
        if not reason.strip():
            raise InvalidInput(
                field="reason", value=reason, reason="Say how you know that the host is off."
            )
        return failures.record(
            name, ProofKind.CONFIRMED, context=self.context, reason=reason.strip()
        )

    @periodic(every=30)
    @policy("compute:failures:note")
    def note_failures(self) -> None:
        """Note the hosts that fenced themselves, and those that came back."""
        down = Host.objects.exclude(name__in=services.up_hosts(DOMAIN))
        for name in down.filter(self_fence__gt=0).values_list("name", flat=True):
            failures.proof_of(name)
        for name in HostFailure.objects.filter(returned_at=None).values_list("host", flat=True):
            if failures.standing(name) is None:
                failures.end(name)
