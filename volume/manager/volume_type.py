"""Volume types: what operators offer, and which one is meant when nobody says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, Unpack
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, UnknownMarker
from cloudweb.holdings import holdings_of
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity import quotas
from volume import conf, quota_names
from volume.exceptions import (
    NoDefaultVolumeType,
    VolumeTypeExists,
    VolumeTypeInUse,
    VolumeTypeIsDefault,
    VolumeTypeNotFound,
)
from volume.models import DefaultVolumeType, VolumeType
from volume.querysets import VolumeTypeQuerySet

Identifier = UUID | str


def number(identifier: Identifier) -> UUID:
    """Return an id as a UUID; the nil one, which no row has, for a name."""
    found = identifier if isinstance(identifier, UUID) else as_uuid(identifier)
    return found or UUID(int=0)


class VolumeTypeChanges(TypedDict, total=False):
    """What may change on a type."""

    name: str
    description: str | None
    is_public: bool


class VolumeTypeManager(Manager):
    """Volume types, for everyone to read and for admins to write."""

    def _visible(self) -> VolumeTypeQuerySet:
        return VolumeType.objects.visible_to(self.context)

    @policy("volume:types:list")
    def list(
        self, listing: Listing = EVERYTHING, *, is_public: bool | None = None
    ) -> Page[VolumeType]:
        """Return a page of types; raise UnknownMarker.

        ``is_public`` is heard from admins alone: True is what the token's project may use, False the
        private ones, None all.
        """
        rows = self._visible()
        if self.context.is_admin and is_public is not None:
            rows = (
                rows.open_to(self.context.project_id) if is_public else rows.filter(is_public=False)
            )
        last = None
        if listing.marker is not None:
            last = self._visible().filter(pk=number(listing.marker)).first()
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows, listing, last=last)

    @policy("volume:types:get")
    def get(self, type_id: Identifier) -> VolumeType:
        """Return a type; raise VolumeTypeNotFound for none or one this caller has no access to."""
        found = self._visible().filter(pk=number(type_id)).first()
        if found is None:
            raise VolumeTypeNotFound(type_id)
        return found

    @policy("volume:types:get")
    def named(self, name_or_id: str) -> VolumeType:
        """Return a type by its id or, where that is none, by its name; raise VolumeTypeNotFound."""
        found = self._visible().filter(pk=number(name_or_id)).first()
        found = found or self._visible().filter(name=name_or_id).first()
        if found is None:
            raise VolumeTypeNotFound(name_or_id)
        return found

    @policy("volume:types:get")
    def default(self, project_id: str | None = None) -> VolumeType:
        """Return the type of who names none: the project's own default, else the cloud's.

        Raises NoDefaultVolumeType.
        """
        project_id = project_id or self.context.project_id
        own = VolumeType.objects.filter(default_of__project_id=project_id).first()
        found = own or VolumeType.objects.filter(name=conf.DEFAULT_TYPE).first()
        if found is None:
            raise NoDefaultVolumeType
        return found

    @policy("volume:types:create")
    def create(
        self,
        *,
        name: str,
        description: str | None = None,
        is_public: bool = True,
        extra_specs: Mapping[str, str] | None = None,
    ) -> VolumeType:
        """Offer a new type; raise VolumeTypeExists."""
        row = VolumeType(
            name=name,
            description=description,
            is_public=is_public,
            extra_specs=dict(extra_specs or {}),
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise VolumeTypeExists(name) from error
        return row

    @policy("volume:types:update")
    def update(self, type_id: Identifier, **changes: Unpack[VolumeTypeChanges]) -> VolumeType:
        """Change what a type is called and who sees it; quotas of the type keep their limits.

        Raises BadRequest for no change at all, VolumeTypeExists, VolumeTypeIsDefault when the cloud's
        default would lose its name.
        """
        if not changes:
            raise BadRequest(
                "Specify volume type name, description, is_public or a combination thereof."
            )
        try:
            with transaction.atomic():
                row = locked(VolumeType.objects.filter(pk=number(type_id))).first()
                if row is None:
                    raise VolumeTypeNotFound(type_id)
                before = row.name
                for name, value in changes.items():
                    setattr(row, name, value)
                if before == conf.DEFAULT_TYPE != row.name:
                    raise VolumeTypeIsDefault(row.id)
                row.updated_at = now()
                row.save(update_fields=[*changes, "updated_at"])
                if before != row.name:
                    quotas.rename(quota_names.SERVICE, quota_names.renamed(before, row.name))
        except IntegrityError as error:
            raise VolumeTypeExists(str(changes.get("name"))) from error
        return row

    @policy("volume:types:delete")
    def delete(self, type_id: Identifier) -> None:
        """Withdraw a type; raise VolumeTypeInUse while volumes are of it, VolumeTypeIsDefault."""
        try:
            with transaction.atomic():
                row = locked(VolumeType.objects.filter(pk=number(type_id))).first()
                if row is None:
                    raise VolumeTypeNotFound(type_id)
                check_unused(row)
                if (
                    row.name == conf.DEFAULT_TYPE
                    or DefaultVolumeType.objects.filter(volume_type=row).exists()
                ):
                    raise VolumeTypeIsDefault(row.id)
                row.delete()
                quotas.rename(quota_names.SERVICE, dict.fromkeys(quota_names.of_type(row.name)))
        except (ProtectedError, IntegrityError) as error:  # one came while we looked
            raise VolumeTypeInUse(type_id, holdings={"volumes": 1}) from error


def check_unused(row: VolumeType) -> None:
    """Raise VolumeTypeInUse while anything is of a type: what it means must not change then."""
    if held := holdings_of("volume type", str(row.id)):
        raise VolumeTypeInUse(row.id, holdings=held)
