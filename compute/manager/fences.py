"""Fences: how each host is switched off and on from outside, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.encryption import encrypt
from cloudweb.exceptions import InvalidInput
from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute.exceptions import HostHasNoFence, HostIsUp
from compute.fencing.loading import class_of
from compute.manager.hosts import HostManager
from compute.models import FenceKind, HostFence
from compute.operations import PowerHost
from compute.querysets import DOMAIN
from operations import services


class HostFenceManager(Manager):
    """The power of hosts. All raise HostNotFound."""

    @policy("compute:fences:list")
    def list(self) -> Sequence[HostFence]:
        """Return the fences of all hosts that have one."""
        return list(HostFence.objects.select_related("host"))

    @policy("compute:fences:get")
    def get(self, name: str) -> HostFence:
        """Return a host's fence; raise HostHasNoFence."""
        host = HostManager(RequestContext.system()).get(name)
        found = HostFence.objects.select_related("host").filter(host=host).first()
        if found is None:
            raise HostHasNoFence(name)
        return found

    @policy("compute:fences:update")
    def configure(
        self,
        name: str,
        *,
        kind: str,
        address: str = "",
        user: str = "",
        password: str | None = None,
        machine: str = "",
        verify: bool = True,
        ca: str = "",
    ) -> HostFence:
        """Say how a host is switched off; a password of None stays what it was. Raises InvalidInput."""
        host = HostManager(RequestContext.system()).get(name)
        if kind not in FenceKind.values:
            raise InvalidInput(field="kind", value=kind, reason="There is no such way.")
        if class_of(kind).has_address and not address:
            raise InvalidInput(field="address", value=address, reason="Where is its power control?")
        facts = {
            "kind": kind,
            "address": address,
            "user": user,
            "machine": machine,
            "verify": verify,
            "ca": ca,
            "power": "",
            "error": "",
            "updated_at": now(),
        }
        if password is not None:
            facts["password"] = encrypt(password) if password else ""
        row, _ = HostFence.objects.update_or_create(host=host, defaults=facts)
        return row

    @policy("compute:fences:delete")
    def forget(self, name: str) -> None:
        """Forget how a host is switched off; raise HostHasNoFence."""
        self.get(name)
        HostFence.objects.filter(host__name=name).delete()

    @policy("compute:fences:power")
    def power(self, name: str, wanted: Literal["off", "on", ""], *, reason: str = "") -> None:
        """Start switching a host, or (empty) asking its power control how it is.

        Only one that is down is switched off: raises HostIsUp, HostHasNoFence, and Conflict while it is
        being switched already.
        """
        with transaction.atomic():
            self.get(name)
            if wanted == "off" and services.is_up(name, DOMAIN):
                raise HostIsUp(name)
            args = {"wanted": wanted, "reason": reason[:255]}
            PowerHost.start(self.context, resource_id=name, args=args)
