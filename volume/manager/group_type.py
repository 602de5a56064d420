"""Group types, with their specs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, UnknownMarker
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume.exceptions import (
    GroupSpecNotFound,
    GroupTypeExists,
    GroupTypeInUse,
    GroupTypeNotFound,
)
from volume.manager.volume_type import Identifier, number
from volume.models import GroupType


class GroupTypeChanges(TypedDict, total=False):
    """What may change on a group type."""

    name: str
    description: str | None
    is_public: bool


class GroupTypeManager(Manager):
    """Group types, for everyone to read and for admins to write."""

    @policy("volume:group_types:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[GroupType]:
        """Return a page of group types; raise UnknownMarker."""
        rows, last = GroupType.objects.visible_to(self.context), None
        if listing.marker is not None:
            last = rows.filter(pk=number(listing.marker)).first()
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows, listing, last=last)

    @policy("volume:group_types:get")
    def get(self, type_id: Identifier) -> GroupType:
        """Return a group type; raise GroupTypeNotFound."""
        rows = GroupType.objects.visible_to(self.context)
        found = rows.filter(pk=number(type_id)).first()
        if found is None:
            raise GroupTypeNotFound(type_id)
        return found

    @policy("volume:group_types:create")
    def create(
        self,
        *,
        name: str,
        description: str | None = None,
        is_public: bool = True,
        group_specs: Mapping[str, str] | None = None,
    ) -> GroupType:
        """Offer a group type; raise GroupTypeExists."""
        row = GroupType(
            name=name,
            description=description,
            is_public=is_public,
            group_specs=dict(group_specs or {}),
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise GroupTypeExists(name) from error
        return row

    @policy("volume:group_types:update")
    def update(self, type_id: Identifier, **changes: Unpack[GroupTypeChanges]) -> GroupType:
        """Change what it is called and who sees it; raise BadRequest for no change, GroupTypeExists."""
        if not changes:
            raise BadRequest("Specify group type name, description or a combination thereof.")

        def write(row: GroupType) -> None:
            for name, value in changes.items():
                setattr(row, name, value)

        try:
            return _changed(type_id, write)
        except IntegrityError as error:
            raise GroupTypeExists(str(changes.get("name"))) from error

    @policy("volume:group_types:delete")
    def delete(self, type_id: Identifier) -> None:
        """Withdraw it; raise GroupTypeInUse while groups are of it."""
        try:
            with transaction.atomic():
                _locked(type_id).delete()
        except (ProtectedError, IntegrityError) as error:
            raise GroupTypeInUse(type_id) from error

    @policy("volume:group_specs:list")
    def specs(self, type_id: Identifier) -> Mapping[str, str]:
        """Return the specs of a group type."""
        return dict(self.get(type_id).group_specs)

    @policy("volume:group_specs:set")
    def set_specs(self, type_id: Identifier, specs: Mapping[str, str]) -> None:
        """Set some keys, new ones and old."""
        _changed(type_id, lambda row: row.group_specs.update(specs))

    @policy("volume:group_specs:delete")
    def delete_spec(self, type_id: Identifier, key: str) -> None:
        """Remove one key; raise GroupSpecNotFound."""

        def remove(row: GroupType) -> None:
            if key not in row.group_specs:
                raise GroupSpecNotFound(type_id=type_id, key=key)
            del row.group_specs[key]

        _changed(type_id, remove)


def _locked(type_id: Identifier) -> GroupType:
    found = locked(GroupType.objects.filter(pk=number(type_id))).first()
    if found is None:
        raise GroupTypeNotFound(type_id)
    return found


def _changed(type_id: Identifier, change: Callable[[GroupType], object]) -> GroupType:
    with transaction.atomic():
        row = _locked(type_id)
        change(row)
        row.updated_at = now()
        row.save()
    return row
