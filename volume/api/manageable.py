"""What lies in a pool and could be managed, and what is from now on (contract 5.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.http import QueryDict
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.fields import parse_natural
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.sorting import parse_sort
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import BadRequest, InvalidInput, NotFound
from cloudweb.microversions.volume import since
from volume.api.serializers import manageable as wire
from volume.api.serializers.snapshots import SnapshotBrief
from volume.api.serializers.volumes import VolumeCreated
from volume.manager import ManageableManager, SnapshotManager, VolumeManager
from volume.manager.manageable import Listed
from volume.manager.managing import SOURCE

#: From here on the newer paths are there.
NEWER = since(8)
PARAMETERS = parameters("host", "cluster", "limit", "marker", "offset", "sort", "sort_key", "sort_dir")  # fmt: skip
SORT_KEYS = ("reference", "size")


class ManageableViewSet(ServiceViewSet):
    """What both have in common: lists of one pool, sorted and paged."""

    manager: ClassVar[type[ManageableManager]] = ManageableManager

    def page(self, rows: Sequence[Listed]) -> Sequence[Listed]:
        """Return what the query asks for of a pool's; raise BadRequest."""
        query = self.request.query_params
        found = _sorted(rows, query, fewer=self.dialect.fewer)
        if marker := query.get("marker"):
            names = [one.name for one in found]
            name = _named(marker)
            if name not in names:
                raise BadRequest(f"Marker {marker[:255]} could not be found.")
            found = found[names.index(name) + 1 :]
        found = found[parse_natural(query.get("offset"), field="offset") :]
        limit = parse_limit(query.get("limit"))
        return found if limit is None else found[:limit]

    def host(self) -> str:
        """Return the pool that the query names."""
        return _host(
            self.request.query_params.get("host"), self.request.query_params.get("cluster")
        )


class OlderManageableVolumeViewSet(ManageableViewSet):
    """Volumes, under the older path."""

    @extend_schema(
        operation_id="volume_manageable_volumes_older",
        parameters=PARAMETERS,
        responses={200: listing("manageable-volumes", wire.ManageableVolumeBrief)},
    )
    def list(self, request: Request) -> Response:
        """List what lies in a pool, briefly."""
        return self._list(wire.ManageableVolumeBrief)

    @extend_schema(
        operation_id="volume_manageable_volumes_older_detail",
        parameters=PARAMETERS,
        responses={200: listing("manageable-volumes", wire.ManageableVolumeDetail)},
    )
    def list_detail(self, request: Request) -> Response:
        """List what lies in a pool, whole."""
        return self._list(wire.ManageableVolumeDetail)

    @extend_schema(
        operation_id="volume_manage_older",
        request=within("volume", wire.VolumeManage),
        responses={202: within("volume", VolumeCreated)},
    )
    def create(self, request: Request) -> Response:
        """Let something that lies in a pool be a volume."""
        said = self.validated(wire.VolumeManage, self.body("volume"))
        volumes = VolumeManager(self.context)
        made = volumes.manage(
            _host(said.host, said.cluster),
            said.ref,
            name=said.name,
            description=said.description,
            volume_type=said.volume_type,
            zone=said.availability_zone,
            bootable=bool(said.bootable),
            metadata=said.metadata,
        )
        return Response({"volume": self.shown(VolumeCreated, volumes.get(made.id))}, status=202)

    def _list(self, answer: Any) -> Response:
        rows = self.page(self.manager(self.context).volumes(self.host()))
        return Response({"manageable-volumes": self.shown_all(answer, rows)})


class OlderManageableSnapshotViewSet(ManageableViewSet):
    """Snapshots, under the older path."""

    @extend_schema(
        operation_id="volume_manageable_snapshots_older",
        parameters=PARAMETERS,
        responses={200: listing("manageable-snapshots", wire.ManageableSnapshotBrief)},
    )
    def list(self, request: Request) -> Response:
        """List the snapshots that lie in a pool, briefly."""
        return self._list(wire.ManageableSnapshotBrief)

    @extend_schema(
        operation_id="volume_manageable_snapshots_older_detail",
        parameters=PARAMETERS,
        responses={200: listing("manageable-snapshots", wire.ManageableSnapshotDetail)},
    )
    def list_detail(self, request: Request) -> Response:
        """List the snapshots that lie in a pool, whole."""
        return self._list(wire.ManageableSnapshotDetail)

    @extend_schema(
        operation_id="volume_snapshot_manage_older",
        request=within("snapshot", wire.SnapshotManage),
        responses={202: within("snapshot", SnapshotBrief)},
    )
    def create(self, request: Request) -> Response:
        """Let a snapshot that lies in a pool be one of a volume's."""
        said = self.validated(wire.SnapshotManage, self.body("snapshot"))
        made = SnapshotManager(self.context).manage(
            said.volume_id,
            said.ref,
            name=said.name,
            description=said.description,
            metadata=said.metadata,
        )
        return Response({"snapshot": self.shown(SnapshotBrief, made)}, status=202)

    def _list(self, answer: Any) -> Response:
        rows = self.page(self.manager(self.context).snapshots(self.host()))
        return Response({"manageable-snapshots": self.shown_all(answer, rows)})


class _Newer(ServiceViewSet):
    """The same under a path that is not there before 3.8."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Look at the version, too."""
        super().initial(request, *args, **kwargs)
        if self.version not in NEWER:
            raise NotFound


@extend_schema_view(
    list=extend_schema(operation_id="volume_manageable_volumes"),
    create=extend_schema(operation_id="volume_manage"),
)
class ManageableVolumeViewSet(_Newer, OlderManageableVolumeViewSet):
    """Volumes."""

    @extend_schema(
        operation_id="volume_manageable_volumes_detail",
        parameters=PARAMETERS,
        responses={200: listing("manageable-volumes", wire.ManageableVolumeDetail)},
    )
    def list_detail(self, request: Request) -> Response:
        """List what lies in a pool, whole."""
        return super().list_detail(request)


@extend_schema_view(
    list=extend_schema(operation_id="volume_manageable_snapshots"),
    create=extend_schema(operation_id="volume_snapshot_manage"),
)
class ManageableSnapshotViewSet(_Newer, OlderManageableSnapshotViewSet):
    """Snapshots."""

    @extend_schema(
        operation_id="volume_manageable_snapshots_detail",
        parameters=PARAMETERS,
        responses={200: listing("manageable-snapshots", wire.ManageableSnapshotDetail)},
    )
    def list_detail(self, request: Request) -> Response:
        """List the snapshots that lie in a pool, whole."""
        return super().list_detail(request)


def _host(host: str | None, cluster: str | None) -> str:
    """Return the pool that is named; raise BadRequest for none."""
    if cluster:
        raise BadRequest(f"There is no cluster {cluster[:255]}: back ends do not form any.")
    if not host:
        raise BadRequest("A host must be named, as in h1@file#default.")
    return host


def _sorted(rows: Sequence[Listed], query: QueryDict, *, fewer: Any) -> list[Listed]:
    pairs = parse_sort(query, descending=True, fewer=fewer, default="reference")
    found = sorted(rows, key=lambda one: (one.name, one.of_volume))
    for key, descending in reversed(pairs):
        if key not in SORT_KEYS:
            raise InvalidInput(field="sort_key", value=key, reason="It cannot be sorted by.")
        by = _BY[key]
        found.sort(key=by, reverse=descending)
    return found


_BY: Mapping[str, Any] = {"reference": lambda one: one.name, "size": lambda one: one.size}


def _named(marker: str) -> str:
    """Return what a reference names, as JSON or as Python writes it, or as it is."""
    try:
        said = json.loads(marker.replace("'", '"'))
    except ValueError:
        return marker
    return str(said.get(SOURCE)) if isinstance(said, dict) else marker
