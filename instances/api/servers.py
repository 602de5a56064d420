"""Servers: the tenant's virtual machines."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import page, within
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import InvalidInput
from instances.api.build_request import build_request
from instances.api.filters import QUERY, parse_filters, parse_order
from instances.api.serializers.server import ServerRenderer
from instances.api.serializers.server_bodies import (
    HINTS,
    SchedulerHints,
    ServerCreate,
    ServerUpdate,
    check_networks,
)
from instances.api.serializers.server_shown import (
    ServerBrief,
    ServersCreated,
    ServerShown,
    ServerUpdated,
)
from instances.build_request import BuildRequest
from instances.conf import SHOWS_PASSWORD
from instances.manager import InstanceManager, ports_of, volumes_of
from instances.manager.listing import Filters, Listing

if TYPE_CHECKING:
    from instances.manager import AttachedVolume
    from instances.models import Instance
    from network.rows import PortCard

PARAMETERS = parameters(versions=QUERY)


class ServerAsking(ServiceViewSet):
    """What reads the body of POST /servers."""

    def wanted(self, said: ServerCreate, *, password: str) -> BuildRequest:
        """Return what is asked for, with the hints beside it."""
        return build_request(said, self._hints(), password)

    def _hints(self) -> SchedulerHints:
        beside: Any = self.request.data
        said = next((beside[key] for key in HINTS if key in beside), None)
        return self.validated(SchedulerHints, {} if said is None else said)


class ServerViewSet(ServerAsking):
    """Servers: list, show, create, update, delete."""

    manager = InstanceManager

    def _renderer(self) -> ServerRenderer:
        return ServerRenderer(self.request._request, self.context, self.version)

    @extend_schema(
        operation_id="servers_list",
        parameters=PARAMETERS,
        responses={200: page("servers", ServerBrief)},
    )
    def list(self, request: Request) -> Response:
        """List servers, briefly."""
        found = self.manager(self.context).list_names(self._filters(), **self._listing())
        render = self._renderer()
        rows = [render.brief(one) for one in found.rows]
        return Response({"servers": rows} | links_after(request, "servers", found, "id"))

    @extend_schema(
        operation_id="servers_list_detail", responses={200: page("servers", ServerShown)}
    )
    def list_detail(self, request: Request) -> Response:
        """List servers, whole."""
        found = self.manager(self.context).list_rows(self._filters(), **self._listing())
        render, ports = self._renderer(), ports_of(self.context, found.rows)
        volumes = volumes_of(found.rows)
        rows = [render.full(one, ports[one.id], volumes[one.id]) for one in found.rows]
        return Response({"servers": rows} | links_after(request, "servers", found, "id"))

    def _filters(self) -> Filters:
        return parse_filters(self.request.query_params, self.version)

    def _listing(self) -> Listing:
        query = self.request.query_params
        return {
            "limit": parse_limit(query.get("limit")),
            "marker": query.get("marker"),
            "sort": parse_order(query, self.version),
        }

    @extend_schema(responses={200: within("server", ServerShown)})
    def retrieve(self, request: Request, server_id: str) -> Response:
        """Show a server."""
        instance = self.manager(self.context).get(server_id)
        parts = self._parts(instance)
        return Response({"server": self._renderer().full(instance, *parts, detail_of_one=True)})

    def _parts(self, instance: Instance) -> tuple[Sequence[PortCard], Sequence[AttachedVolume]]:
        key = str(instance.id)
        return ports_of(self.context, [instance])[key], volumes_of([instance])[key]

    @extend_schema(
        request=within("server", ServerCreate, **dict.fromkeys(HINTS, SchedulerHints | None)),
        responses={202: ServersCreated},
    )
    def create(self, request: Request) -> Response:
        """Create one server, or several alike."""
        body = self.body("server")
        check_networks(body, self.version)
        wanted = self.validated(ServerCreate, body)
        password = wanted.adminPass or secrets.token_urlsafe(12)
        made = self.manager(self.context).create(self.wanted(wanted, password=password))
        if wanted.return_reservation_id:
            return Response({"reservation_id": made[0].reservation_id}, status=202)
        render = self._renderer()
        told = password if SHOWS_PASSWORD else None
        response = Response({"server": render.created(made[0], told)}, status=202)
        response.headers["Location"] = f"{render.servers}/{made[0].id}"
        return response

    @extend_schema(
        request=within("server", ServerUpdate), responses={200: within("server", ServerUpdated)}
    )
    def update(self, request: Request, server_id: str) -> Response:
        """Rename a server, describe it, or say how it is reached."""
        wanted = self.validated(ServerUpdate, self.body("server"))
        names = {"accessIPv4": "access_ip_v4", "accessIPv6": "access_ip_v6"}
        sent = wanted.model_dump(exclude_unset=True)
        for key, value in sent.items():
            if value is None and key != "description":
                raise InvalidInput(field=key, value=None, reason="It must not be null.")
        changes = {names.get(key, key): value for key, value in sent.items()}
        instance = self.manager(self.context).update(server_id, **changes)
        return Response({"server": self._renderer().updated(instance, *self._parts(instance))})

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, server_id: str) -> Response:
        """Delete a server."""
        self.manager(self.context).delete(server_id)
        return empty(204)
