"""The kinds of things that definitions are for, and which namespace is for which."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from cloudweb.database import clock
from cloudweb.policy import policy
from image.exceptions import MetadefExists, MetadefNotFound, TooManyDetails
from image.manager.metadefs.finding import NamespaceFinder
from image.metadefs import MOST
from image.models import MetadefAssociation, MetadefResourceType


class MetadefResourceTypeManager(NamespaceFinder):
    """Resource types; the first association with one makes it, the last one leaves it."""

    @policy("image:metadefs:list")
    def list_types(self) -> Sequence[MetadefResourceType]:
        """Return all by name: at most ``MOST``."""
        return list(MetadefResourceType.objects.order_by("name"))

    @policy("image:metadefs:list")
    def list(self, namespace: str) -> Sequence[MetadefAssociation]:
        """Return a namespace's associations with their types loaded."""
        rows = MetadefAssociation.objects.filter(namespace=self._namespace(namespace))
        return list(rows.select_related("resource_type").order_by("resource_type__name"))

    @policy("image:metadefs:create")
    def associate(
        self, namespace: str, *, name: str, prefix: str = "", properties_target: str = ""
    ) -> MetadefAssociation:
        """Say that a namespace is for a resource type. Raises MetadefNotFound, MetadefExists."""
        now = clock.now()
        try:
            with transaction.atomic():
                room = self._held(namespace)
                kind = MetadefResourceType.objects.filter(name=name).first()
                if kind is None:
                    if MetadefResourceType.objects.count() >= MOST:
                        raise TooManyDetails(f"There are at most {MOST} resource types.")
                    kind = MetadefResourceType.objects.create(
                        name=name, created_at=now, updated_at=now
                    )
                return MetadefAssociation.objects.create(
                    namespace=room,
                    resource_type=kind,
                    prefix=prefix,
                    properties_target=properties_target,
                    created_at=now,
                    updated_at=now,
                )
        except IntegrityError as error:
            raise MetadefExists("resource type association", name) from error

    @policy("image:metadefs:delete")
    def dissociate(self, namespace: str, name: str) -> None:
        """Say that a namespace is not for a resource type. Raises MetadefNotFound."""
        with transaction.atomic():
            room = self._held(namespace, emptying=True)
            rows = MetadefAssociation.objects.filter(namespace=room, resource_type__name=name)
            if not rows.delete()[0]:
                raise MetadefNotFound("resource type association", name)
