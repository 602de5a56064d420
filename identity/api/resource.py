"""What the nouns of identity have in common beyond all others: domains, ids in bodies, filters by hints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import Body
from cloudweb.api.resource import ResourceViewSet
from cloudweb.api.resource_schema import ResourceSchema
from cloudweb.exceptions import UnknownMarker
from cloudweb.listing import Listing, Page, page_of
from identity.api.views import is_own_id, own_domain_id


class SeveralSchema(ResourceSchema):
    """Body and answer of making one are those of several, without an envelope around."""

    def get_request_serializer(self) -> Any:
        """Return the model of the body."""
        return self.resource.create if self.action == "create" else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        """Return the answers by status."""
        several = {201: self.resource.many(self.dialect)}
        return several if self.action == "create" else super().get_response_serializers()


class NounViewSet(ResourceViewSet):
    """A noun of identity. Managers give rows; what a query says beyond the filters is ignored.

    ``in_domain``: a new one goes to the caller's domain unless the body names another.
    """

    in_domain: ClassVar[bool] = False

    def said(self, model: type[Body]) -> dict[str, Any]:
        """Return what the body says, and the domain of what is new."""
        said = super().said(model)
        if self.in_domain and model is self.resource.create:
            said["domain_id"] = said.get("domain_id") or own_domain_id(self.context)
        return said

    def body(self, envelope: str) -> Mapping[str, Any]:
        """Return what is under the envelope; a PATCH may repeat the id of its path."""
        given = super().body(envelope)
        if self.request.method == "PATCH" and is_own_id(given.get("id"), self.kwargs):
            return {name: value for name, value in given.items() if name != "id"}
        return given

    def narrowed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the rows that the query asks for, beyond what filters can say."""
        return rows

    def page_of(self, read: Callable[..., Any], *path: Any) -> Response:
        """Return the page of the rows that ``read`` gives."""

        def page(*asked: Any) -> Page[Any]:
            listing: Listing = asked[-1]
            rows = self.narrowed(read(*asked[:-1]).filter(listing.where))
            return page_of(rows, replace(listing, where=Q()), last=_last(rows, listing.marker))

        return super().page_of(page, *path)


def _last(rows: QuerySet[Any], marker: str | None) -> Any:
    """Return the row that a page begins after; raise UnknownMarker."""
    if marker is None:
        return None
    found = rows.order_by().filter(pk=marker).first()
    if found is None:
        raise UnknownMarker(marker)
    return found


class SeveralViewSet(NounViewSet):
    """A noun of which clients make several at once, all or none; their list is the body and the answer."""

    schema = SeveralSchema()

    def create(self, request: Request, *_: Any, **path: Any) -> Response:
        """Make all of a list, or none where one of them is refused."""
        assert self.resource.create is not None
        rows = self._manager().create(**self.validated(self.resource.create).said())
        return self.answers(Page(rows, more=False), status=201)
