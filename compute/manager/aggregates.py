"""Host aggregates: which hosts have something in common, and what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import structlog
from django.db import IntegrityError, transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import InvalidInput
from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute import spec_matching
from compute.exceptions import (
    AggregateConflict,
    AggregateExists,
    AggregateHostExists,
    AggregateHostNotFound,
    AggregateInvalid,
    AggregateNotFound,
    HostNotFound,
)
from compute.models import Aggregate, Claim, Host, HostReservation
from compute.models.host import default_zone
from compute.scheduler.weighers import weight

log = structlog.get_logger(__name__)
#: The key of the metadata that is the zone.
ZONE = "availability_zone"
#: Keys that say how far the hosts are over-promised, with the hosts' columns; the least of several counts.
RATIOS = {
    "cpu_allocation_ratio": "shared_cpu_ratio",
    "ram_allocation_ratio": "shared_ram_ratio",
    "disk_allocation_ratio": "shared_disk_ratio",
}
#: What keys begin with whose value is a project that the hosts are for.
RESERVED = "filter_tenant_id"


class AggregateManager(Manager):
    """Groups of hosts, for operators."""

    @policy("compute:aggregates:list")
    def list(self) -> Sequence[Aggregate]:
        """Return all aggregates with their hosts."""
        return list(Aggregate.objects.prefetch_related("hosts"))

    @policy("compute:aggregates:get")
    def get(self, aggregate_id: str | int) -> Aggregate:
        """Return an aggregate; raise AggregateNotFound."""
        found = Aggregate.objects.filter(pk=self._key(aggregate_id))
        one = found.prefetch_related("hosts").first()
        if one is None:
            raise AggregateNotFound(aggregate_id)
        return one

    @policy("compute:aggregates:create")
    def create(self, *, name: str, zone: str | None = None) -> Aggregate:
        """Make an aggregate without hosts. Raises AggregateExists."""
        check_zone(zone)
        try:
            with transaction.atomic():
                made = Aggregate.objects.create(name=name, zone=zone or "")
        except IntegrityError as error:
            raise AggregateExists(name) from error
        log.info("aggregate made", aggregate=name, zone=zone, user_id=self.context.user_id)
        return made

    @policy("compute:aggregates:update")
    def update(
        self, aggregate_id: str | int, *, name: str | None = None, zone: str | None = None
    ) -> Aggregate:
        """Rename it, put its hosts into a zone (``""``: into none of its own); None changes nothing.

        Raises AggregateExists, AggregateInvalid for a zone that its hosts cannot go to.
        """
        try:
            with transaction.atomic():
                one = self._locked(aggregate_id)
                one.name = name or one.name
                self._write(one, zone=zone)
        except IntegrityError as error:
            raise AggregateExists(name or "") from error
        return self.get(one.pk)

    @policy("compute:aggregates:update")
    def set_metadata(self, aggregate_id: str | int, changes: Mapping[str, str | None]) -> Aggregate:
        """Set keys, remove those whose value is None; ``availability_zone`` is the zone.

        Raises InvalidInput, AggregateInvalid.
        """
        with transaction.atomic():
            one = self._locked(aggregate_id)
            kept = {**one.metadata, **changes}
            zone = kept.pop(ZONE, None) if ZONE in kept else None
            if ZONE in changes:
                zone = changes[ZONE] or ""
            one.metadata = {key: value for key, value in kept.items() if value is not None}
            check_ratios(one.metadata)
            self._write(one, zone=zone)
        return self.get(one.pk)

    @policy("compute:aggregates:delete")
    def delete(self, aggregate_id: str | int) -> None:
        """Remove an aggregate. Raises AggregateNotFound, AggregateInvalid while it has hosts."""
        with transaction.atomic():
            one = self._locked(aggregate_id)
            if one.hosts.exists():
                raise AggregateInvalid("delete", one.name, "Host aggregate is not empty")
            one.delete()
        log.info("aggregate deleted", aggregate=one.name, user_id=self.context.user_id)

    @policy("compute:aggregates:update")
    def add_host(self, aggregate_id: str | int, host: str) -> Aggregate:
        """Add a host. Raises HostNotFound, AggregateHostExists, AggregateConflict over its zone."""
        with transaction.atomic():
            one, row = self._locked(aggregate_id), self._host(host)
            if one.hosts.filter(pk=row.pk).exists():
                raise AggregateHostExists(one.name, host)
            if one.zone:
                self._move([row], one.zone, besides=one)
            one.hosts.add(row)
            self._touched(one, [row])
        return self.get(one.pk)

    @policy("compute:aggregates:update")
    def remove_host(self, aggregate_id: str | int, host: str) -> Aggregate:
        """Take a host out. Raises HostNotFound, AggregateHostNotFound, AggregateConflict."""
        with transaction.atomic():
            one, row = self._locked(aggregate_id), self._host(host)
            if not one.hosts.filter(pk=row.pk).exists():
                raise AggregateHostNotFound(one.name, host)
            if one.zone and not _zones_of(row, besides=one):
                self._move([row], default_zone(), besides=one)
            one.hosts.remove(row)
            self._touched(one, [row])
        return self.get(one.pk)

    @policy("compute:aggregates:match")
    def matching(self, specs: Mapping[str, str]) -> Sequence[tuple[str, tuple[int, ...]]]:
        """Return for each wanted key, as a phrase, the aggregates whose value of it is right."""
        if not specs:
            return ()
        rows = list(Aggregate.objects.only("id", "metadata"))
        return tuple(
            (
                f"{key}={wanted}",
                tuple(
                    row.pk
                    for row in rows
                    if key in row.metadata and spec_matching.matches(row.metadata[key], wanted)
                ),
            )
            for key, wanted in sorted(specs.items())
        )

    @policy("compute:aggregates:match")
    def refusing(self, properties: Mapping[str, str]) -> Sequence[int]:
        """Return the aggregates whose hosts are for other images: they say otherwise of a property.

        The value of a key may be several, with commas. One that an image does not have is not asked.
        """
        if not properties:
            return ()
        return tuple(
            row.pk
            for row in Aggregate.objects.only("id", "metadata")
            if any(
                key in properties and properties[key] not in map(str.strip, value.split(","))
                for key, value in row.metadata.items()
            )
        )

    def _key(self, aggregate_id: str | int) -> int:
        text = str(aggregate_id)
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise AggregateNotFound(aggregate_id)
        return int(text)

    def _locked(self, aggregate_id: str | int) -> Aggregate:
        rows = Aggregate.objects.filter(pk=self._key(aggregate_id)).order_by()
        one = locked(rows).first()
        if one is None:
            raise AggregateNotFound(aggregate_id)
        return one

    def _host(self, name: str) -> Host:
        row = locked(Host.objects.filter(name=name).order_by()).first()
        if row is None:
            raise HostNotFound(name)
        return row

    def _write(self, one: Aggregate, *, zone: str | None) -> None:
        check_zone(zone)
        hosts = list(locked(Host.objects.filter(aggregates=one).order_by("number")))
        if zone is not None and zone != one.zone:
            to = zone or default_zone()
            try:
                self._move(
                    [row for row in hosts if zone or not _zones_of(row, besides=one)],
                    to,
                    besides=one,
                )
            except AggregateConflict as error:
                raise AggregateInvalid("update", one.name, error.message) from error
            one.zone = zone
        self._touched(one, hosts)

    def _touched(self, one: Aggregate, hosts: Collection[Host]) -> None:
        one.updated_at = now()
        one.save()
        _reserve(hosts)
        _share_ratios(hosts)
        log.info(
            "aggregate changed",
            aggregate=one.name,
            zone=one.zone,
            metadata=one.metadata,
            hosts=[host.name for host in hosts],
            user_id=self.context.user_id,
        )

    def _move(self, hosts: Collection[Host], zone: str, *, besides: Aggregate) -> None:
        """Put hosts into a zone; AggregateConflict where another aggregate or servers hold them."""
        for host in hosts:
            others = _zones_of(host, besides=besides) - {zone}
            if others:
                raise AggregateConflict(
                    f"Host {host.name} already member of availability zone {min(others)}"
                )
            if host.zone != zone and Claim.objects.filter(host=host).exists():
                raise AggregateConflict(
                    f"Host {host.name} has servers, which would come to another availability zone"
                )
        Host.objects.filter(pk__in=[host.pk for host in hosts]).update(zone=zone)


def check_zone(zone: str | None) -> None:
    """Raise InvalidInput for a name that no zone can have."""
    if zone and (":" in zone or "/" in zone or zone != zone.strip() or len(zone) > 255):
        raise InvalidInput(field=ZONE, value=zone, reason="A zone's name has no ':' and no '/'.")


def check_ratios(metadata: Mapping[str, str]) -> None:
    """Raise InvalidInput for a ratio that is no number, or promises nothing or less."""
    for key in RATIOS.keys() & metadata.keys():
        try:
            sound = 0 < float(metadata[key]) < float("inf")
        except ValueError:
            sound = False
        if not sound:
            raise InvalidInput(field=key, value=metadata[key], reason="It must be more than 0.")


def zones_of(host: Host) -> set[str]:
    """Return the zones that aggregates put a host into: one at most."""
    return _zones_of(host)


def _zones_of(host: Host, besides: Aggregate | None = None) -> set[str]:
    rows = host.aggregates.exclude(zone="")
    if besides is not None:
        rows = rows.exclude(pk=besides.pk)
    return set(rows.values_list("zone", flat=True))


def _reserve(hosts: Collection[Host]) -> None:
    """Write down for which projects alone these hosts are, by the metadata of all their aggregates."""
    for host in hosts:
        wanted = {
            project.strip()
            for metadata in host.aggregates.values_list("metadata", flat=True)
            for key, value in metadata.items()
            if key.startswith(RESERVED)
            for project in value.split(",")
            if project.strip()
        }
        HostReservation.objects.filter(host=host).exclude(project_id__in=wanted).delete()
        HostReservation.objects.bulk_create(
            [HostReservation(host=host, project_id=project[:64]) for project in sorted(wanted)],
            ignore_conflicts=True,
        )
        Host.objects.filter(pk=host.pk).update(reserved=bool(wanted))


def _share_ratios(hosts: Collection[Host]) -> None:
    """Write down how far these hosts are over-promised, by the metadata of all their aggregates."""
    for host in hosts:
        said = list(host.aggregates.values_list("metadata", flat=True))
        ratios = {
            column: min((float(one[key]) for one in said if key in one), default=None)
            for key, column in RATIOS.items()
        }
        Host.objects.filter(pk=host.pk).update(**ratios)
    Host.objects.filter(pk__in=[host.pk for host in hosts]).update(weight=weight())
