"""Usage of projects (contract 3.3)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet
from cloudweb.listing import NO_LIMIT
from cloudweb.microversions import ALWAYS
from cloudweb.microversions.compute import STRICT, since
from cloudweb.times import parse_moment
from instances.api.serializers import usage as wire
from instances.manager import UsageManager
from instances.manager.usage import ProjectUse, Window, by_project

PAGED = since(40)
QUERY = {"start": ALWAYS, "end": ALWAYS, "limit": PAGED, "marker": PAGED}
LIST_QUERY = {**QUERY, "detailed": ALWAYS}
LINKS = list[Link] | None


class UsageViewSet(ServiceViewSet):
    """What servers used in a time."""

    manager = UsageManager

    @extend_schema(
        parameters=parameters(versions=LIST_QUERY),
        responses={200: listing("tenant_usages", wire.ProjectUsage, tenant_usages_links=LINKS)},
    )
    def list(self, request: Request) -> Response:
        """List what projects used; each server's part with ``detailed``."""
        query = self.query(LIST_QUERY, strict=STRICT)
        window = _window(query)
        found = self.manager(self.context).list(window, **self._place(query))
        detailed = query.get("detailed", "").lower() in ("1", "true")
        sums = by_project(found.rows, window)
        rows = [self._usage(one, detailed=detailed) for one in sums]
        links = self._links(request, "tenant_usages", found)
        return Response({"tenant_usages": rows} | links)

    @extend_schema(
        parameters=parameters(versions=QUERY),
        responses={
            200: within("tenant_usage", wire.ProjectUsage | wire.NoUsage, tenant_usage_links=LINKS)
        },
    )
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Show what a project used, and each of its servers; an empty object for nothing."""
        query = self.query(QUERY, strict=STRICT)
        window = _window(query)
        found = self.manager(self.context).get(project_id, window, **self._place(query))
        sums = by_project(found.rows, window)
        links = self._links(request, "tenant_usage", found)
        shown = self._usage(sums[0], detailed=True) if sums else {}
        return Response({"tenant_usage": shown} | links)

    def _place(self, query: Any) -> dict[str, Any]:
        if self.version not in PAGED:
            return {"limit": NO_LIMIT}
        return {"limit": parse_limit(query.get("limit")), "marker": query.get("marker")}

    def _links(self, request: Request, plural: str, found: Any) -> dict[str, Any]:
        return links_after(request, plural, found, "id") if self.version in PAGED else {}

    def _usage(self, row: ProjectUse, *, detailed: bool) -> dict[str, Any]:
        data = self.shown(wire.ProjectTotals, row)
        if detailed:
            data["server_usages"] = self.shown_all(wire.ServerUsage, row.servers)
        return data


def _window(query: Any) -> Window:
    moments = [
        parse_moment(query[name], field=name) if query.get(name) else None
        for name in ("start", "end")
    ]
    return Window.of(*moments)
