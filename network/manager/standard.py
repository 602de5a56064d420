"""What the managers of all nouns share: finding, paging, guarded writes, tags, projects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.exceptions import BadRequest, NotFound, PolicyNotAuthorized, UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Listing, Page, page_of
from cloudweb.manager import Manager
from cloudweb.policy import check, policy
from network import quota
from network.exceptions import RevisionNumberConstraintFailed, TagNotFound
from network.models.standard import Standard
from network.querysets import StandardQuerySet

M = TypeVar("M", bound=Standard)
MAX_TAGS = 50
Identifier = UUID | str


def number(identifier: Identifier) -> UUID:
    """Return an id as a UUID; the nil one, which no row has, for a name."""
    found = identifier if isinstance(identifier, UUID) else as_uuid(identifier)
    return found or UUID(int=0)


class StandardManager(Manager, Generic[M]):
    """A noun's model, and what is raised when one is not there."""

    model: ClassVar[type[Any]]
    missing: ClassVar[type[NotFound]]

    def _rows(self) -> StandardQuerySet[M]:
        return self.model.objects.visible_to(self.context)  # type: ignore[no-any-return]

    def _get(self, identifier: Identifier) -> M:
        """Return one the caller may see, complete; raise the noun's not-found error."""
        row = self._rows().complete().filter(id=number(identifier)).first()
        if row is None:
            raise self.missing(identifier)  # type: ignore[arg-type]
        return row

    def _page(self, listing: Listing, rows: QuerySet[Any, Any] | None = None) -> Page[Any]:
        """Return a page, everything without a limit; raise UnknownMarker.

        ``rows``: what to list, complete models by default.
        """
        last = None
        if listing.marker is not None:
            last = self._rows().filter(id=number(listing.marker)).first()
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(self._rows().complete() if rows is None else rows, listing, last=last)

    def _writable(self, identifier: Identifier, name: str) -> M:
        """Return one that is the caller's to change; PolicyNotAuthorized when it may only be seen."""
        row = self._rows().filter(id=number(identifier)).first()
        if row is None:
            raise self.missing(identifier)  # type: ignore[arg-type]
        if not self._owns(row):
            raise PolicyNotAuthorized(name)
        return row

    def _owns(self, row: Standard) -> bool:
        return self.context.is_admin or row.project_id == self.context.project_id

    def _changing(self, row: M, if_revision: int | None) -> M:
        """Raise the row's revision, which locks it until the transaction ends; return it as it is now.

        Raises RevisionNumberConstraintFailed when it is not at the revision the caller names.
        """
        same = self.model.objects.filter(id=row.id)
        guarded = same if if_revision is None else same.filter(revision=if_revision)
        if not guarded.touch():
            if if_revision is not None and same.exists():
                raise RevisionNumberConstraintFailed(expected=if_revision)
            raise self.missing(row.id)  # type: ignore[arg-type]
        return same.complete().get()  # type: ignore[no-any-return]

    def _project(self, project_id: str | None) -> str:
        """Return the project a new resource is for; only admins choose another than their own."""
        if project_id is None:
            return self.context.scoped_project_id
        if project_id != self.context.project_id:
            check(self.context, "network:any:set_project")
        return project_id

    @contextmanager
    def _several(self, items: Sequence[Mapping[str, Any]]) -> Iterator[None]:
        """Make several in one transaction: the quotas of all their projects are locked first, in one order."""
        said = {item.get("project_id") or self.context.project_id for item in items}
        with transaction.atomic():
            if len(said) > 1:
                quota.lock({str(project) for project in said - {None}})
            yield

    @policy("network:tags:list")
    def tags(self, identifier: Identifier) -> Sequence[str]:
        """Return a resource's tags, sorted."""
        return tuple(self._get(identifier).tags)

    @policy("network:tags:update")
    def set_tags(self, identifier: Identifier, tags: Iterable[str]) -> Sequence[str]:
        """Replace a resource's tags; return them as they are now."""
        return self._tagged(identifier, lambda _old: {*tags})

    @policy("network:tags:update")
    def add_tags(self, identifier: Identifier, tags: Iterable[str]) -> Sequence[str]:
        """Add tags to a resource's; those it has already are no error."""
        return self._tagged(identifier, lambda old: {*old, *tags})

    @policy("network:tags:update")
    def remove_tag(self, identifier: Identifier, tag: str) -> Sequence[str]:
        """Take one tag away; raise TagNotFound if the resource does not carry it."""

        def without(old: Sequence[str]) -> set[str]:
            if tag not in old:
                raise TagNotFound(tag)
            return {*old} - {tag}

        return self._tagged(identifier, without)

    def _tagged(
        self, identifier: Identifier, change: Callable[[Sequence[str]], Collection[str]]
    ) -> Sequence[str]:
        row = self._writable(identifier, "network:tags:update")
        with transaction.atomic():
            row = self._changing(row, None)
            row.tags = tuple(sorted(change(row.tags)))
            if len(row.tags) > MAX_TAGS:
                raise BadRequest(f"The number of tags exceeds the limit of {MAX_TAGS} tags.")
            row.save(update_fields=["tags"])
        return tuple(row.tags)
