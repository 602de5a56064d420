"""How managers of metadata definitions find a namespace."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from cloudweb.database.locks import locked
from cloudweb.manager import Manager
from image.exceptions import MetadefNotFound, MetadefProtected
from image.models import MetadefNamespace
from image.sharing import PUBLIC


class NamespaceFinder(Manager):
    """The base of the managers that work on one namespace."""

    def _namespaces(self) -> QuerySet[MetadefNamespace]:
        """Return what the caller may read: public ones and its project's; all for an admin."""
        rows = MetadefNamespace.objects.all()
        if self.context.is_admin:
            return rows
        own = Q(project_id=self.context.scoped_project_id)
        return rows.filter(own | Q(visibility=PUBLIC))

    def _namespace(
        self, name: str, rows: QuerySet[MetadefNamespace] | None = None
    ) -> MetadefNamespace:
        found = (self._namespaces() if rows is None else rows).filter(namespace=name).first()
        if found is None:
            raise MetadefNotFound("namespace", name)
        return found

    def _held(self, name: str, *, emptying: bool = False) -> MetadefNamespace:
        """Return a namespace whose row is locked until the transaction ends.

        Raises MetadefProtected if something is to be deleted from a protected one.
        """
        found = self._namespace(name, locked(self._namespaces()))
        if emptying and found.protected:
            raise MetadefProtected(f"Metadata definition namespace {name} is protected.")
        return found
