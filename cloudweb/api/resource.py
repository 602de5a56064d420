"""A noun of an API: its words, body, answer and lists, said once; and the one view that serves them all.

What its service's clients expect beyond that (links, markers, unknown filters) is in the dialect.
A service with manners of its own for all its nouns has a subclass of the view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from django.db.models import Q
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing, within
from cloudweb.api.fields import Body
from cloudweb.api.filters import Filter
from cloudweb.api.page_links import STYLES, page_links
from cloudweb.api.pagination import parse_limit
from cloudweb.api.resource_schema import ResourceSchema
from cloudweb.api.shown import Render, renderer
from cloudweb.api.sorting import parse_sort
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.dialect import Dialect
from cloudweb.exceptions import BadRequest, UnknownMarker
from cloudweb.listing import EVERYTHING, OLDEST_FIRST, Listing, Page, ordered
from cloudweb.policy import check

B = TypeVar("B", bound=Body)
PAGING = ("limit", "marker")
SORTING = ("sort_key", "sort_dir")


@dataclass(frozen=True, slots=True)
class Resource:
    """What the API says about a noun.

    ``answer`` shows a row and describes it (``cloudweb/api/shown.py``); ``create`` and ``update`` are
    bodies whose ``said()`` is what the manager takes. ``list_filters`` are about lists that a row
    has; ``guarded_filters`` may be used by those alone whom ``guard``, a policy, allows it.
    ``sort_keys``: attribute -> column that is never null; ``order`` is that of a list that is not
    sorted otherwise. ``marker`` is the attribute of a row by which a client goes on.
    ``refers``: a body may name what is not there, which is a 404. ``linked`` is what the key of links to
    other pages begins with, where that is not the plural.
    """

    singular: str
    plural: str
    answer: type[Answer]
    create: type[Body] | None = None
    update: type[Body] | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    list_filters: Mapping[str, Filter] = field(default_factory=dict)
    guarded_filters: Mapping[str, Filter] = field(default_factory=dict)
    guard: str = ""
    sort_keys: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] = OLDEST_FIRST
    marker: str = "id"
    refers: bool = False
    linked: str = ""

    def body(self) -> Any:
        """Return the body that makes one, for the schema."""
        return within(self.singular, self.create)

    def one(self) -> Any:
        """Return the answer that is one, for the schema."""
        return within(self.singular, self.answer)

    def many(self, dialect: Dialect) -> Any:
        """Return the answer that is a page of them, for the schema."""
        beside = STYLES[dialect.page_links].shape(self.linked or self.plural)
        return listing(self.plural, self.answer, **beside)

    @property
    def all_filters(self) -> Mapping[str, Filter]:
        """The filters by the keys of the query."""
        return {**self.filters, **self.list_filters, **self.guarded_filters}


class ResourceViewSet(ServiceViewSet):
    """List, create, show, change and remove a noun; what stands in the path comes first in all calls."""

    resource: Resource
    schema = ResourceSchema()
    #: What operation ids call it; its plural, unless the noun is listed in several places.
    called: ClassVar[str] = ""
    #: What the query may say beside filters.
    controls: ClassVar[tuple[str, ...]] = PAGING
    #: What making and removing one answers.
    created: ClassVar[int] = 201
    deleted: ClassVar[int] = 204

    def list(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return those the caller may see: filtered, sorted, in pages."""
        return self.page_of(self._manager().list, *path.values())

    def create(self, request: Request, *_: Any, **path: Any) -> Response:
        """Make one."""
        assert self.resource.create is not None
        wanted = self.said(self.resource.create)
        return self.answer(self._manager().create(*path.values(), **wanted), status=self.created)

    def retrieve(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return one."""
        return self.answer(self._manager().get(*path.values()))

    def update(self, request: Request, *_: Any, **path: Any) -> Response:
        """Change what the body names, keep the rest."""
        assert self.resource.update is not None
        wanted = self.said(self.resource.update)
        row = self._manager().update(*path.values(), **self.condition(), **wanted)
        return self.answer(row)

    def partial_update(self, request: Request, *_: Any, **path: Any) -> Response:
        """Change what the body names, keep the rest."""
        return self.update(request, **path)

    def destroy(self, request: Request, *_: Any, **path: Any) -> Response:
        """Remove one."""
        self._manager().delete(*path.values(), **self.condition())
        return empty(self.deleted)

    def condition(self) -> dict[str, Any]:
        """Return what the request demands of the row as it is now, as the manager takes it."""
        return {}

    def said(self, model: type[Body]) -> dict[str, Any]:
        """Return what the body says, as the manager takes it."""
        return self.wanted(model).said()

    def wanted(self, model: type[B]) -> B:
        """Return the validated body under the noun's envelope."""
        return self.validated(model, self.body(self.resource.singular))

    def answer(self, row: Any, *, status: int = 200) -> Response:
        """Return the answer that is one."""
        return Response({self.resource.singular: self.renderer()(row)}, status=status)

    def renderer(self) -> Render:
        """Return what makes answers of rows for this caller."""
        return renderer(self.resource.answer, self.scene)

    def page_of(self, read: Callable[..., Any], *path: Any) -> Response:
        """Return the page of a list that the query asks ``read`` for."""
        asked = self.listing(self.request.query_params)
        try:
            page = read(*path, asked)
        except UnknownMarker as error:
            if words := self.dialect.unknown_marker:
                raise BadRequest(words.format(error.marker)) from error
            page = Page([], more=False)
        return self.answers(page, asked)

    def answers(
        self, page: Page[Any], asked: Listing = EVERYTHING, *, status: int = 200
    ) -> Response:
        """Return the answer that is several."""
        rows = [*map(self.renderer(), page.rows)]
        return Response({self.resource.plural: rows, **self._links(asked, page)}, status=status)

    def listing(self, query: QueryDict) -> Listing:
        """Return what the query asks for; raise BadRequest for what it may not say."""
        resource, where, through = self.resource, Q(), Q()
        for name, values in query.lists():
            said = [str(value) for value in values]
            if name in resource.filters:
                where &= resource.filters[name](said)
            elif name in resource.list_filters:
                through &= resource.list_filters[name](said)
            elif name in resource.guarded_filters:
                check(self.context, resource.guard)
                where &= resource.guarded_filters[name](said)
            elif name not in self.controls and self.dialect.refuses_unknown_filters:
                raise BadRequest(f"[{name!r}] is invalid attribute for filtering.")
        return Listing(
            where=where,
            through=through,
            order=self._order(query) or resource.order,
            limit=self._limit(query.get("limit")),
            marker=query.get("marker") or None,
        )

    def _manager(self) -> Any:
        return self.manager(self.context)

    def _order(self, query: QueryDict) -> Sequence[str]:
        if not self.resource.sort_keys:
            return ()
        pairs = parse_sort(query, descending=False, fewer=self.dialect.fewer)
        return ordered(pairs, self.resource.sort_keys)

    def _limit(self, said: str | None) -> int | None:
        if self.dialect.zero_is_unlimited and said in (None, "", "0"):
            return None
        return parse_limit(said)

    def _links(self, asked: Listing, page: Page[Any]) -> dict[str, Any]:
        """Return the links to the pages before and after, as far as there are any."""
        after, before = page.more, asked.marker is not None
        if asked.backwards:
            after, before = before, after
        return page_links(
            self.request,
            self.resource.linked or self.resource.plural,
            after=self._marker(page.rows[-1]) if after and page.rows else None,
            before=self._marker(page.rows[0]) if before and page.rows else None,
        )

    def _marker(self, row: Any) -> str:
        return str(getattr(row, self.resource.marker))
