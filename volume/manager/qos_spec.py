"""QoS specs, and the volume types that refer to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.db import IntegrityError, transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import UnknownMarker
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume.exceptions import (
    QosSpecExists,
    QosSpecInUse,
    QosSpecKeyNotFound,
    QosSpecNotAssociated,
    QosSpecNotFound,
    VolumeTypeNotFound,
)
from volume.manager.volume_type import Identifier, number
from volume.models import QosSpec, VolumeType


class QosSpecManager(Manager):
    """QoS specs; operators alone see them."""

    @policy("volume:qos_specs:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[QosSpec]:
        """Return a page of QoS specs; raise UnknownMarker."""
        last = None
        if listing.marker is not None:
            last = QosSpec.objects.filter(pk=number(listing.marker)).first()
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(QosSpec.objects.all(), listing, last=last)

    @policy("volume:qos_specs:get")
    def get(self, spec_id: Identifier) -> QosSpec:
        """Return QoS specs; raise QosSpecNotFound."""
        found = QosSpec.objects.filter(pk=number(spec_id)).first()
        if found is None:
            raise QosSpecNotFound(spec_id)
        return found

    @policy("volume:qos_specs:create")
    def create(self, *, name: str, consumer: str, specs: Mapping[str, str]) -> QosSpec:
        """Make QoS specs that no type refers to yet; raise QosSpecExists."""
        row = QosSpec(name=name, consumer=consumer, specs=dict(specs))
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise QosSpecExists(name) from error
        return row

    @policy("volume:qos_specs:update")
    def update(
        self, spec_id: Identifier, *, specs: Mapping[str, str], consumer: str | None = None
    ) -> QosSpec:
        """Set some keys, and who holds to them; servers get it with their next attachment."""
        with transaction.atomic():
            row = _locked(spec_id)
            row.specs.update(specs)
            row.consumer = consumer or row.consumer
            _write(row)
        return row

    @policy("volume:qos_specs:update")
    def delete_keys(self, spec_id: Identifier, keys: Collection[str]) -> None:
        """Remove some keys; raise QosSpecKeyNotFound, and then none is removed."""
        with transaction.atomic():
            row = _locked(spec_id)
            for key in dict.fromkeys(keys):
                if key not in row.specs:
                    raise QosSpecKeyNotFound(spec_id=row.id, key=key)
                del row.specs[key]
            _write(row)

    @policy("volume:qos_specs:delete")
    def delete(self, spec_id: Identifier, *, force: bool = False) -> None:
        """Remove QoS specs; raise QosSpecInUse while types refer to them, unless by force."""
        with transaction.atomic():
            row = _locked(spec_id)
            if not force and row.volume_types.exists():
                raise QosSpecInUse(row.id)
            row.delete()

    @policy("volume:qos_specs:get")
    def associations(self, spec_id: Identifier) -> Sequence[VolumeType]:
        """Return the types that refer to QoS specs."""
        return list(self.get(spec_id).volume_types.all())

    @policy("volume:qos_specs:associate")
    def associate(self, spec_id: Identifier, type_id: Identifier) -> None:
        """Let a type refer to QoS specs; raise QosSpecNotAssociated when it refers to others."""
        with transaction.atomic():
            spec, row = _locked(spec_id), _type(type_id)
            if row.qos_spec_id not in (None, spec.id):
                raise QosSpecNotAssociated(
                    f"Type {row.id} is already associated with another qos specs: {row.qos_spec_id}"
                )
            VolumeType.objects.filter(pk=row.pk).update(qos_spec=spec, updated_at=now())

    @policy("volume:qos_specs:associate")
    def disassociate(self, spec_id: Identifier, type_id: Identifier) -> None:
        """Let a type refer to QoS specs no longer; raise QosSpecNotAssociated when it has others."""
        with transaction.atomic():
            spec, row = _locked(spec_id), _type(type_id)
            if row.qos_spec_id not in (None, spec.id):
                raise QosSpecNotAssociated(
                    f"QoS specs {spec.id} are not associated with volume type {row.id}."
                )
            VolumeType.objects.filter(pk=row.pk).update(qos_spec=None, updated_at=now())

    @policy("volume:qos_specs:associate")
    def disassociate_all(self, spec_id: Identifier) -> None:
        """Let no type refer to QoS specs."""
        self.get(spec_id).volume_types.update(qos_spec=None, updated_at=now())


def _locked(spec_id: Identifier) -> QosSpec:
    found = locked(QosSpec.objects.filter(pk=number(spec_id))).first()
    if found is None:
        raise QosSpecNotFound(spec_id)
    return found


def _type(type_id: Identifier) -> VolumeType:
    found = locked(VolumeType.objects.filter(pk=number(type_id))).first()
    if found is None:
        raise VolumeTypeNotFound(type_id)
    return found


def _write(row: QosSpec) -> None:
    row.updated_at = now()
    row.save(update_fields=["specs", "consumer", "updated_at"])
