"""How a host brings an image's data: one PUT to a URL that is signed for this image."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx

from cloudweb.driver import DiskFull, DriverError, TransientDriverError

TIMEOUT = httpx.Timeout(300.0, connect=10.0)
_NOW_NOT = (408, 409, 425, 429, 500, 502, 503, 504)


def send(
    url: str,
    content: Iterator[bytes],
    *,
    size: int,
    sha512: bytes | None = None,
    transport: httpx.BaseTransport | None = None,
) -> None:
    """Send ``size`` bytes; raise TransientDriverError, DiskFull, DriverError with the API's words.

    With ``sha512`` the image takes them only if they arrive as they were read.
    """
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    if sha512 is not None:  # RFC 9530
        headers["Content-Digest"] = f"sha-512=:{base64.b64encode(sha512).decode()}:"
    try:
        with httpx.Client(timeout=TIMEOUT, trust_env=False, transport=transport) as http:
            answer = http.put(url, content=content, headers=headers)
    except httpx.TransportError as error:
        raise TransientDriverError(
            "The images of the cloud could not be reached.", detail=repr(error)
        ) from error
    if not answer.is_success:
        raise _refused(answer)


def _refused(answer: httpx.Response) -> DriverError:
    status, said = answer.status_code, _message(answer)
    detail = f"HTTP {status}: {said}"
    if status == httpx.codes.INSUFFICIENT_STORAGE:
        return DiskFull("The store of images has no room left.", detail=detail)
    if status in _NOW_NOT:
        return TransientDriverError("The images of the cloud take no data now.", detail=detail)
    return DriverError(said or "The cloud does not take this image (any more).", detail=detail)


def _message(answer: httpx.Response) -> str:
    """Return the sentence of an error in the image API's envelope; nothing of a proxy's page."""
    try:
        said = answer.json()["error"]["message"]
    except (ValueError, LookupError, TypeError):
        return ""
    return str(said)[:255]
