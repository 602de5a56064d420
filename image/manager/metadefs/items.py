"""What a namespace holds by name: properties, objects, tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django.db import IntegrityError, transaction

from cloudweb.database import clock
from cloudweb.policy import policy
from image.exceptions import MetadefExists, MetadefNotFound, TooManyDetails
from image.manager.metadefs.finding import NamespaceFinder
from image.metadefs import MOST
from image.models import MetadefNamespace, MetadefObject, MetadefProperty, MetadefTag

Item = TypeVar("Item", MetadefProperty, MetadefObject, MetadefTag)


class MetadefItemManager(NamespaceFinder, Generic[Item]):
    """The rooms that the three kinds share; a name is used once in its namespace."""

    model: ClassVar[Any]
    noun: ClassVar[str]

    @policy("image:metadefs:list")
    def list(self, namespace: str) -> Sequence[Item]:
        """Return all of a namespace by name: at most ``MOST``."""
        rows = self.model.objects.filter(namespace=self._namespace(namespace))
        return list(rows.select_related("namespace").order_by("name"))

    @policy("image:metadefs:get")
    def get(self, namespace: str, name: str) -> Item:
        """Return one. Raises MetadefNotFound."""
        return self._item(self._namespace(namespace), name)

    @policy("image:metadefs:create")
    def create(self, /, namespace: str, *, name: str, **values: Any) -> Item:
        """Add one. Raises MetadefNotFound, MetadefExists, TooManyDetails."""
        now = clock.now()
        try:
            with transaction.atomic():
                room = self._held(namespace)
                self._check_room(room)
                made: Item = self.model.objects.create(
                    namespace=room, name=name, created_at=now, updated_at=now, **values
                )
        except IntegrityError as error:
            raise MetadefExists(self.noun, name) from error
        return made

    @policy("image:metadefs:update")
    def update(self, namespace: str, name: str, changes: Mapping[str, Any]) -> Item:
        """Set columns of one, its name among them. Raises MetadefNotFound, MetadefExists."""
        try:
            with transaction.atomic():
                item = self._item(self._held(namespace), name)
                for column, value in changes.items():
                    setattr(item, column, value)
                item.updated_at = clock.now()
                item.save(update_fields=[*changes, "updated_at"])
        except IntegrityError as error:
            raise MetadefExists(self.noun, changes["name"]) from error
        return item

    @policy("image:metadefs:delete")
    def delete(self, namespace: str, name: str) -> None:
        """Take one away. Raises MetadefNotFound, MetadefProtected."""
        with transaction.atomic():
            self._item(self._held(namespace, emptying=True), name).delete()

    @policy("image:metadefs:delete")
    def clear(self, namespace: str) -> None:
        """Take all away. Raises MetadefNotFound, MetadefProtected."""
        with transaction.atomic():
            self.model.objects.filter(namespace=self._held(namespace, emptying=True)).delete()

    def _item(self, room: MetadefNamespace, name: str) -> Item:
        rows = self.model.objects.filter(namespace=room, name=name)
        found: Item | None = rows.select_related("namespace").first()
        if found is None:
            raise MetadefNotFound(self.noun, name)
        return found

    def _check_room(self, room: MetadefNamespace, *, more: int = 1) -> None:
        if self.model.objects.filter(namespace=room).count() + more > MOST:
            raise TooManyDetails(f"A namespace holds at most {MOST} of a kind.")


class MetadefPropertyManager(MetadefItemManager[MetadefProperty]):
    """Properties, each with its JSON schema."""

    model = MetadefProperty
    noun = "property"


class MetadefObjectManager(MetadefItemManager[MetadefObject]):
    """Groups of properties."""

    model = MetadefObject
    noun = "object"


class MetadefTagManager(MetadefItemManager[MetadefTag]):
    """Words."""

    model = MetadefTag
    noun = "tag"

    @policy("image:metadefs:create")
    def replace(
        self, namespace: str, names: Sequence[str], *, keep: bool = False
    ) -> Sequence[MetadefTag]:
        """Let a namespace have these tags, and with ``keep`` also those it has."""
        now = clock.now()
        with transaction.atomic():
            room = self._held(namespace, emptying=not keep)
            wanted = dict.fromkeys(names)
            if keep:
                there = room.tags.filter(name__in=wanted).values_list("name", flat=True)
                wanted = dict.fromkeys(name for name in wanted if name not in set(there))
            else:
                room.tags.all().delete()
            self._check_room(room, more=len(wanted))
            MetadefTag.objects.bulk_create(
                [
                    MetadefTag(namespace=room, name=name, created_at=now, updated_at=now)
                    for name in wanted
                ]
            )
            return list(room.tags.order_by("name"))
