"""``/api/schema/download``: the OpenAPI schema, drawn once by a process and kept compressed."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from threading import Lock

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
)
from rest_framework.renderers import BaseRenderer

from cloudweb.api.schema import Generator

#: In the order in which they are offered to a client who takes any.
RENDERERS: dict[str, type[BaseRenderer]] = {
    one.media_type: one for one in (OpenApiYamlRenderer, OpenApiJsonRenderer, OpenApiJsonRenderer2)
}
_drawing = Lock()


@dataclass(frozen=True, slots=True)
class Document:
    """The schema in one format."""

    compressed: bytes
    etag: str


def document(media_type: str) -> Document:
    """Return the schema. Drawing costs a second and does not bear company: one thread does it."""
    with _drawing:
        return _drawn(media_type)


@cache
def _drawn(media_type: str) -> Document:
    schema = Generator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    text = RENDERERS[media_type]().render(schema, renderer_context={})
    assert isinstance(text, bytes)
    return Document(gzip.compress(text, mtime=0), quote_etag(hashlib.sha256(text).hexdigest()[:32]))


@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """Answer YAML, or JSON for who asks for it; 304 for who has it."""
    media_type = request.get_preferred_type(list(RENDERERS)) or next(iter(RENDERERS))
    found = document(media_type)
    if "gzip" in request.headers.get("Accept-Encoding", "").lower():
        response = HttpResponse(found.compressed, content_type=media_type)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = HttpResponse(gzip.decompress(found.compressed), content_type=media_type)
    response.headers["ETag"] = found.etag
    response.headers["Cache-Control"] = "public, max-age=300"
    patch_vary_headers(response, ("Accept", "Accept-Encoding"))
    return get_conditional_response(request, etag=found.etag, response=response) or response
