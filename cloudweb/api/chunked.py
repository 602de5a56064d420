"""Bodies without a length: Django reads none of a chunked request, so they get one here."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
BINARY = "application/octet-stream"


class ChunkedBodies:
    """WSGI middleware that gives chunked bodies their length, at most one byte over the limit.

    Django then refuses what is too large as it does any other body. Binary uploads are left to the
    view that streams them: it reads ``wsgi.input`` to its end.
    """

    def __init__(self, application: Application, *, limit: int) -> None:
        self.application, self.limit = application, limit

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        chunked = environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower() == "chunked"
        binary = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == BINARY
        if chunked and not binary and environ.get("wsgi.input_terminated"):
            body = self._read(environ["wsgi.input"])
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return self.application(environ, start_response)

    def _read(self, stream: Any) -> bytes:
        parts, wanted = [], self.limit + 1
        while wanted > 0 and (part := stream.read(min(wanted, 65536))):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)
