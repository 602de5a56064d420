"""A request of the event loop as WSGI describes it."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import unquote_to_bytes

from cloudweb.api import proxies
from cloudweb.server.limits import MAX_HEAD, MAX_HEADERS, MAX_LINE

Environ = dict[str, Any]
BINARY = "application/octet-stream"


def environ_of(scope: Any) -> Environ:
    """Return the environment of a request, without its body.

    A header with an underscore is left out: it would read as the one with a dash, which a proxy may
    have checked or set.
    """
    host, port = scope["server"]
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": str(scope["client"][0]) if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for raw, value in scope["headers"]:
        if b"_" in raw:
            continue
        name = raw.decode("latin-1").upper().replace("-", "_")
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = f"HTTP_{name}"
        text = value.decode("latin-1")
        environ[name] = f"{environ[name]},{text}" if name in environ else text
    return environ


def client_of(environ: Environ) -> str:
    """Return who is behind a trusted proxy; nothing for others, who are counted by connections."""
    peer = environ["REMOTE_ADDR"]
    if not proxies.is_trusted(peer):
        return ""
    said = environ.get("HTTP_X_FORWARDED_FOR", "")
    return proxies.one_client(proxies.client_address(said, peer))


def refusal(scope: Any) -> tuple[int, str] | None:
    """Return the status and words for a head that is too large."""
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_LINE:
        return 414, "The URL is too long."
    headers = scope["headers"]
    if len(headers) > MAX_HEADERS or sum(len(n) + len(v) + 4 for n, v in headers) > MAX_HEAD:
        return 431, "The headers are too long or too many."
    return None


def is_chunked(environ: Environ) -> bool:
    """Tell whether the body comes without a length."""
    return "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()


def length_of(environ: Environ) -> int:
    """Return the announced length of the body; the parser has refused what is no number."""
    return int(environ.get("CONTENT_LENGTH") or 0)


def is_upload(environ: Environ, *, larger_than: int) -> bool:
    """Tell whether the body is data that its view streams: put, binary, and large or of unknown length.

    Such a view looks at the caller's rights first; nobody gets a thread for a body without them.
    """
    if environ["REQUEST_METHOD"] != "PUT":
        return False
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    return kind == BINARY and (is_chunked(environ) or length_of(environ) > larger_than)
