"""Security groups: each project has a default one from its first sight on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from cloudweb.database.locks import has_row_locks, together_with
from cloudweb.database.prepared import Given, Prepared
from cloudweb.exceptions import InvalidInput
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network import news, quota, sharing
from network.drivers.base import STATELESS_FILTERS
from network.exceptions.security_groups import (
    SecurityGroupAmbiguous,
    SecurityGroupCannotRemoveDefault,
    SecurityGroupCannotUpdateDefault,
    SecurityGroupConflict,
    SecurityGroupDefaultAlreadyExists,
    SecurityGroupInUse,
    SecurityGroupNotFound,
)
from network.first_rules import add_first_rules
from network.manager.capability import offered
from network.manager.standard import Identifier, StandardManager, number
from network.models import Port, SecurityGroup

DEFAULT = "default"


_DEFAULT = Prepared(
    lambda: SecurityGroup.objects.filter(project_id=Given("project"), is_default=True)
)


class SecurityGroupChanges(TypedDict, total=False):
    """What may change on a group."""

    name: str
    description: str
    stateful: bool


class SecurityGroupManager(StandardManager[SecurityGroup]):
    """Security groups of the caller's project, and those that are shared with it."""

    model = SecurityGroup
    missing = SecurityGroupNotFound

    @policy("network:security_groups:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[SecurityGroup]:
        """Return own and shared groups; the default one is made if this is the first look."""
        if self.context.project_id is not None:
            self.ensure_default(self.context.project_id)
        return self._page(listing)

    @policy("network:security_groups:get")
    def get(self, group_id: Identifier) -> SecurityGroup:
        """Return a group; raise SecurityGroupNotFound."""
        return self._get(group_id)

    @policy("network:security_groups:get")
    def resolve(self, name_or_id: str, project: str) -> SecurityGroup:
        """Return a project's group by id or name, its own before one that is shared with it.

        Raises SecurityGroupNotFound, SecurityGroupAmbiguous when several have the name.
        """
        rows = self._rows().usable_by(project)
        by_id = rows.filter(id=number(name_or_id)).first()
        if by_id is not None:
            return by_id
        if name_or_id == DEFAULT:
            self.ensure_default(project)
        named = rows.filter(name=name_or_id, project_id=project)[:2]
        named = named or rows.filter(name=name_or_id)[:2]
        if len(named) > 1:
            raise SecurityGroupAmbiguous(name_or_id)
        if not named:
            raise SecurityGroupNotFound(name_or_id)
        return named[0]

    @policy("network:security_groups:list")
    def names(self, *, limit: int) -> Sequence[tuple[str, str]]:
        """Return ids and names of the own project's groups, by name; an id where there is no name."""
        own = SecurityGroup.objects.filter(project_id=self.context.project_id).order_by(
            "name", "id"
        )
        return [(str(one), name or str(one)) for one, name in own.values_list("id", "name")[:limit]]

    @policy("network:security_groups:list")
    def ids_of(self, project: str, group_ids: Sequence[Identifier]) -> set[UUID]:
        """Return the ids of groups a project may use together; raise SecurityGroupNotFound, SecurityGroupConflict."""
        wanted = {number(one): one for one in group_ids}
        if not wanted:
            return set()
        rows = self._rows().filter(id__in=wanted)
        if not self.context.is_admin:
            rows = rows.usable_by(project)
        owners = dict(rows.values_list("id", "project_id"))
        if any(owner != self.context.project_id for owner in owners.values()):
            owners = self._held(rows, owners)
        found = {*owners}
        for one, said in wanted.items():
            if one not in found:
                raise SecurityGroupNotFound(said)
        if len(found) > 1:
            kinds = SecurityGroup.objects.filter(id__in=found).order_by().values("stateful")
            if kinds.distinct().count() > 1:
                raise SecurityGroupConflict
        return found

    def _held(self, rows: QuerySet[SecurityGroup], owners: Mapping[UUID, str]) -> dict[UUID, str]:
        """Keep others' groups shared until the transaction ends; return those that still are."""
        if self.context.is_admin:
            return dict(owners)
        for group_id in sorted(owners):
            if owners[group_id] != self.context.project_id:
                together_with(group_id)
        return dict(rows.values_list("id", "project_id")) if has_row_locks() else dict(owners)

    @policy("network:security_groups:list")
    def ensure_default(self, project_id: str) -> SecurityGroup:
        """Return the project's default group, made if need be."""
        found = _DEFAULT.row(project=project_id)
        if found is not None:
            return found
        try:
            with transaction.atomic():
                group = SecurityGroup.objects.create(
                    project_id=project_id,
                    name=DEFAULT,
                    description="Default security group",
                    is_default=True,
                )
                add_first_rules(group)
                return group
        except IntegrityError:  # another request was faster
            return SecurityGroup.objects.get(project_id=project_id, is_default=True)

    @policy("network:security_groups:create")
    def create(
        self,
        *,
        name: str,
        description: str = "",
        stateful: bool = True,
        project_id: str | None = None,
    ) -> SecurityGroup:
        """Make a group with the rules of all new ones; raise InvalidInput where all are stateful."""
        if not stateful:
            _check_stateless()
        project = self._project(project_id)
        if name.lower() == DEFAULT:
            raise SecurityGroupDefaultAlreadyExists
        with transaction.atomic():
            self.ensure_default(project)
            quota.reserve(project, "security_group")
            group = SecurityGroup.objects.create(
                project_id=project, name=name, description=description, stateful=stateful
            )
            add_first_rules(group)
        return self._get(group.id)

    @policy("network:security_groups:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[SecurityGroup]:
        """Make all of them or none."""
        with self._several(items):
            return [self.create(**item) for item in items]

    @policy("network:security_groups:update")
    def update(
        self,
        group_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[SecurityGroupChanges],
    ) -> SecurityGroup:
        """Change a group; the default one keeps its name, and one that ports are in its statefulness."""
        group = self._writable(group_id, "network:security_groups:update")
        with transaction.atomic():
            group = self._changing(group, if_revision)
            name = changes.get("name", group.name)
            if group.is_default and name != group.name:
                raise SecurityGroupCannotUpdateDefault
            if not group.is_default and name.lower() == DEFAULT:
                raise SecurityGroupDefaultAlreadyExists
            if changes.get("stateful", group.stateful) != group.stateful:
                if not changes["stateful"]:
                    _check_stateless()
                if Port.objects.of_groups([group.id]).exists():
                    raise SecurityGroupInUse(group.id)
            for field, value in changes.items():
                setattr(group, field, value)
            if changes:
                group.save(update_fields=list(changes))
        return self._get(group.id)

    @policy("network:security_groups:delete")
    def delete(self, group_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a group and the rules that name it; raise SecurityGroupInUse while it has members.

        A default group is removed by admins alone; the next look makes a new one.
        """
        group = self._writable(group_id, "network:security_groups:delete")
        try:
            with transaction.atomic():
                group = self._changing(group, if_revision)
                if group.is_default and not self.context.is_admin:
                    raise SecurityGroupCannotRemoveDefault
                if Port.objects.of_groups([group.id]).exists():
                    raise SecurityGroupInUse(group.id)
                naming = set(group.referring_rules.values_list("security_group_id", flat=True))
                sharing.forget(group.id)
                group.delete()
                news.rules_changed(naming - {group.id})
        except IntegrityError as error:  # a port joined while we looked
            raise SecurityGroupInUse(group.id) from error


def _check_stateless() -> None:
    if not offered(STATELESS_FILTERS):
        raise InvalidInput(
            field="stateful",
            value=False,
            reason="The hosts of this cloud have no filters without state.",
        )
