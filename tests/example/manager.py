"""Shelves: rules, permission, writes."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from cloudweb.exceptions import UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from tests.example.exceptions import ShelfBusy, ShelfNotFound
from tests.example.models import Shelf
from tests.example.operations.build_shelf import BuildShelf
from tests.example.querysets import ShelfQuerySet


class ShelfManager(Manager):
    """Shelves of the caller's project."""

    @policy("database:shelves:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[Shelf]:
        """Return a page; raise UnknownMarker."""
        last = None
        if listing.marker is not None:
            last = self._one(listing.marker).first()
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(Shelf.objects.visible_to(self.context), listing, last=last)

    @policy("database:shelves:get")
    def get(self, shelf_id: str) -> Shelf:
        """Return a shelf; raise ShelfNotFound."""
        shelf = self._one(shelf_id).first()
        if shelf is None:
            raise ShelfNotFound(shelf_id)
        return shelf

    @policy("database:shelves:create")
    def create(self, *, name: str) -> Shelf:
        """Record a new shelf and start building it."""
        with transaction.atomic():
            shelf = Shelf.objects.create(project_id=self.context.scoped_project_id, name=name)
            BuildShelf.start(self.context, resource_id=str(shelf.id))
        return shelf

    @policy("database:shelves:update")
    def update(self, shelf_id: str, *, name: str) -> Shelf:
        """Give it another name."""
        if not self._one(shelf_id).update(name=name):
            raise ShelfNotFound(shelf_id)
        return self.get(shelf_id)

    @policy("database:shelves:delete")
    def delete(self, shelf_id: str) -> None:
        """Remove a shelf; raise ShelfBusy while it is being built."""
        shelf = self.get(shelf_id)
        if not Shelf.objects.filter(id=shelf.id).removable().delete()[0]:
            raise ShelfBusy

    @periodic(every=timedelta(hours=1))
    @policy("database:shelves:clear_away")
    def clear_away(self) -> None:
        """Remove shelves that could not be built, a day later."""
        Shelf.objects.all().stale().delete()

    def _one(self, shelf_id: str) -> ShelfQuerySet:
        return Shelf.objects.visible_to(self.context).filter(id=as_uuid(shelf_id))
