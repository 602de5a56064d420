"""A noun of the network API: its words, bodies, filters; and the one view that serves them all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from django.db.models import Q
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import parse_bool
from cloudweb.api.filters import Filter, with_fields
from cloudweb.api.links import base_url
from cloudweb.api.pagination import next_link, parse_limit
from cloudweb.api.sorting import parse_sort
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from cloudweb.listing import MAX_LIMIT, Page, ordered
from cloudweb.policy import allows, check
from network.api.filters import STANDARD_SORT_KEYS
from network.api.schema import NetworkSchema
from network.api.serializers.attributes import Attributes
from network.manager.standard import Listing

_IF_MATCH = re.compile(r'^"?revision_number=(\d{1,9})"?\Z')
CONTROLS = ("fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir")
OPERATOR = "network:any:see_operator_attributes"


class Render(Protocol):
    """Turn a row into its representation."""

    def __call__(self, row: Any, /, *, for_operator: bool) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Resource:
    """What the API says about a noun.

    ``list_filters`` are about lists that a row has; ``operator_filters`` about attributes that only
    operators see. ``sort_keys``: attribute -> column that is never null.
    """

    singular: str
    plural: str
    create: type[Attributes]
    update: type[Attributes] | None
    render: Render
    filters: Mapping[str, Filter]
    sort_keys: Mapping[str, str]
    list_filters: Mapping[str, Filter] = field(default_factory=dict)
    operator_filters: Mapping[str, Filter] = field(default_factory=dict)


class ResourceViewSet(ServiceViewSet):
    """List, create (one or many), show, change and remove a noun."""

    resource: ClassVar[Resource]
    schema = NetworkSchema()

    def list(self, request: Request) -> Response:
        """Return the resources the caller may see: filtered, sorted, in pages, with some fields."""
        listing = self._listing(request.query_params)
        page = self._manager().list(listing)
        body: dict[str, Any] = {self.resource.plural: [self._render(row) for row in page.rows]}
        if "limit" in request.query_params:
            links = _links(request, listing, page)
            if links:
                body[f"{self.resource.plural}_links"] = links
        return Response(body)

    def create(self, request: Request) -> Response:
        """Make one resource, or all of a list or none."""
        plural = self.resource.plural
        if isinstance(request.data, Mapping) and plural in request.data:
            items = self._many(request.data[plural])
            rows = self._manager().create_many(items)
            return Response({plural: [self._render(row) for row in rows]}, status=201)
        wanted = self.validated(self.resource.create, self.body(self.resource.singular))
        row = self._manager().create(**wanted.said())
        return Response({self.resource.singular: self._render(row)}, status=201)

    def retrieve(self, request: Request, identifier: str) -> Response:
        """Return one resource."""
        row = self._manager().get(identifier)
        return Response({self.resource.singular: self._render(row)})

    def update(self, request: Request, identifier: str) -> Response:
        """Change what the body names; If-Match guards against changes by others."""
        assert self.resource.update is not None
        wanted = self.validated(self.resource.update, self.body(self.resource.singular))
        row = self._manager().update(identifier, if_revision=self._if_revision(), **wanted.said())
        return Response({self.resource.singular: self._render(row)})

    def destroy(self, request: Request, identifier: str) -> Response:
        """Remove a resource."""
        self._manager().delete(identifier, if_revision=self._if_revision())
        return empty(204)

    def _manager(self) -> Any:
        return self.manager(self.context)

    def _many(self, items: Any) -> Sequence[Mapping[str, Any]]:
        if not isinstance(items, list) or not items or len(items) > MAX_LIMIT:
            raise BadRequest(f"'{self.resource.plural}' must be a list of 1 to {MAX_LIMIT}.")
        return [self.validated(self.resource.create, item or {}).said() for item in items]

    def _render(self, row: Any) -> dict[str, Any]:
        body = self.resource.render(row, for_operator=allows(self.context, OPERATOR))
        return with_fields(body, self.request.query_params.getlist("fields"))

    def _if_revision(self) -> int | None:
        value = self.request.headers.get("If-Match")
        if value is None:
            return None
        match = _IF_MATCH.match(value.strip())
        if match is None:
            raise BadRequest("If-Match must be revision_number=<number>.")
        return int(match[1])

    def _listing(self, query: QueryDict) -> Listing:
        resource, where, through = self.resource, Q(), Q()
        for name, values in query.lists():
            if name in CONTROLS:
                continue
            if name in resource.operator_filters:
                check(self.context, OPERATOR)
                where &= resource.operator_filters[name](values)
            elif name in resource.list_filters:
                through &= resource.list_filters[name](values)
            elif name in resource.filters:
                where &= resource.filters[name](values)
            else:
                raise BadRequest(f"[{name!r}] is invalid attribute for filtering.")
        return Listing(
            where=where,
            through=through,
            order=self._order(query) or Listing().order,
            limit=_limit(query),
            marker=query.get("marker") or None,
            backwards=bool(parse_bool(query.get("page_reverse"), field="page_reverse")),
        )

    def _order(self, query: QueryDict) -> Sequence[str]:
        columns = {**STANDARD_SORT_KEYS, **self.resource.sort_keys}
        return ordered(parse_sort(query, descending=False, fewer="refused"), columns)


def _limit(query: QueryDict) -> int | None:
    value = query.get("limit")
    return None if value in (None, "", "0") else parse_limit(value)


def _links(request: Request, listing: Listing, page: Page[Any]) -> list[dict[str, str]]:
    """Return the links to the pages before and after, as far as there are any."""
    if not page.rows:
        return []
    http = request._request
    after = page.more if not listing.backwards else listing.marker is not None
    before = page.more if listing.backwards else listing.marker is not None
    links = []
    if after:
        forward = http.GET.copy()
        forward.pop("page_reverse", None)
        forward["marker"] = str(page.rows[-1].id)
        links.append({"rel": "next", "href": f"{base_url(http)}{http.path}?{forward.urlencode()}"})
    if before:
        href = next_link(http, marker=str(page.rows[0].id), query={"page_reverse": "True"})
        links.append({"rel": "previous", "href": href})
    return links
