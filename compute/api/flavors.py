"""Flavors: the sizes a server can have."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import page, within
from cloudweb.api.fields import parse_bool, parse_natural
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import InvalidInput
from cloudweb.listing import Page
from cloudweb.microversions import ALWAYS
from cloudweb.microversions.compute import STRICT, since
from compute.api.serializers import flavors as wire
from compute.manager import FlavorManager
from compute.models import Flavor

QUERY = dict.fromkeys(
    ("is_public", "minRam", "minDisk", "sort_key", "sort_dir", "limit", "marker"), ALWAYS
)
PARAMETERS = parameters(versions=QUERY)
SHOWN = within("flavor", wire.FlavorShown)


class FlavorViewSet(ServiceViewSet):
    """List and show for everyone, the rest for admins."""

    manager: ClassVar[type[FlavorManager]] = FlavorManager

    @extend_schema(parameters=PARAMETERS, responses={200: page("flavors", wire.FlavorBrief)})
    def list(self, request: Request) -> Response:
        """Return ids and names."""
        return self._page(wire.FlavorBrief)

    @extend_schema(parameters=PARAMETERS, responses={200: page("flavors", wire.FlavorShown)})
    def list_detail(self, request: Request) -> Response:
        """Return whole flavors."""
        return self._page(wire.FlavorShown)

    @extend_schema(responses={200: SHOWN})
    def retrieve(self, request: Request, flavor_id: str) -> Response:
        """Return one flavor; a name is no id."""
        return self._one(self.manager(self.context).get(flavor_id))

    @extend_schema(request=within("flavor", wire.FlavorCreate), responses={200: SHOWN})
    def create(self, request: Request) -> Response:
        """Offer a flavor (200)."""
        wanted = self.validated(wire.FlavorCreate, self.body("flavor"))
        return self._one(self.manager(self.context).create(**wanted.model_dump()))

    @since(55)
    @extend_schema(request=within("flavor", wire.FlavorUpdate), responses={200: SHOWN})
    def update(self, request: Request, flavor_id: str) -> Response:
        """Change the description."""
        wanted = self.validated(wire.FlavorUpdate, self.body("flavor"))
        return self._one(
            self.manager(self.context).update(flavor_id, description=wanted.description)
        )

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, flavor_id: str) -> Response:
        """Withdraw a flavor (202)."""
        self.manager(self.context).delete(flavor_id)
        return empty(202)

    def _one(self, flavor: Flavor) -> Response:
        return Response({"flavor": self.shown(wire.FlavorShown, flavor)})

    def _page(self, answer: type[wire.FlavorBrief]) -> Response:
        query = self.query(QUERY, strict=STRICT)
        direction = query.get("sort_dir", "asc")
        if direction not in ("asc", "desc"):
            raise InvalidInput(field="sort_dir", value=direction, reason="It must be asc or desc.")
        found: Page[Flavor] = self.manager(self.context).list(
            is_public=self._is_public(),
            min_ram=parse_natural(query.get("minRam"), field="minRam"),
            min_disk=parse_natural(query.get("minDisk"), field="minDisk"),
            sort_key=query.get("sort_key", "flavorid"),
            descending=direction == "desc",
            limit=parse_limit(query.get("limit")),
            marker=query.get("marker"),
        )
        links = links_after(self.request, "flavors", found, "id")
        return Response({"flavors": self.shown_all(answer, found.rows)} | links)

    def _is_public(self) -> bool | None:
        """Read the filter: left out is True, the word none is all; only admins are heard."""
        given = self.request.query_params.get("is_public")
        if given is None or not self.context.is_admin:
            return True
        return parse_bool(given, field="is_public")
