"""The parts of backups as guests send and fetch them, through the proxy of their host."""

from __future__ import annotations

from types import ModuleType
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from cloudweb.exceptions import CloudwebError
from databases.dumps import logs, transfers
from image.api.streams import BINARY, RequestBody
from instances.api.metadata import asker_of


@csrf_exempt
@require_http_methods(["GET", "PUT"])
def part(request: HttpRequest, backup_id: UUID, number: int, signature: str) -> HttpResponseBase:
    """Take a part of a backup (its receipt is the ETag), or hand one out."""
    return _passed(request, transfers, backup_id, number, signature)


@csrf_exempt
@require_http_methods(["GET", "PUT"])
def piece(request: HttpRequest, archive_id: UUID, number: int, signature: str) -> HttpResponseBase:
    """Take a piece of a log (its receipt is the ETag), or hand one out."""
    return _passed(request, logs, archive_id, number, signature)


def _passed(
    request: HttpRequest, kept: ModuleType, key: UUID, number: int, signature: str
) -> HttpResponseBase:
    asker = asker_of(request)
    if asker is None:
        return _plain("This is not for you.", 403)
    try:
        if request.method == "GET":
            file, size = kept.read(asker, key, number, signature)
            return FileResponse(file, content_type=BINARY, headers={"Content-Length": str(size)})
        body = RequestBody(request.META)
        receipt = kept.write(asker, key, number, signature, read=body.read)
    except CloudwebError as error:
        return _plain(error.message, error.status)
    return HttpResponse(status=204, headers={"ETag": receipt})


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")
