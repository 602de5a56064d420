"""Address groups: rules name them, so their hosts learn of each change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from cloudweb.addresses import canonical_block, parse_block
from cloudweb.exceptions import BadRequest
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network import news, quota, sharing
from network.exceptions.address_groups import (
    AddressesAlreadyExist,
    AddressesNotFound,
    AddressGroupInUse,
    AddressGroupNotFound,
)
from network.manager.standard import Identifier, StandardManager
from network.models import AddressGroup

MAX_ADDRESSES = 500


class AddressGroupManager(StandardManager[AddressGroup]):
    """Address groups of the caller's project, and those that are shared with it."""

    model = AddressGroup
    missing = AddressGroupNotFound

    @policy("network:address_groups:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[AddressGroup]:
        """Return own and shared groups."""
        return self._page(listing)

    @policy("network:address_groups:list")
    def names(self, *, limit: int) -> Sequence[tuple[str, str]]:
        """Return ids and names of own and shared groups, by name; an id where there is no name."""
        rows = AddressGroup.objects.usable_by(self.context.scoped_project_id).order_by("name", "id")
        return [
            (str(one), name or str(one)) for one, name in rows.values_list("id", "name")[:limit]
        ]

    @policy("network:address_groups:get")
    def get(self, group_id: Identifier) -> AddressGroup:
        """Return a group; raise AddressGroupNotFound."""
        return self._get(group_id)

    @policy("network:address_groups:create")
    def create(
        self,
        *,
        name: str = "",
        description: str = "",
        addresses: Sequence[str] = (),
        project_id: str | None = None,
    ) -> AddressGroup:
        """Make a group of addresses and blocks."""
        group = AddressGroup(
            project_id=self._project(project_id),
            name=name,
            description=description,
            addresses=_in_order({canonical_block(one) for one in addresses}),
        )
        with transaction.atomic():
            quota.reserve(group.project_id, "address_group")
            group.save(force_insert=True)
        return group

    @policy("network:address_groups:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[AddressGroup]:
        """Make all of them or none."""
        with self._several(items):
            return [self.create(**item) for item in items]

    @policy("network:address_groups:update")
    def update(
        self,
        group_id: Identifier,
        *,
        if_revision: int | None = None,
        name: str | None = None,
        description: str | None = None,
    ) -> AddressGroup:
        """Rename or describe a group."""
        group = self._writable(group_id, "network:address_groups:update")
        with transaction.atomic():
            group = self._changing(group, if_revision)
            group.name = group.name if name is None else name
            group.description = group.description if description is None else description
            group.save(update_fields=["name", "description"])
        return self._get(group.id)

    @policy("network:address_groups:update")
    def add_addresses(self, group_id: Identifier, addresses: Sequence[str]) -> AddressGroup:
        """Add addresses; raise AddressesAlreadyExist for those that are in."""

        def added(old: set[str], said: set[str], group: AddressGroup) -> set[str]:
            if twice := old & said:
                raise AddressesAlreadyExist(twice, group_id=group.id)
            return old | said

        return self._change(group_id, addresses, added)

    @policy("network:address_groups:update")
    def remove_addresses(self, group_id: Identifier, addresses: Sequence[str]) -> AddressGroup:
        """Take addresses away; raise AddressesNotFound for those that are not in."""

        def left(old: set[str], said: set[str], group: AddressGroup) -> set[str]:
            if unknown := said - old:
                raise AddressesNotFound(unknown, group_id=group.id)
            return old - said

        return self._change(group_id, addresses, left)

    @policy("network:address_groups:delete")
    def delete(self, group_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a group; raise AddressGroupInUse while rules name it."""
        group = self._writable(group_id, "network:address_groups:delete")
        try:
            with transaction.atomic():
                group = self._changing(group, if_revision)
                sharing.forget(group.id)
                group.delete()
        except (ProtectedError, IntegrityError) as error:
            raise AddressGroupInUse(group.id) from error

    def _change(self, group_id: Identifier, addresses: Sequence[str], change: Any) -> AddressGroup:
        group = self._writable(group_id, "network:address_groups:update")
        with transaction.atomic():
            group = self._changing(group, None)
            said = {canonical_block(one) for one in addresses}
            group.addresses = _in_order(change({*group.addresses}, said, group))
            group.save(update_fields=["addresses"])
            naming = group.referring_rules.values_list("security_group_id", flat=True)
            news.rules_changed({*naming})
        return self._get(group.id)


def _in_order(addresses: set[str]) -> Sequence[str]:
    if len(addresses) > MAX_ADDRESSES:
        raise BadRequest(f"An address group holds {MAX_ADDRESSES} addresses at most.")
    blocks = [parse_block(one) for one in addresses]
    found = sorted(blocks, key=lambda block: (block.version, int(block[0]), block.prefixlen))
    return [str(block) for block in found]
