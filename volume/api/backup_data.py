"""Where hosts bring and fetch the data of backups: the signature in the URL is their right, no token is looked at."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from cloudweb.api.answers import Error, OpenAnswer
from cloudweb.api.queries import parameters
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest, RequestTooLarge
from volume.backup_transfers import Purpose, Transfer, opened
from volume.backups.manifest import MAX_BLOCK
from volume.backups.sealing import OVERHEAD
from volume.backups.taking import BATCH

BINARY = "application/octet-stream"
PIECE = 1024**2
#: What one body of chunks may have: a batch of blocks that cannot be compressed, or one large block.
MOST_CHUNKS = 2 * max(BATCH, MAX_BLOCK + OVERHEAD)
_REFUSED = dict.fromkeys((403, 404, 413, 507), Error)
_SIGNED = parameters("signature")


class BackupTermsAnswer(OpenAnswer):
    """A versioned object, as hosts and the cloud write each other (``BackupTerms``)."""


class BackupDataViewSet(ViewSet):
    """One transfer of one backup."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()

    @extend_schema(
        operation_id="backup_data_terms",
        parameters=_SIGNED,
        responses={200: BackupTermsAnswer, **_REFUSED},
    )
    def terms(self, request: Request, backup_id: UUID) -> Response:
        """Say how blocks become chunks."""
        return Response(self._transfer(backup_id, "take", "restore").terms().dump())

    @extend_schema(
        operation_id="backup_data_parent",
        parameters=_SIGNED,
        responses={(200, BINARY): OpenApiTypes.BINARY, **_REFUSED},
    )
    def parent(self, request: Request, backup_id: UUID) -> HttpResponse:
        """Return the manifest of the backup before."""
        return _binary(self._transfer(backup_id, "take").parent())

    @extend_schema(
        operation_id="backup_data_known",
        parameters=_SIGNED,
        responses={(200, BINARY): OpenApiTypes.BINARY, **_REFUSED},
    )
    def known(self, request: Request, backup_id: UUID) -> HttpResponse:
        """Return the digests of the chunks that are there, one after the other."""
        return _binary(self._transfer(backup_id, "take").known())

    @extend_schema(
        operation_id="backup_data_put",
        parameters=_SIGNED,
        request={BINARY: OpenApiTypes.BINARY},
        responses={204: None, **_REFUSED},
    )
    def put(self, request: Request, backup_id: UUID) -> Response:
        """Take chunks."""
        transfer = self._transfer(backup_id, "take")
        body = self._body(MOST_CHUNKS)
        transfer.put(body.read)
        body.check_whole()
        return empty(204)

    @extend_schema(
        operation_id="backup_data_put_manifest",
        parameters=_SIGNED,
        request={BINARY: OpenApiTypes.BINARY},
        responses={204: None, **_REFUSED},
    )
    def put_manifest(self, request: Request, backup_id: UUID) -> Response:
        """Take what the host says the backup is."""
        transfer = self._transfer(backup_id, "take")
        body = self._body(transfer.longest_manifest)
        data = b"".join(iter(lambda: body.read(PIECE), b""))
        body.check_whole()
        transfer.put_manifest(data)
        return empty(204)

    @extend_schema(
        operation_id="backup_data_manifest",
        parameters=_SIGNED,
        responses={(200, BINARY): OpenApiTypes.BINARY, **_REFUSED},
    )
    def manifest(self, request: Request, backup_id: UUID) -> HttpResponse:
        """Return the manifest of the backup that is restored."""
        return _binary(self._transfer(backup_id, "restore").manifest())

    @extend_schema(
        operation_id="backup_data_chunk",
        parameters=_SIGNED,
        responses={(200, BINARY): OpenApiTypes.BINARY, **_REFUSED},
    )
    def chunk(self, request: Request, backup_id: UUID, origin: UUID, digest: str) -> HttpResponse:
        """Return a chunk of the backup that is restored."""
        return _binary(self._transfer(backup_id, "restore").chunk(str(origin), digest))

    def _transfer(self, backup_id: UUID, *purposes: Purpose) -> Transfer:
        signature = self.request._request.GET.get("signature", "")
        return opened(backup_id, signature, *purposes)

    def _body(self, most: int) -> Body:
        request = self.request._request
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > most:
            raise RequestTooLarge(f"A body has {most} bytes at most.")
        return Body(request.read, length)


class Body:
    """A body that is read while it comes; what is read at once may be less than was asked for."""

    def __init__(self, read: Callable[[int], bytes], length: int) -> None:
        self._read, self.left = read, length
        self._is_empty = not length

    def read(self, size: int) -> bytes:
        """Return some bytes, none at the end."""
        piece = self._read(min(size, self.left)) if self.left else b""
        self.left -= len(piece)
        return piece

    def check_whole(self) -> None:
        """Raise BadRequest unless all came that was announced."""
        if self.left or self._is_empty:
            raise BadRequest("The body is not all there, or does not say how long it is.")


def _binary(data: bytes) -> HttpResponse:
    return HttpResponse(data, content_type=BINARY)
