"""Volumes as the compute API passed them on below 2.36 (contract 3.5): each is a call of the volumes' manager."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.fields import parse_natural
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.listing import Listing, Page
from cloudweb.microversions import Versions
from cloudweb.microversions.compute import until
from instances.api.serializers import volume_proxies as wire
from volume.manager import SnapshotManager, VolumeManager, VolumeRequest, VolumeTypeManager

PROXIED: Versions = until(35)
PAGE = parameters("limit", "offset")
NEWEST_FIRST = ("-created_at", "-id")


class _ProxyViewSet(ServiceViewSet):
    """What the lists have in common: they are always whole."""

    def _page(self, read: Any) -> Page[Any]:
        query = self.request.query_params
        asked = Listing(order=NEWEST_FIRST, limit=parse_limit(query.get("limit")))
        found: Page[Any] = read(asked, offset=parse_natural(query.get("offset"), field="offset"))
        return found


class VolumeProxyViewSet(_ProxyViewSet):
    """``/os-volumes``."""

    manager: ClassVar[type[VolumeManager]] = VolumeManager

    @PROXIED
    @extend_schema(parameters=PAGE, responses={200: listing("volumes", wire.ProxiedVolume)})
    def list(self, request: Request) -> Response:
        """List the project's volumes."""
        page = self._page(self.manager(self.context).list)
        return Response({"volumes": self.shown_all(wire.ProxiedVolume, page.rows)})

    @PROXIED
    @extend_schema(
        request=within("volume", wire.VolumeWanted),
        responses={200: within("volume", wire.ProxiedVolume)},
    )
    def create(self, request: Request) -> Response:
        """Create a volume, empty or of a snapshot."""
        said = self.validated(wire.VolumeWanted, self.body("volume"))
        wanted = VolumeRequest(
            size=said.size,
            name=said.display_name,
            description=said.display_description,
            volume_type=said.volume_type or None,
            zone=said.availability_zone or None,
            snapshot_id=said.snapshot_id or None,
            metadata=said.metadata or {},
        )
        manager = self.manager(self.context)
        row = manager.get(manager.create(wanted).id)
        return Response({"volume": self.shown(wire.ProxiedVolume, row)})

    @PROXIED
    @extend_schema(responses={200: within("volume", wire.ProxiedVolume)})
    def retrieve(self, request: Request, volume_id: str) -> Response:
        """Show a volume."""
        row = self.manager(self.context).get(volume_id)
        return Response({"volume": self.shown(wire.ProxiedVolume, row)})

    @PROXIED
    @extend_schema(responses={202: None})
    def destroy(self, request: Request, volume_id: str) -> Response:
        """Delete a volume."""
        self.manager(self.context).delete(volume_id)
        return empty(202)


class SnapshotProxyViewSet(_ProxyViewSet):
    """``/os-snapshots``."""

    manager: ClassVar[type[SnapshotManager]] = SnapshotManager

    @PROXIED
    @extend_schema(parameters=PAGE, responses={200: listing("snapshots", wire.ProxiedSnapshot)})
    def list(self, request: Request) -> Response:
        """List the project's snapshots."""
        page = self._page(self.manager(self.context).pages)
        return Response({"snapshots": self.shown_all(wire.ProxiedSnapshot, page.rows)})

    @PROXIED
    @extend_schema(
        request=within("snapshot", wire.SnapshotWanted),
        responses={200: within("snapshot", wire.ProxiedSnapshot)},
    )
    def create(self, request: Request) -> Response:
        """Take a snapshot; of a volume in use by force."""
        said = self.validated(wire.SnapshotWanted, self.body("snapshot"))
        row = self.manager(self.context).create(
            said.volume_id,
            name=said.display_name,
            description=said.display_description,
            in_use=said.force,
        )
        return Response({"snapshot": self.shown(wire.ProxiedSnapshot, row)})

    @PROXIED
    @extend_schema(responses={200: within("snapshot", wire.ProxiedSnapshot)})
    def retrieve(self, request: Request, snapshot_id: str) -> Response:
        """Show a snapshot."""
        row = self.manager(self.context).find(snapshot_id)
        return Response({"snapshot": self.shown(wire.ProxiedSnapshot, row)})

    @PROXIED
    @extend_schema(responses={202: None})
    def destroy(self, request: Request, snapshot_id: str) -> Response:
        """Delete a snapshot."""
        self.manager(self.context).delete(snapshot_id)
        return empty(202)


class VolumeTypeProxyViewSet(ServiceViewSet):
    """``/os-volume-types``."""

    manager: ClassVar[type[VolumeTypeManager]] = VolumeTypeManager

    @PROXIED
    @extend_schema(responses={200: listing("volume_types", wire.ProxiedVolumeType)})
    def list(self, request: Request) -> Response:
        """List the types that the caller may use."""
        rows = self.manager(self.context).list().rows
        return Response({"volume_types": self.shown_all(wire.ProxiedVolumeType, rows)})

    @PROXIED
    @extend_schema(responses={200: within("volume_type", wire.ProxiedVolumeType)})
    def retrieve(self, request: Request, type_id: str) -> Response:
        """Show a type."""
        row = self.manager(self.context).get(type_id)
        return Response({"volume_type": self.shown(wire.ProxiedVolumeType, row)})
