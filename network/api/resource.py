"""What the nouns of the network API have in common beyond all others: revisions, fields, several at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import parse_bool
from cloudweb.api.resource import PAGING, SORTING, ResourceViewSet
from cloudweb.api.shown import Render, When, renderer
from cloudweb.exceptions import BadRequest
from cloudweb.listing import MAX_LIMIT, Listing

_IF_MATCH = re.compile(r'^"?revision_number=(\d{1,9})"?\Z')
CONTROLS = ("fields", *PAGING, "page_reverse", *SORTING)
OPERATOR = "network:any:see_operator_attributes"
#: On attributes of answers that operators alone see.
FOR_OPERATORS = When(lambda scene: scene.may(OPERATOR))


class NounViewSet(ResourceViewSet):
    """A noun of the network API."""

    controls: ClassVar[tuple[str, ...]] = CONTROLS

    def create(self, request: Request, *_: Any, **path: Any) -> Response:
        """Make one resource, or all of a list or none."""
        if isinstance(request.data, Mapping) and self.resource.plural in request.data:
            return self._create_many(request.data[self.resource.plural], *path.values())
        return super().create(request, **path)

    def _create_many(self, items: Any, *path: Any) -> Response:
        plural, model = self.resource.plural, self.resource.create
        assert model is not None
        if not isinstance(items, list) or not items or len(items) > MAX_LIMIT:
            raise BadRequest(f"'{plural}' must be a list of 1 to {MAX_LIMIT}.")
        wanted = [self.validated(model, item or {}).said() for item in items]
        rows = self._manager().create_many(*path, wanted)
        return Response({plural: [*map(self.renderer(), rows)]}, status=201)

    def renderer(self) -> Render:
        """Show the attributes that ``fields`` (repeated, or joined by commas) names; all without any."""
        values = self.request.query_params.getlist("fields")
        only = frozenset(name for value in values for name in value.split(",") if name)
        return renderer(self.resource.answer, self.scene, only=only)

    def condition(self) -> dict[str, Any]:
        """Guard against changes by others, as If-Match says."""
        return {"if_revision": self._if_revision()}

    def listing(self, query: QueryDict) -> Listing:
        """Return what the query asks for, also the page before a marker."""
        backwards = parse_bool(query.get("page_reverse"), field="page_reverse")
        return replace(super().listing(query), backwards=bool(backwards))

    def _if_revision(self) -> int | None:
        value = self.request.headers.get("If-Match")
        if value is None:
            return None
        match = _IF_MATCH.match(value.strip())
        if match is None:
            raise BadRequest("If-Match must be revision_number=<number>.")
        return int(match[1])
