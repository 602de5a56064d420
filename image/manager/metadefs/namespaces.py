"""Namespaces of metadata definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from cloudweb.database import clock
from cloudweb.listing import Page, paginate
from cloudweb.policy import policy
from image.exceptions import MetadefExists
from image.manager.metadefs.finding import NamespaceFinder
from image.manager.metadefs.items import (
    MetadefObjectManager,
    MetadefPropertyManager,
    MetadefTagManager,
)
from image.manager.metadefs.resource_types import MetadefResourceTypeManager
from image.metadefs import DEFAULT_ORDER, NamespaceFilter
from image.models import MetadefAssociation, MetadefNamespace

_PARTS = ("associations__resource_type", "properties", "objects_defined", "tags")


class MetadefNamespaceManager(NamespaceFinder):
    """Namespaces: operators write them, everybody reads public ones and those of its project."""

    @policy("image:metadefs:list")
    def list(
        self,
        *,
        wanted: NamespaceFilter | None = None,
        order: Sequence[str] = DEFAULT_ORDER,
        marker: str | None = None,
        limit: int = 25,
    ) -> Page[MetadefNamespace]:
        """Return one page with the associations loaded; ``marker`` is a namespace's name."""
        wanted = wanted or NamespaceFilter()
        rows = self._namespaces()
        if wanted.visibility is not None:
            rows = rows.filter(visibility=wanted.visibility)
        if wanted.resource_types:
            fitting = MetadefAssociation.objects.filter(
                resource_type__name__in=wanted.resource_types
            )
            rows = rows.filter(id__in=fitting.values("namespace"))
        after = None
        if marker is not None:
            after = self._namespaces().filter(namespace=marker).first()
            if after is None:
                return Page([], more=False)
        rows = rows.prefetch_related("associations__resource_type")
        return paginate(rows, limit=limit, marker=after, order=order)

    @policy("image:metadefs:get")
    def get(self, name: str) -> MetadefNamespace:
        """Return one namespace with everything in it loaded. Raises MetadefNotFound."""
        return self._namespace(name, self._namespaces().prefetch_related(*_PARTS))

    @policy("image:metadefs:create")
    def create(
        self,
        /,
        *,
        properties: Mapping[str, Mapping[str, Any]] | None = None,
        objects: Sequence[Mapping[str, Any]] = (),
        tags: Sequence[str] = (),
        associations: Sequence[Mapping[str, Any]] = (),
        **values: Any,
    ) -> MetadefNamespace:
        """Record a namespace by its columns, and what it holds, as a whole or not at all.

        It belongs to ``project_id`` or the caller's project. Raises MetadefExists: a name is used
        once in the cloud.
        """
        now, context = clock.now(), self.context
        project_id = values.pop("project_id", None) or context.scoped_project_id
        name = values["namespace"]
        with transaction.atomic():
            try:
                with transaction.atomic():
                    MetadefNamespace.objects.create(
                        **values, project_id=project_id, created_at=now, updated_at=now
                    )
            except IntegrityError as error:
                raise MetadefExists("namespace", name) from error
            for key, schema in (properties or {}).items():
                MetadefPropertyManager(context).create(name, name=key, schema=schema)
            for one in objects:
                MetadefObjectManager(context).create(name, **one)
            MetadefTagManager(context).replace(name, tags, keep=True)
            for one in associations:
                MetadefResourceTypeManager(context).associate(name, **one)
        return self._namespace(name, self._namespaces().prefetch_related(*_PARTS))

    @policy("image:metadefs:update")
    def update(self, name: str, changes: Mapping[str, Any]) -> MetadefNamespace:
        """Set columns of a namespace; return it as ``get`` does."""
        try:
            with transaction.atomic():
                found = self._held(name)
                for column, value in changes.items():
                    setattr(found, column, value)
                found.updated_at = clock.now()
                found.save(update_fields=[*changes, "updated_at"])
        except IntegrityError as error:
            raise MetadefExists("namespace", changes["namespace"]) from error
        return self._namespace(found.namespace, self._namespaces().prefetch_related(*_PARTS))

    @policy("image:metadefs:delete")
    def delete(self, name: str) -> None:
        """Delete a namespace with all that is in it. Raises MetadefProtected."""
        with transaction.atomic():
            self._held(name, emptying=True).delete()
