"""The query of a list of volumes, snapshots or attachments (contract 5.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import parse_bool, parse_natural
from cloudweb.api.filters import Filter
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.sorting import parse_sort
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import InvalidInput, UnknownMarker
from cloudweb.listing import NOBODY, Listing, Page, ordered
from cloudweb.microversions import ALWAYS, Versions
from cloudweb.microversions.volume import since

CONTROLS = (
    "limit",
    "marker",
    "offset",
    "sort",
    "sort_key",
    "sort_dir",
    "all_tenants",
    "with_count",
)
#: From here on only operators may filter by what nobody knows.
STRICT = since(31)
LIKE = since(34)
COUNTED = since(45)


def like(column: str) -> Filter:
    """Match a part of a text, in whatever case."""

    def condition(values: Sequence[str]) -> Q:
        matches = NOBODY
        for value in values:
            if "\0" not in value:
                matches |= Q(**{f"{column}__icontains": value})
        return matches

    return condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """What the lists of a noun can be narrowed and sorted by, and since when (``sort:<key>``)."""

    plural: str
    filters: Mapping[str, Filter]
    since: Mapping[str, Versions]
    sort_keys: Mapping[str, str]

    @property
    def names(self) -> Iterable[str]:
        """What a query may say, for the schema."""
        return (*CONTROLS, *self.filters)


class ListedViewSet(ServiceViewSet):
    """A noun whose lists are narrowed, sorted, paged and counted as this API does it."""

    lists: Lists

    def page(
        self,
        read: Callable[..., Page[Any]],
        count: Callable[..., int],
        answer: Any,
        request: Request,
    ) -> Response:
        """Return the page that the query asks for."""
        query = request.query_params
        asked, everywhere = self.asked(query), self._all_projects(query)
        try:
            page = read(
                asked,
                all_projects=everywhere,
                offset=parse_natural(query.get("offset"), field="offset"),
            )
        except UnknownMarker:
            page = Page([], more=False)
        plural = self.lists.plural
        body: dict[str, Any] = {plural: self.shown_all(answer, page.rows)}
        body |= links_after(request, plural, page, "id")
        if self.version in COUNTED and parse_bool(query.get("with_count"), field="with_count"):
            body["count"] = count(asked, all_projects=everywhere)
        return Response(body)

    def asked(self, query: QueryDict) -> Listing:
        """Return what the query asks for; raise InvalidInput for what it may not say."""
        where = Q()
        for name, values in query.lists():
            known = self.lists.filters.get(name)
            if known is not None and self.version in self.lists.since.get(name, ALWAYS):
                where &= known([str(value) for value in values])
            elif name == "project_id" or name in CONTROLS or self.context.is_admin:
                continue
            elif self.version in STRICT:
                raise InvalidInput(
                    field=name[:64], value=query[name], reason="Nothing is filtered by it."
                )
        if "project_id" in query and self._all_projects(query):
            where &= Q(project_id__in=query.getlist("project_id"))
        pairs = parse_sort(query, descending=True, fewer=self.dialect.fewer, default="created_at")
        for key, _ in pairs:
            if self.version not in self.lists.since.get(f"sort:{key}", ALWAYS):
                raise InvalidInput(field="sort_key", value=key, reason="It cannot be sorted by.")
        return Listing(
            where=where,
            order=ordered(pairs, self.lists.sort_keys, last="id"),
            limit=parse_limit(query.get("limit")),
            marker=query.get("marker") or None,
        )

    def _all_projects(self, query: QueryDict) -> bool:
        """Tell whether an operator asks for all projects; nobody else is heard."""
        said = query.get("all_tenants")
        if said is None or not self.context.is_admin:
            return False
        return said == "" or bool(parse_bool(said, field="all_tenants"))
