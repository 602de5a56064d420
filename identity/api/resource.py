"""What the nouns of identity have in common beyond all others: domains, ids in bodies, filters by hints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, wraps
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import Body
from cloudweb.api.resource import ResourceViewSet
from cloudweb.api.resource_schema import ResourceSchema
from cloudweb.api.views import empty
from cloudweb.exceptions import InvalidInput, UnknownMarker
from cloudweb.listing import Listing, Page, page_of
from identity.api.views import is_own_id, own_domain_id

#: Names of providers, mappings and protocols: they are parts of URLs.
_FORM = re.compile(r"[A-Za-z0-9._~-]{1,64}\Z")
_WELL_FORMED = (
    "It may hold letters, digits, dots, dashes, underscores and tildes alone, 64 of them."
)
RELATION = ("check", "add", "remove")


class PlainBodySchema(ResourceSchema):
    """The body that makes one has no envelope."""

    def get_request_serializer(self) -> Any:
        """Return the model of the body."""
        return self.resource.create if self.action == "create" else super().get_request_serializer()


class SeveralSchema(PlainBodySchema):
    """The answer to making one is that of several, as is the body."""

    def get_response_serializers(self) -> Any:
        """Return the answers by status."""
        several = {201: self.resource.many(self.dialect)}
        return several if self.action == "create" else super().get_response_serializers()


class RelationSchema(ResourceSchema):
    """What something has is told, given and taken without a body."""

    def get_request_serializer(self) -> Any:
        """Return the body, which these have not."""
        return None if self.action in RELATION else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        """Return the answers by status."""
        return {204: None} if self.action in RELATION else super().get_response_serializers()


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


def listed(read: Callable[..., Any]) -> Any:
    """Return the call that lists the rows which a manager's method gives for what stands in the path."""

    @wraps(read)
    def call(view: NounViewSet, request: Request, **path: Any) -> Response:
        return view.page_of(partial(read, view.manager(view.context)), *path.values())

    return call


def told(read: Callable[..., Any]) -> Any:
    """Return the call that shows the row which a manager's method gives for what stands in the path."""

    @wraps(read)
    def call(view: NounViewSet, request: Request, **path: Any) -> Response:
        return view.answer(read(view.manager(view.context), *path.values()))

    return call


def done(act: Callable[..., Any]) -> Any:
    """Return the call that has a manager's method done to what stands in the path (204)."""

    @wraps(act)
    def call(view: NounViewSet, request: Request, **path: Any) -> Response:
        act(view.manager(view.context), *path.values())
        return empty(204)

    return call


class RelationViewSet(NounViewSet):
    """What something has: listed as its noun, told, given and taken one by one (204, or 404)."""

    schema = RelationSchema()

    def check(self, request: Request, *_: Any, **path: Any) -> Response:
        """Tell by the status whether it has one."""
        self._manager().check(*path.values())
        return empty(204)

    def add(self, request: Request, *_: Any, **path: Any) -> Response:
        """Give it one."""
        self._manager().add(*path.values())
        return empty(204)

    def remove(self, request: Request, *_: Any, **path: Any) -> Response:
        """Take one away."""
        self._manager().remove(*path.values())
        return empty(204)


class SeveralViewSet(NounViewSet):
    """A noun of which clients make several at once, all or none; their list is the body and the answer."""

    schema = SeveralSchema()

    def create(self, request: Request, *_: Any, **path: Any) -> Response:
        """Make all of a list, or none where one of them is refused."""
        assert self.resource.create is not None
        rows = self._manager().create(**self.validated(self.resource.create).said())
        return self.answers(Page(rows, more=False), status=201)


class NamedViewSet(NounViewSet):
    """A noun that a PUT records under the name in its URL; a body may repeat the name."""

    def said(self, model: type[Body]) -> dict[str, Any]:
        """Return what the body says but for the name; raise InvalidInput for another one."""
        said = super().said(model)
        in_url, in_body = list(self.kwargs.values())[-1], said.pop("id", None)
        if in_body not in (None, in_url):
            raise InvalidInput(field="id", value=in_body, reason="The URL names another one.")
        if model is self.resource.create and not _FORM.match(in_url):
            raise InvalidInput(field="id", value=in_url, reason=_WELL_FORMED)
        return said
