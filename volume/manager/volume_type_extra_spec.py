"""Extra specs: keys of a volume type that say what a pool must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.manager import Manager
from cloudweb.policy import allows, policy
from volume.exceptions import VolumeTypeExtraSpecNotFound, VolumeTypeNotFound
from volume.manager.volume_type import Identifier, VolumeTypeManager, check_unused, number
from volume.models import VolumeType

#: What everybody sees of a type's specs; the rest tells of back ends, which are operators' matter.
FOR_EVERYBODY = frozenset({"multiattach", "RESKEY:availability_zones", "replication_enabled"})
SEE_ALL = "volume:type_extra_specs:see_all"


def shown_specs(specs: Mapping[str, str], *, sees_all: bool) -> dict[str, str]:
    """Return the specs that a caller sees."""
    return {key: value for key, value in specs.items() if sees_all or key in FOR_EVERYBODY}


class VolumeTypeExtraSpecManager(Manager):
    """A type's extra specs; they change only while no volume is of the type."""

    @policy("volume:type_extra_specs:list")
    def list(self, type_id: Identifier) -> dict[str, str]:
        """Return the extra specs of a type, as far as this caller sees it and them."""
        row = VolumeTypeManager(self.context).get(type_id)
        return shown_specs(row.extra_specs, sees_all=allows(self.context, SEE_ALL))

    @policy("volume:type_extra_specs:get")
    def get(self, type_id: Identifier, key: str) -> str:
        """Return one value; raise VolumeTypeExtraSpecNotFound."""
        specs = self.list(type_id)
        if key not in specs:
            raise VolumeTypeExtraSpecNotFound(type_id=type_id, key=key)
        return specs[key]

    @policy("volume:type_extra_specs:create")
    def create(self, type_id: Identifier, specs: Mapping[str, str]) -> None:
        """Set several keys, new ones and old; raise VolumeTypeInUse."""
        _change(type_id, lambda row: row.extra_specs.update(specs))

    @policy("volume:type_extra_specs:update")
    def update(self, type_id: Identifier, key: str, value: str) -> None:
        """Set one key; raise VolumeTypeInUse."""
        _change(type_id, lambda row: row.extra_specs.update({key: value}))

    @policy("volume:type_extra_specs:delete")
    def delete(self, type_id: Identifier, key: str) -> None:
        """Remove one key; raise VolumeTypeExtraSpecNotFound, VolumeTypeInUse."""

        def remove(row: VolumeType) -> None:
            if key not in row.extra_specs:
                raise VolumeTypeExtraSpecNotFound(type_id=type_id, key=key)
            del row.extra_specs[key]

        _change(type_id, remove)


def _change(type_id: Identifier, change: Callable[[VolumeType], object]) -> None:
    with transaction.atomic():
        row = locked(VolumeType.objects.filter(pk=number(type_id))).first()
        if row is None:
            raise VolumeTypeNotFound(type_id)
        before = dict(row.extra_specs)
        change(row)
        if row.extra_specs != before:
            check_unused(row)
            row.updated_at = now()
            row.save(update_fields=["extra_specs", "updated_at"])
