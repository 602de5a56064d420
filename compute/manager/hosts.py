"""Hosts: what they report, and what operators decide about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import ProtectedError

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.database.many import update_each
from cloudweb.database.prepared import Given, Prepared
from cloudweb.exceptions import InvalidInput
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from compute import conf, failures, traits
from compute.exceptions import AggregateConflict, HostInUse, HostNotFound
from compute.host_shares import HostShare, shares_of
from compute.manager.aggregates import zones_of
from compute.meter_objects import GuestMeters, MetersRequest, Span
from compute.models import Host, ProofKind
from compute.objects import GuestChange, HostInventory, HostLoad
from compute.querysets import DOMAIN
from compute.rpc import HOST_METERS
from compute.scheduler.weighers import weight
from operations import services
from operations.asking import ask

log = structlog.get_logger(__name__)


_HOST = Prepared(lambda: Host.objects.filter(name=Given("name")))


class HostManager(Manager):
    """The machines that run guests."""

    @policy("compute:hosts:list")
    def list(self) -> Sequence[Host]:
        """Return all hosts by name."""
        return list(Host.objects.order_by("name"))

    @policy("compute:hosts:show")
    def get(self, name: str) -> Host:
        """Return a host; raise HostNotFound."""
        host = _HOST.row(name=name)
        if host is None:
            raise HostNotFound(name)
        return host

    @policy("compute:hosts:show")
    def shares(self, name: str) -> Sequence[HostShare]:
        """Return what is used of a host, in all and by project; raise HostNotFound."""
        return shares_of(self.get(name))

    @policy("compute:hosts:show")
    def is_up(self, name: str) -> bool:
        """Tell whether a host reports; raise HostNotFound."""
        self.get(name)
        return services.is_up(name, DOMAIN)

    @policy("compute:hosts:meters")
    def meters(self, name: str, span: Span) -> GuestMeters:
        """Return what a host itself used in the last hour or day, oldest first.

        Raises HostNotFound, HostDidNotAnswer, DriverError for an agent of a release that does not count.
        """
        host = self.get(name)
        request = MetersRequest(id=host.name, span=span)
        return GuestMeters.load(
            ask(HOST_METERS.order(host=host.name, resource_id=host.name, payload=request))
        )

    @policy("compute:hosts:able")
    def is_able(self, name: str, capability: str) -> bool:
        """Tell whether a host's driver can do something; so does one that told nothing yet.

        For managers that act for their callers on what these own: it shows nothing else of a host.
        """
        host = _HOST.row(name=name)
        return host is None or not host.driver or capability in host.capabilities

    @policy("compute:hosts:able")
    def up_with(self, capability: str, names: Collection[str]) -> set[str]:
        """Return those of these hosts that are up and have a capability (``compute.drivers.base``)."""
        rows = Host.objects.filter(name__in=names, capabilities__has_key=capability)
        found = rows.values_list("name", flat=True)
        return {name for name in found if services.is_up(name, DOMAIN)}

    @policy("compute:hosts:report")
    def note_loads(self, told: Mapping[str, tuple[HostLoad, Sequence[str]]]) -> None:
        """Note by host what is free there and what is wrong, for any number by one statement.

        Its first report makes a host's row. Until its inventory came it has room for nothing.
        """
        self._note({name: _load(load, problems) for name, (load, problems) in told.items()})

    @policy("compute:hosts:report")
    def note_inventories(self, told: Mapping[str, HostInventory]) -> None:
        """Note by host what it has, for any number by one statement."""
        self._note({name: _inventory(inventory) for name, inventory in told.items()})
        self._weigh(*told)

    def _weigh(self, *names: str) -> None:
        """Weigh hosts anew of which something else changed than what is promised."""
        if names:
            Host.objects.filter(name__in=names).update(weight=weight())

    def _note(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        rows = [{"name": name, **values} for name, values in facts.items()]
        for name in facts.keys() - update_each(Host, rows, key="name"):
            _, is_new = Host.objects.update_or_create(name=name, defaults=dict(facts[name]))
            if is_new:
                log.info("new host", host=name)

    @policy("compute:hosts:report")
    def take_changes(
        self, name: str, *, start: str, changes: Sequence[GuestChange]
    ) -> Sequence[GuestChange]:
        """Return the changes of guests that were not taken before, and note that they are now.

        A host tells each until it is answered; the caller's transaction holds what follows from them.
        """
        host = locked(Host.objects.filter(name=name)).get()
        taken = host.changes_taken if host.changes_start == start else 0
        fresh = [change for change in changes if change.number > taken]
        if fresh:
            Host.objects.filter(pk=host.pk).update(
                changes_start=start, changes_taken=max(change.number for change in fresh)
            )
        return fresh

    @policy("compute:hosts:update")
    def enable(self, name: str) -> Host:
        """Let servers be placed on the host again."""
        host = self._change(
            name, enabled=True, disabled_reason="", build_failures=0, failed_at=None
        )
        self._weigh(name)
        return host

    @periodic(every=timedelta(minutes=10))
    @policy("compute:hosts:report")
    def forgive(self) -> None:
        """Forget failed builds of hosts that failed none for a while."""
        since = now() - conf.FAILURES_COUNT_FOR
        rows = Host.objects.filter(build_failures__gt=0, failed_at__lt=since)
        names = list(rows.values_list("name", flat=True))
        Host.objects.filter(name__in=names).update(build_failures=0)
        self._weigh(*names)

    @policy("compute:hosts:update")
    def disable(self, name: str, *, reason: str = "") -> Host:
        """Place no further servers on the host; those it runs go on."""
        return self._change(name, enabled=False, disabled_reason=reason)

    @policy("compute:hosts:update")
    def force_down(self, name: str, *, forced: bool, reason: str = "") -> Host:
        """Treat the host as down whatever it reports, or believe its reports again.

        Who does it says that the machine is off (Nova's "it has been fenced"): a proof of its death,
        until it reports all the same.
        """
        host = self.get(name)
        services.force_down(name, DOMAIN, forced=forced)
        if forced:
            said = reason or "forced down"
            failures.record(name, ProofKind.CONFIRMED, context=self.context, reason=said)
        else:
            failures.end(name)
        log.info("host forced", host=name, user_id=self.context.user_id, down=forced)
        return host

    @policy("compute:hosts:update")
    def configure(
        self,
        name: str,
        *,
        zone: str,
        cpu_ratio: float | None,
        ram_ratio: float | None,
        disk_ratio: float | None,
        custom_traits: Collection[str] | None = None,
    ) -> Host:
        """Set the zone, how far the host is over-promised (None: as its aggregates say), and traits.

        ``custom_traits`` None stay what they are.

        Raises HostNotFound, InvalidInput for a trait that has another name than operators' have,
        AggregateConflict where an aggregate says another zone.
        """
        wrong = next((trait for trait in custom_traits or () if not traits.is_custom(trait)), None)
        if wrong is not None:
            reason = "A trait of yours is CUSTOM_ and capitals, digits and _."
            raise InvalidInput(field="custom_traits", value=wrong, reason=reason)
        given = zones_of(self.get(name)) - {zone}
        if given:
            raise AggregateConflict(
                f"Host {name} is in the availability zone of an aggregate: {min(given)}"
            )
        own = (
            {}
            if custom_traits is None
            else {"custom_traits": dict.fromkeys(sorted(custom_traits), True)}
        )
        host = self._change(
            name,
            zone=zone,
            cpu_ratio=cpu_ratio,
            ram_ratio=ram_ratio,
            disk_ratio=disk_ratio,
            **own,
        )
        self._weigh(name)
        return host

    @policy("compute:hosts:delete")
    def delete(self, name: str) -> None:
        """Forget a host that holds no servers; a live one comes back with its next report.

        Raises HostNotFound, HostInUse.
        """
        try:
            with transaction.atomic():
                deleted, _ = Host.objects.filter(name=name).delete()
                services.forget(name, DOMAIN)
        except ProtectedError as error:
            raise HostInUse(
                "Unable to delete compute service that is hosting instances. "
                "Migrate or delete the instances first."
            ) from error
        if not deleted:
            raise HostNotFound(name)
        log.info("host forgotten", host=name, user_id=self.context.user_id)

    def _change(self, name: str, **facts: Any) -> Host:
        if not Host.objects.filter(name=name).update(**facts, updated_at=now()):
            raise HostNotFound(name)
        log.info("host changed", host=name, user_id=self.context.user_id, **facts)
        return self.get(name)


def _load(load: HostLoad, problems: Sequence[str]) -> Mapping[str, Any]:
    """Return the columns that every report changes."""
    return {
        "measured_ram_free": load.ram_free,
        "measured_disk_free": load.disk_free,
        "running_guests": load.guests,
        "uptime": load.uptime[:255],
        "problems": list(problems),
    }


def _inventory(inventory: HostInventory) -> Mapping[str, Any]:
    """Return the columns that an inventory changes."""
    return {
        "driver": inventory.driver,
        "capabilities": dict.fromkeys(inventory.capabilities, True),
        "hypervisor_type": inventory.hypervisor_type,
        "hypervisor_version": inventory.hypervisor_version,
        "architecture": inventory.architecture,
        "traits": dict.fromkeys(inventory.traits, True),
        "images": dict.fromkeys(inventory.images, True),
        "cells": [cell.model_dump(mode="json") for cell in inventory.cells],
        "dedicated": sum(len(cell.dedicated) for cell in inventory.cells),
        "cpu_model": inventory.cpu_model[:255],
        "accelerated": inventory.accelerated,
        "vcpus": inventory.vcpus,
        "ram": inventory.ram,
        "disk": inventory.disk,
        "self_fence": inventory.self_fence,
        "guests": [guest.model_dump() for guest in inventory.guests],
    }
